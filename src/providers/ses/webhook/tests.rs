//! Webhooks of Amazon SES, signed by SNS.

use crate::domain::base::primitives::Span;
use crate::providers::ses::certificate::check_issuers;
use crate::providers::webhooks::tests::{NOW, Sent};
use crate::providers::webhooks::{Hook, Reading, Refusal, Secrets, WebhookProvider, read};

const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
const V2: &str = include_str!("fixtures/v2.json");
const PEM: &str = include_str!("fixtures/certificate.pem");
const CERTIFICATE_URL: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

fn sns(body: &str) -> Sent {
    Sent { body: body.as_bytes().to_vec(), ..<_>::default() }
}

/// Returns settings in which `issuer.pem` is an issuer of SNS certificates.
fn sns_setting(name: &str) -> Option<String> {
    match name {
        "SES_TOPIC_ARN" => Some(TOPIC.to_owned()),
        "SNS_ISSUERS" => Some(include_str!("fixtures/issuer.pem").to_owned()),
        _ => None,
    }
}

fn read_sns(
    body: &str,
    setting: impl Fn(&str) -> Option<String>,
    pem: Option<&str>,
) -> Result<Reading, Refusal> {
    let secrets = Secrets::read(setting).unwrap();
    let header = |_: &str| String::new();
    let body = body.as_bytes();
    let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now: NOW };
    read(WebhookProvider::Ses, &hook, &secrets, |_| pem.map(str::to_owned))
}

#[test]
fn ses_webhook_needs_sns_signature() {
    insta::assert_snapshot!(sns(V2).events(WebhookProvider::Ses, TOPIC), @r#"
    Hard no_such_address 5.1.1 | e.1 ses-1 ann@x.example 2026-03-02T09:00:00Z
    "#);
    let forged = sns(&V2.replace("Permanent", "Transient"));
    assert_eq!(forged.read(WebhookProvider::Ses, TOPIC), Err(Refusal::Unverified));
    // SNS signs for anybody's topic.
    let other = sns(V2).read(WebhookProvider::Ses, "arn:aws:sns:eu-west-1:2:bounces");
    assert_eq!(other, Err(Refusal::Unverified));
    let late = NOW.plus(Span::minutes(66));
    assert_eq!(sns(V2).read_at(WebhookProvider::Ses, TOPIC, late), Err(Refusal::Stale));
}

#[test]
fn old_sns_signature_needs_permission() {
    let v1 = include_str!("fixtures/v1.json");
    assert_eq!(read_sns(v1, sns_setting, Some(PEM)), Err(Refusal::OldSignature));
    let allowing = |name: &str| match name {
        "SNS_SIGNATURE_VERSION" => Some("1".to_owned()),
        name => sns_setting(name),
    };
    let read = read_sns(v1, allowing, Some(PEM));
    assert!(matches!(read, Ok(Reading::Events(events)) if events.len() == 1));
    assert!(read_sns(V2, allowing, Some(PEM)).is_ok());
    let forged = v1.replace("Permanent", "Transient");
    assert_eq!(read_sns(&forged, allowing, Some(PEM)), Err(Refusal::Unverified));
    // A signature of one version is not accepted as one of the other.
    let relabelled = v1.replace(r#""SignatureVersion": "1""#, r#""SignatureVersion": "2""#);
    assert_ne!(relabelled, v1);
    assert_eq!(read_sns(&relabelled, allowing, Some(PEM)), Err(Refusal::Unverified));
}

#[test]
fn sns_certificate_url_must_be_an_sns_address() {
    for elsewhere in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.@evil.example/.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-1.pem",
        "https://u@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.evil.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.s3.amazonaws.com.cn.example/SimpleNotificationService-1.pem",
        "https://sns..amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.a.amazonaws.com/SimpleNotificationService-1.pem",
        "https://s3.amazonaws.com/SimpleNotificationService-1.pem",
        "https://169.254.169.254/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem#x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem/",
        "https://sns.eu-west-1.amazonaws.com//SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/x/../SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-xyz.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem\n",
        " https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "",
    ] {
        let url = elsewhere.replace('\n', "\\n");
        let forged = V2.replace(CERTIFICATE_URL, &url);
        assert_ne!(forged, V2);
        // The certificate is not even requested.
        assert_eq!(read_sns(&forged, sns_setting, None), Err(Refusal::Unverified), "{elsewhere}");
    }
    let wanted = Ok(Reading::NeedsCertificate(CERTIFICATE_URL.to_owned()));
    assert_eq!(read_sns(V2, sns_setting, None), wanted);
    let china = CERTIFICATE_URL.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn");
    let wanted = Ok(Reading::NeedsCertificate(china.clone()));
    assert_eq!(read_sns(&V2.replace(CERTIFICATE_URL, &china), sns_setting, None), wanted);
}

#[test]
fn invalid_sns_messages_fetch_no_certificate() {
    for (right, wrong) in [
        (TOPIC, "arn:aws:sns:eu-west-1:2:bounces"),
        (
            "2026-03-02T09:00:00.000Z\", \"SignatureVersion",
            "2026-03-01T09:00:00Z\", \"SignatureVersion",
        ),
        ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"3\""),
        ("\"Signature\": \"", "\"Signature\": \"!"),
    ] {
        let forged = V2.replace(right, wrong);
        assert_ne!(forged, V2, "{right}");
        assert!(read_sns(&forged, sns_setting, None).is_err(), "{right}");
    }
}

