//! E-mail providers.

use super::{call, mail, meanings, wire};
use dripline::domain::contact::message::Class;
use dripline::providers::http::HttpResponse;
use dripline::providers::{
    BatchResult, Content, Outgoing, Provider, brevo, cloudflare, mailgun, postmark,
};
use dripline::providers::{resend, sendgrid, ses};
use insta::assert_snapshot;

/// What any provider may do, whatever its documentation says.
const AT_WORST: [&str; 5] = ["200 <html>", "502 <html>", "silence", "garbage", "half"];

fn with_worst<'a>(replies: &[&'a str]) -> Vec<&'a str> {
    [replies, &AT_WORST].concat()
}

#[test]
fn resend() {
    let sender = Provider::Resend(resend::Account { api_key: "re_key".to_owned() });
    let messages = [mail(1)];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://api.resend.com/emails
    authorization: Bearer re_key
    content-type: application/json
    idempotency-key: 019c-a_b.1

    {
      "from": "Ann & Söhne <hello@go.example>",
      "headers": {
        "List-Unsubscribe": "<https://go.example/u/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"
      },
      "html": "<p>Grüße</p>",
      "subject": "50 % “off” & more",
      "tags": [
        {
          "name": "dripline_message",
          "value": "019c-a__b_-1"
        }
      ],
      "text": "Grüße",
      "to": [
        "p1@x.example"
      ]
    }
    "#);
    let replies = with_worst(&[
        r#"200 {"id":"re-1"}"#,
        r#"401 {"name":"missing_api_key","message":"m"}"#,
        r#"403 {"name":"validation_error","message":"domain"}"#,
        r#"403 {"name":"invalid_api_key","message":"m"}"#,
        r#"409 {"name":"invalid_idempotent_request"}"#,
        r#"409 {"name":"concurrent_idempotent_requests"}"#,
        r#"422 {"name":"validation_error","message":"to"}"#,
        r#"429 retry-after=7 {"name":"rate_limit_exceeded"}"#,
        r#"500 {"name":"application_error"}"#,
        r#"503 retry-after=60 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    200 {"id":"re-1"}                => accepted re-1
    401 {"name":"missing_api_key","m => stop: 401 missing_api_key: m
    403 {"name":"validation_error"," => retry: 403 validation_error: domain
    403 {"name":"invalid_api_key","m => stop: 403 invalid_api_key: m
    409 {"name":"invalid_idempotent_ => unclear: sent before under the same key, with other content
    409 {"name":"concurrent_idempote => lost: 409 concurrent_idempotent_requests
    422 {"name":"validation_error"," => refused: 422 validation_error: to
    429 retry-after=7 {"name":"rate_ => busy after 7s: 429 rate_limit_exceeded
    500 {"name":"application_error"} => lost: 500 application_error
    503 retry-after=60 {}            => busy after 1m: 503
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn resend_in_batches() {
    let sender = Provider::Resend(resend::Account { api_key: "re_key".to_owned() });
    let messages = [mail(1), mail(2), mail(3)];
    let batch = call(&messages, true);
    let sent = wire(&sender, call(&messages[..1], true));
    assert_snapshot!(sent, @r#"
    POST https://api.resend.com/emails/batch
    authorization: Bearer re_key
    content-type: application/json
    idempotency-key: 75843029-ad6a-8708-83bc-d98b802b4a1f
    x-batch-validation: permissive

    [
      {
        "from": "Ann & Söhne <hello@go.example>",
        "headers": {
          "List-Unsubscribe": "<https://go.example/u/t>",
          "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"
        },
        "html": "<p>Grüße</p>",
        "subject": "50 % “off” & more",
        "tags": [
          {
            "name": "dripline_message",
            "value": "019c-a__b_-1"
          }
        ],
        "text": "Grüße",
        "to": [
          "p1@x.example"
        ]
      }
    ]
    "#);
    let replies = [
        r#"200 {"data":[{"id":"a"},{"id":"b"},{"id":"c"}]}"#,
        r#"200 {"data":[{"id":"a"},{"id":"c"}],"errors":[{"index":1,"message":"no"}]}"#,
        r#"200 {"data":[{"id":"a"}]}"#,
        r#"422 {"name":"validation_error","message":"m"}"#,
        "silence",
    ];
    assert_snapshot!(meanings(&sender, batch, &replies), @r#"
    200 {"data":[{"id":"a"},{"id":"b => accepted a | accepted b | accepted c
    200 {"data":[{"id":"a"},{"id":"c => accepted a | refused: no | accepted c
    200 {"data":[{"id":"a"}]}        => lost: an answer that does not fit the batch
    422 {"name":"validation_error"," => refused: 422 validation_error: m
    silence                          => lost: no answer in time
    "#);
}

fn postmark() -> Provider {
    Provider::Postmark(postmark::Account {
        server_token: "token".to_owned(),
        broadcast_stream: "broadcast".to_owned(),
    })
}

#[test]
fn postmark_one_by_one() {
    let messages = [Outgoing { class: Class::Transactional, ..mail(1) }];
    let one = call(&messages, false);
    assert_snapshot!(wire(&postmark(), one), @r#"
    POST https://api.postmarkapp.com/email
    content-type: application/json
    accept: application/json
    x-postmark-server-token: token

    {
      "From": "Ann & Söhne <hello@go.example>",
      "Headers": [
        {
          "Name": "List-Unsubscribe",
          "Value": "<https://go.example/u/t>"
        },
        {
          "Name": "List-Unsubscribe-Post",
          "Value": "List-Unsubscribe=One-Click"
        }
      ],
      "HtmlBody": "<p>Grüße</p>",
      "MessageStream": "outbound",
      "Metadata": {
        "dripline_message": "019c-a_b.1"
      },
      "Subject": "50 % “off” & more",
      "TextBody": "Grüße",
      "To": "p1@x.example",
      "TrackLinks": "None",
      "TrackOpens": false
    }
    "#);
    let replies = with_worst(&[
        r#"200 {"ErrorCode":0,"MessageID":"pm-1"}"#,
        r#"401 {"ErrorCode":10,"Message":"token"}"#,
        r#"422 {"ErrorCode":300,"Message":"address"}"#,
        r#"422 {"ErrorCode":400,"Message":"signature"}"#,
        r#"422 {"ErrorCode":405,"Message":"credit"}"#,
        r#"422 {"ErrorCode":406,"Message":"inactive"}"#,
        r#"429 retry-after=9 {"ErrorCode":429}"#,
        r#"503 {}"#,
    ]);
    assert_snapshot!(meanings(&postmark(), one, &replies), @r#"
    200 {"ErrorCode":0,"MessageID":" => accepted pm-1
    401 {"ErrorCode":10,"Message":"t => stop: 401 token
    422 {"ErrorCode":300,"Message":" => refused: 300 address
    422 {"ErrorCode":400,"Message":" => retry: 400 signature
    422 {"ErrorCode":405,"Message":" => stop: 405 credit
    422 {"ErrorCode":406,"Message":" => refused: 406 inactive
    429 retry-after=9 {"ErrorCode":4 => busy after 9s: 429
    503 {}                           => busy: 503
    200 <html>                       => lost: an answer without a code
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn postmark_in_batches() {
    let messages = [mail(1), mail(2)];
    let batch = call(&messages, true);
    assert_snapshot!(wire(&postmark(), batch), @r#"
    POST https://api.postmarkapp.com/email/batch
    content-type: application/json
    accept: application/json
    x-postmark-server-token: token

    [
      {
        "From": "Ann & Söhne <hello@go.example>",
        "Headers": [
          {
            "Name": "List-Unsubscribe",
            "Value": "<https://go.example/u/t>"
          },
          {
            "Name": "List-Unsubscribe-Post",
            "Value": "List-Unsubscribe=One-Click"
          }
        ],
        "HtmlBody": "<p>Grüße</p>",
        "MessageStream": "broadcast",
        "Metadata": {
          "dripline_message": "019c-a_b.1"
        },
        "Subject": "50 % “off” & more",
        "TextBody": "Grüße",
        "To": "p1@x.example",
        "TrackLinks": "None",
        "TrackOpens": false
      },
      {
        "From": "Ann & Söhne <hello@go.example>",
        "Headers": [
          {
            "Name": "List-Unsubscribe",
            "Value": "<https://go.example/u/t>"
          },
          {
            "Name": "List-Unsubscribe-Post",
            "Value": "List-Unsubscribe=One-Click"
          }
        ],
        "HtmlBody": "<p>Grüße</p>",
        "MessageStream": "broadcast",
        "Metadata": {
          "dripline_message": "019c-a_b.2"
        },
        "Subject": "50 % “off” & more",
        "TextBody": "Grüße",
        "To": "p2@x.example",
        "TrackLinks": "None",
        "TrackOpens": false
      }
    ]
    "#);
    let replies = [
        r#"200 [{"ErrorCode":0,"MessageID":"a"},{"ErrorCode":406,"Message":"no"}]"#,
        r#"200 [{"ErrorCode":0,"MessageID":"a"}]"#,
        r#"200 {"ErrorCode":0}"#,
        r#"422 {"ErrorCode":402,"Message":"json"}"#,
        "silence",
    ];
    assert_snapshot!(meanings(&postmark(), batch, &replies), @r#"
    200 [{"ErrorCode":0,"MessageID": => accepted a | refused: 406 no
    200 [{"ErrorCode":0,"MessageID": => lost: an answer that does not fit the batch
    200 {"ErrorCode":0}              => lost: an answer that does not fit the batch
    422 {"ErrorCode":402,"Message":" => refused: 402 json
    silence                          => lost: no answer in time
    "#);
}

#[test]
fn amazon_ses() {
    let sender = ses_account();
    let messages = [mail(1)];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails
    content-type: application/json
    x-amz-date: 20260302T090000Z
    authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260302/eu-west-1/ses/aws4_reque
      st, SignedHeaders=content-type;host;x-amz-date, Signature=bac77f74fd494a3e3af434a2cc419b
      6f45c7dcc55db1fbbac4e850d64641dd2b

    {
      "ConfigurationSetName": "events",
      "Content": {
        "Simple": {
          "Body": {
            "Html": {
              "Charset": "UTF-8",
              "Data": "<p>Grüße</p>"
            },
            "Text": {
              "Charset": "UTF-8",
              "Data": "Grüße"
            }
          },
          "Headers": [
            {
              "Name": "List-Unsubscribe",
              "Value": "<https://go.example/u/t>"
            },
            {
              "Name": "List-Unsubscribe-Post",
              "Value": "List-Unsubscribe=One-Click"
            }
          ],
          "Subject": {
            "Charset": "UTF-8",
            "Data": "50 % “off” & more"
          }
        }
      },
      "Destination": {
        "ToAddresses": [
          "p1@x.example"
        ]
      },
      "EmailTags": [
        {
          "Name": "dripline_message",
          "Value": "019c-a__b_-1"
        }
      ],
      "FromEmailAddress": "=?UTF-8?B?QW5uICYgU8O2aG5l?= <hello@go.example>"
    }
    "#);
    let replies = with_worst(&[
        r#"200 {"MessageId":"ses-1"}"#,
        r#"400 x-amzn-errortype=MessageRejected {"message":"no"}"#,
        r#"400 x-amzn-errortype=SendingPausedException {"message":"p"}"#,
        r#"400 x-amzn-errortype=MailFromDomainNotVerifiedException {}"#,
        r#"403 x-amzn-errortype=InvalidSignatureException {"message":"s"}"#,
        r#"429 x-amzn-errortype=TooManyRequestsException:http://x {}"#,
        r#"400 x-amzn-errortype=LimitExceededException {}"#,
        r#"500 x-amzn-errortype=InternalFailure {}"#,
        r#"503 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    200 {"MessageId":"ses-1"}        => accepted ses-1
    400 x-amzn-errortype=MessageReje => refused: 400 MessageRejected: no
    400 x-amzn-errortype=SendingPaus => stop: 400 SendingPausedException: p
    400 x-amzn-errortype=MailFromDom => retry: 400 MailFromDomainNotVerifiedException
    403 x-amzn-errortype=InvalidSign => stop: 403 InvalidSignatureException: s
    429 x-amzn-errortype=TooManyRequ => busy: 429 TooManyRequestsException
    400 x-amzn-errortype=LimitExceed => busy: 400 LimitExceededException
    500 x-amzn-errortype=InternalFai => lost: 500 InternalFailure
    503 {}                           => busy: 503
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn sendgrid() {
    let sender = Provider::SendGrid(sendgrid::Account { api_key: "SG.key".to_owned() });
    let messages = [mail(1)];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://api.sendgrid.com/v3/mail/send
    content-type: application/json
    authorization: Bearer SG.key

    {
      "content": [
        {
          "type": "text/plain",
          "value": "Grüße"
        },
        {
          "type": "text/html",
          "value": "<p>Grüße</p>"
        }
      ],
      "from": {
        "email": "hello@go.example",
        "name": "Ann & Söhne"
      },
      "headers": {
        "List-Unsubscribe": "<https://go.example/u/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"
      },
      "personalizations": [
        {
          "custom_args": {
            "dripline_message": "019c-a_b.1"
          },
          "to": [
            {
              "email": "p1@x.example"
            }
          ]
        }
      ],
      "subject": "50 % “off” & more",
      "tracking_settings": {
        "click_tracking": {
          "enable": false
        },
        "open_tracking": {
          "enable": false
        },
        "subscription_tracking": {
          "enable": false
        }
      }
    }
    "#);
    let replies = with_worst(&[
        "202 x-message-id=sg-1 ",
        "202",
        r#"400 {"errors":[{"message":"bad","field":"subject"}]}"#,
        r#"401 {"errors":[{"message":"key"}]}"#,
        r#"403 {"errors":[{"message":"verify","field":"from"}]}"#,
        r#"403 {"errors":[{"message":"forbidden"}]}"#,
        r#"413 {"errors":[{"message":"large"}]}"#,
        r#"429 {"errors":[{"message":"many"}]}"#,
        r#"500 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    202 x-message-id=sg-1            => accepted sg-1
    202                              => lost: an answer without an id
    400 {"errors":[{"message":"bad", => refused: 400 bad
    401 {"errors":[{"message":"key"} => stop: 401 key
    403 {"errors":[{"message":"verif => retry: 403 verify
    403 {"errors":[{"message":"forbi => stop: 403 forbidden
    413 {"errors":[{"message":"large => refused: 413 large
    429 {"errors":[{"message":"many" => busy: 429 many
    500 {}                           => lost: 500
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn mailgun() {
    let sender = mailgun_account();
    let messages = [mail(1)];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r"
    POST https://api.eu.mailgun.net/v3/mg.go.example/messages
    authorization: Basic YXBpOmtleQ==
    content-type: application/x-www-form-urlencoded

    from=Ann%20%26%20S%C3%B6hne%20%3Chello%40go.example%3E&to=p1%40x.example&subject=50%20%2
      5%20%E2%80%9Coff%E2%80%9D%20%26%20more&text=Gr%C3%BC%C3%9Fe&html=%3Cp%3EGr%C3%BC%C3%9Fe%
      3C%2Fp%3E&o%3Atracking=no&v%3Adripline_message=019c-a_b.1&h%3AList-Unsubscribe=%3Chttps%
      3A%2F%2Fgo.example%2Fu%2Ft%3E&h%3AList-Unsubscribe-Post=List-Unsubscribe%3DOne-Click
    ");
    let replies = with_worst(&[
        r#"200 {"id":"<mg-1@go.example>","message":"Queued."}"#,
        r#"400 {"message":"to parameter is not valid"}"#,
        "401 Forbidden",
        r#"402 {"message":"pay"}"#,
        r#"404 {"message":"Domain not found"}"#,
        r#"429 retry-after=3 {"message":"slow"}"#,
        r#"500 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    200 {"id":"<mg-1@go.example>","m => accepted <mg-1@go.example>
    400 {"message":"to parameter is  => refused: 400 to parameter is not valid
    401 Forbidden                    => stop: 401
    402 {"message":"pay"}            => stop: 402 pay
    404 {"message":"Domain not found => stop: 404 Domain not found
    429 retry-after=3 {"message":"sl => busy after 3s: 429 slow
    500 {}                           => lost: 500
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn brevo() {
    let sender = Provider::Brevo(brevo::Account { api_key: "xkeysib-1".to_owned() });
    let messages = [mail(1)];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://api.brevo.com/v3/smtp/email
    content-type: application/json
    accept: application/json
    api-key: xkeysib-1

    {
      "headers": {
        "List-Unsubscribe": "<https://go.example/u/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-Mailin-custom": "dripline_message:019c-a_b.1",
        "idempotencyKey": "295f6c24-89e4-8f6e-8dc8-1cda6513aa22"
      },
      "htmlContent": "<p>Grüße</p>",
      "sender": {
        "email": "hello@go.example",
        "name": "Ann & Söhne"
      },
      "subject": "50 % “off” & more",
      "textContent": "Grüße",
      "to": [
        {
          "email": "p1@x.example"
        }
      ]
    }
    "#);
    let replies = with_worst(&[
        r#"201 {"messageId":"<b-1@relay>"}"#,
        r#"400 {"code":"invalid_parameter","message":"to"}"#,
        r#"400 {"code":"duplicate_request","message":"key"}"#,
        r#"401 {"code":"unauthorized","message":"key"}"#,
        r#"402 {"code":"not_enough_credits","message":"c"}"#,
        r#"429 retry-after=5 {"code":"too_many_requests"}"#,
        r#"500 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    201 {"messageId":"<b-1@relay>"}  => accepted <b-1@relay>
    400 {"code":"invalid_parameter", => refused: 400 invalid_parameter: to
    400 {"code":"duplicate_request", => unclear: 400 duplicate_request: key
    401 {"code":"unauthorized","mess => stop: 401 unauthorized: key
    402 {"code":"not_enough_credits" => stop: 402 not_enough_credits: c
    429 retry-after=5 {"code":"too_m => busy after 5s: 429 too_many_requests
    500 {}                           => lost: 500
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn cloudflare_takes_no_marketing() {
    let marketing = [mail(1)];
    assert_eq!(Provider::Cloudflare.request(call(&marketing, false)), None);
    let messages = [Outgoing { class: Class::Transactional, ..mail(1) }];
    let one = call(&messages, false);
    let request = Provider::Cloudflare.request(one).unwrap();
    assert_eq!(request.url, cloudflare::URL);
    let mail: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&mail).unwrap(), @r#"
    {
      "from": "hello@go.example",
      "from_name": "Ann & Söhne",
      "headers": {
        "List-Unsubscribe": "<https://go.example/u/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-dripline-message": "019c-a__b_-1"
      },
      "html": "<p>Grüße</p>",
      "subject": "50 % “off” & more",
      "text": "Grüße",
      "to": "p1@x.example"
    }
    "#);
    let answers = [
        (200, r#"{"id":"cf-1"}"#),
        (500, r#"{"code":"E_RATE_LIMIT_EXCEEDED","message":"m"}"#),
        (500, r#"{"code":"E_RECIPIENT_SUPPRESSED","message":"m"}"#),
        (500, r#"{"code":"E_SENDER_NOT_VERIFIED","message":"m"}"#),
        (500, r#"{"code":"E_NO_BINDING","message":"m"}"#),
        (500, r#"{"code":"E_INTERNAL_SERVER_ERROR","message":"m"}"#),
        (500, r#"{"code":"","message":"thrown"}"#),
    ];
    let meaning = |(status, body): &(u16, &str)| {
        let response = HttpResponse { status: *status, headers: vec![], body: (*body).to_owned() };
        let BatchResult::All(attempt) = Provider::Cloudflare.batch_result(one, Ok(response)) else {
            return String::new();
        };
        super::in_short(&attempt)
    };
    let meanings: Vec<String> = answers.iter().map(meaning).collect();
    assert_snapshot!(meanings.join("\n"), @r"
    accepted cf-1
    busy: E_RATE_LIMIT_EXCEEDED m
    refused: E_RECIPIENT_SUPPRESSED m
    stop: E_SENDER_NOT_VERIFIED m
    stop: E_NO_BINDING m
    lost: E_INTERNAL_SERVER_ERROR m
    lost: thrown
    ");
}

/// A comma in a name would make two addresses of one, so the name is quoted or sent in its own
/// field.
#[test]
fn sender_name_with_comma_is_quoted_for_every_provider() {
    let mut message = mail(1);
    message.class = Class::Transactional;
    let Content::Email { from, .. } = &mut message.content else { panic!("a mail") };
    "Acme, Inc. <hello@go.example>".clone_into(from);
    let quoted = r#""Acme, Inc." <hello@go.example>"#;
    let json = serde_json::json!(quoted).to_string();
    let form = "%22Acme%2C%20Inc.%22%20%3Chello%40go.example%3E";
    let account = "k".to_owned();
    let parts = || vec![r#""email":"hello@go.example""#, r#""name":"Acme, Inc.""#];
    let expected: [(Provider, Vec<&str>); 7] = [
        (Provider::Resend(resend::Account { api_key: account.clone() }), vec![&json]),
        (postmark(), vec![&json]),
        (ses_account(), vec![&json]),
        (Provider::SendGrid(sendgrid::Account { api_key: account.clone() }), parts()),
        (mailgun_account(), vec![form]),
        (Provider::Brevo(brevo::Account { api_key: account }), parts()),
        (Provider::Cloudflare, vec![r#""from":"hello@go.example""#, r#""from_name":"Acme, Inc.""#]),
    ];
    for (sender, expected) in expected {
        let body = sender.request(call(&[message.clone()], false)).unwrap().body;
        for part in expected {
            assert!(body.contains(part), "{part} in {body}");
        }
    }
}

fn ses_account() -> Provider {
    Provider::Ses(ses::Account {
        key_id: "AKIDEXAMPLE".to_owned(),
        secret: "secret".to_owned(),
        region: "eu-west-1".to_owned(),
        configuration_set: "events".to_owned(),
    })
}

fn mailgun_account() -> Provider {
    Provider::Mailgun(mailgun::Account {
        api_key: "key".to_owned(),
        domain: "mg.go.example".to_owned(),
        host: "api.eu.mailgun.net".to_owned(),
    })
}
