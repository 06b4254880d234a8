//! The certificates that verify webhooks of SNS.

use super::*;

/// A fake SNS that records which addresses are fetched.
struct Sns {
    answers: RefCell<VecDeque<Result<HttpResponse, HttpError>>>,
    visited: RefCell<Vec<String>>,
}

impl Sns {
    fn new(answers: Vec<Result<HttpResponse, HttpError>>) -> Self {
        Self { answers: RefCell::new(answers.into()), visited: RefCell::default() }
    }
}

impl Http for Sns {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        assert_eq!(request.method, "GET");
        self.visited.borrow_mut().push(request.url);
        self.answers.borrow_mut().pop_front().expect("a call that the script does not know")
    }
}

fn ok(body: &str) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.to_owned() })
}

#[test]
fn sns_certificate_is_fetched_once() {
    let certificate = include_str!("../../../src/providers/ses/webhook/fixtures/certificate.pem");
    const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
    let get = |name: &str| match name {
        "SES_TOPIC_ARN" => Some(TOPIC.to_owned()),
        "SNS_ISSUERS" => {
            let issuer = include_str!("../../../src/providers/ses/webhook/fixtures/issuer.pem");
            Some(issuer.to_owned())
        }
        _ => None,
    };
    let secrets = Secrets::read(get).unwrap();
    let certificates = Certificates::default();
    let receive_from = |sns: &Sns, body: &str| {
        let header = |_: &str| String::new();
        let body = body.as_bytes();
        let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now: MONDAY };
        block_on(receive(sns, &certificates, WebhookProvider::Ses, &hook, &secrets))
    };
    let bounce = include_str!("../../../src/providers/ses/webhook/fixtures/v2.json");
    let away = Sns::new(vec![Err(HttpError::TimedOut)]);
    assert!(matches!(receive_from(&away, bounce), Err(WebhookError::Unavailable(_))));
    let page = format!("<html>{certificate}</html>");
    let poisoned = Sns::new(vec![ok(&page)]);
    let refused = receive_from(&poisoned, bounce);
    assert_eq!(refused, Err(WebhookError::Refused(Refusal::Unverified)), "and it is not kept");
    let sns = Sns::new(vec![ok(certificate), ok("<ConfirmSubscriptionResponse/>")]);
    assert_eq!(receive_from(&sns, bounce).unwrap().len(), 1);
    assert_eq!(receive_from(&sns, bounce).unwrap().len(), 1);
    let subscribe = include_str!("../../../src/providers/ses/webhook/fixtures/sub.json");
    assert_eq!(receive_from(&sns, subscribe), Ok(Vec::new()));
    let forged = subscribe.replace("Token=t", "Token=u");
    let refused = receive_from(&sns, &forged);
    assert_eq!(refused, Err(WebhookError::Refused(Refusal::Unverified)));
    insta::assert_snapshot!(sns.visited.borrow().join("\n"), @r"
    https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem
    https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t
    ");
}

#[test]
fn unverified_requests_fetch_few_sns_certificates() {
    const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
    let get = |name: &str| (name == "SES_TOPIC_ARN").then(|| TOPIC.to_owned());
    let secrets = Secrets::read(get).unwrap();
    let certificates = Certificates::default();
    let bounce = include_str!("../../../src/providers/ses/webhook/fixtures/v2.json");
    let visits = |minutes: i64| {
        let sns = Sns::new(vec![ok("x"); 100]);
        for n in 0..100 {
            let body = bounce.replace("Service-1.pem", &format!("Service-{n:x}.pem"));
            let header = |_: &str| String::new();
            let (body, now) = (body.as_bytes(), MONDAY.plus(Span::minutes(minutes)));
            let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now };
            let got = block_on(receive(&sns, &certificates, WebhookProvider::Ses, &hook, &secrets));
            assert!(got.is_err());
        }
        sns.visited.borrow().len()
    };
    assert_eq!([visits(0), visits(0), visits(2)], [5, 0, 5]);
}