#[test]
fn sns_certificate_needs_name_issuer_and_validity() {
    let regional = include_str!("fixtures/regional.pem");
    for good in [PEM, regional, &format!("\n{PEM}\n")] {
        assert!(read_sns(V2, sns_setting, Some(good)).is_ok());
    }
    let bad = [
        include_str!("fixtures/bad/another-region.pem"),
        include_str!("fixtures/bad/another-name.pem"),
        include_str!("fixtures/bad/name-in-subject-only.pem"),
        include_str!("fixtures/bad/expired.pem"),
        include_str!("fixtures/bad/not-yet.pem"),
        include_str!("fixtures/bad/authority.pem"),
        include_str!("fixtures/bad/self-signed.pem"),
        include_str!("fixtures/bad/signed-by-another.pem"),
        include_str!("fixtures/bad/says-amazon.pem"),
        include_str!("fixtures/issuer.pem"),
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        &format!("<html>{PEM}</html>"),
        &format!("{PEM}{PEM}"),
        &format!("<Error>{PEM}"),
        &format!("{PEM}\nx"),
        &format!("{PEM}{}", " ".repeat(20_000)),
    ];
    for pem in bad {
        assert_eq!(read_sns(V2, sns_setting, Some(pem)), Err(Refusal::Unverified), "{pem}");
    }
    // Without the setting, only Amazon's own issuers are accepted.
    let amazons = |name: &str| sns_setting(name).filter(|_| name != "SNS_ISSUERS");
    assert_eq!(read_sns(V2, amazons, Some(PEM)), Err(Refusal::Unverified));
    for end in (0..PEM.len()).step_by(3) {
        let cut = format!("{}-----END CERTIFICATE-----", &PEM[..end]);
        assert_eq!(read_sns(V2, sns_setting, Some(&cut)), Err(Refusal::Unverified));
    }
}

#[test]
fn sns_issuer_setting_is_validated() {
    assert_eq!(check_issuers(include_str!("../amazon.pem")), Ok(()));
    for wrong in ["x", PEM, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"] {
        let get = |name: &str| (name == "SNS_ISSUERS").then(|| wrong.to_owned());
        assert!(Secrets::read(get).is_err(), "{wrong}");
    }
    let get = |name: &str| (name == "SNS_SIGNATURE_VERSION").then(|| "3".to_owned());
    assert!(Secrets::read(get).is_err());
}

#[test]
fn sns_subscription_needs_signature_and_sns_url() {
    let body = include_str!("fixtures/sub.json");
    let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    assert_eq!(sns(body).read(WebhookProvider::Ses, TOPIC), Ok(Reading::Confirm(url.to_owned())));
    let forged = sns(&body.replace("Token=t", "Token=u"));
    assert_eq!(forged.read(WebhookProvider::Ses, TOPIC), Err(Refusal::Unverified));
    // Signed, but for another host or another action.
    for evil in [
        include_str!("fixtures/evil.json"),
        include_str!("fixtures/bad/sub-0.json"),
        include_str!("fixtures/bad/sub-1.json"),
        include_str!("fixtures/bad/sub-2.json"),
        include_str!("fixtures/bad/sub-3.json"),
    ] {
        assert_eq!(sns(evil).read(WebhookProvider::Ses, TOPIC), Err(Refusal::Unverified));
    }
}

#[test]
fn every_ses_recipient_is_reported() {
    let body = include_str!("fixtures/complaint.json");
    insta::assert_snapshot!(sns(body).events(WebhookProvider::Ses, TOPIC), @r#"
    Complained | e.1 ses-1 somebody@else.example 2026-03-02T09:00:00Z
    Complained | e.1 ses-1 ann@x.example 2026-03-02T09:00:00Z
    "#);
}
