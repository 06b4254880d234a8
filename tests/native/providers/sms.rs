//! SMS providers.

use super::{call, folded, meanings, sms, wire};
use dripline::providers::{Provider, aliyun, tencent, twilio, vonage};
use insta::assert_snapshot;

const AT_WORST: [&str; 5] = ["200 <html>", "502 <html>", "silence", "garbage", "half"];

fn with_worst<'a>(replies: &[&'a str]) -> Vec<&'a str> {
    [replies, &AT_WORST].concat()
}

const FILLED: &str = "【阿里云】#template SMS_154950909\nname=Ann\ndate=5 March\n";

#[test]
fn twilio() {
    let sender = Provider::Twilio(twilio::Account {
        account_sid: "AC1".to_owned(),
        auth_token: "token".to_owned(),
        from: "MG1".to_owned(),
        reports_to: String::new(),
    });
    let messages = [sms("Grüße & more")];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r"
    POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json
    authorization: Basic QUMxOnRva2Vu
    content-type: application/x-www-form-urlencoded

    To=%2B8613800138000&MessagingServiceSid=MG1&Body=Gr%C3%BC%C3%9Fe%20%26%20more
    ");
    let replies = with_worst(&[
        r#"201 {"sid":"SM1"}"#,
        r#"400 {"code":21211,"message":"number"}"#,
        r#"400 {"code":21610,"message":"unsubscribed"}"#,
        r#"401 {"code":20003,"message":"authenticate"}"#,
        r#"429 retry-after=2 {"code":20429,"message":"many"}"#,
        r#"500 {}"#,
        r#"503 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    201 {"sid":"SM1"}                => accepted SM1
    400 {"code":21211,"message":"num => refused: 400 21211: number
    400 {"code":21610,"message":"uns => refused: 400 21610: unsubscribed
    401 {"code":20003,"message":"aut => stop: 401 20003: authenticate
    429 retry-after=2 {"code":20429, => busy after 2s: 429 20429: many
    500 {}                           => lost: 500
    503 {}                           => busy: 503
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
    assert_eq!(sender.request(call(&[sms(FILLED)], false)), None);
}

#[test]
fn vonage() {
    let sender = Provider::Vonage(vonage::Account {
        api_key: "key".to_owned(),
        api_secret: "secret".to_owned(),
        from: "+447400000000".to_owned(),
    });
    let messages = [sms("Grüße")];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://api.nexmo.com/v1/messages
    content-type: application/json
    accept: application/json
    authorization: Basic a2V5OnNlY3JldA==

    {
      "channel": "sms",
      "client_ref": "019c-a_b.1",
      "from": "447400000000",
      "message_type": "text",
      "text": "Grüße",
      "to": "8613800138000"
    }
    "#);
    let replies = with_worst(&[
        r#"202 {"message_uuid":"v-1"}"#,
        r#"401 {"title":"Unauthorized","detail":"key"}"#,
        r#"402 {"title":"Payment Required","detail":"low"}"#,
        r#"422 {"title":"Invalid params","detail":"to"}"#,
        r#"429 {"title":"Rate Limit Hit","detail":"wait"}"#,
        r#"422 {"type":"https://d/api-errors/messages#1000","title":"Throttled"}"#,
        r#"422 {"type":"https://d/api-errors/messages#1070","title":"Quota"}"#,
        r#"422 {"type":"https://d/api-errors/messages#1060","title":"Barred"}"#,
        r#"500 {"type":"https://d/api-errors/messages#1100","title":"Not sent"}"#,
        r#"400 {"type":"https://d/api-errors#low-balance","title":"Low balance"}"#,
        r#"500 {}"#,
    ]);
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    202 {"message_uuid":"v-1"}       => accepted v-1
    401 {"title":"Unauthorized","det => stop: 401 Unauthorized: key
    402 {"title":"Payment Required", => stop: 402 Payment Required: low
    422 {"title":"Invalid params","d => refused: 422 Invalid params: to
    429 {"title":"Rate Limit Hit","d => busy: 429 Rate Limit Hit: wait
    422 {"type":"https://d/api-error => busy: 422 Throttled
    422 {"type":"https://d/api-error => stop: 422 Quota
    422 {"type":"https://d/api-error => stop: 422 Barred
    500 {"type":"https://d/api-error => retry: 500 Not sent
    400 {"type":"https://d/api-error => stop: 400 Low balance
    500 {}                           => lost: 500
    200 <html>                       => lost: an answer without an id
    502 <html>                       => lost: 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

fn aliyun() -> Provider {
    Provider::Aliyun(aliyun::Account {
        key_id: "LTAI".to_owned(),
        secret: "secret".to_owned(),
        sign_name: "速滴".to_owned(),
        template: "SMS_1".to_owned(),
        variable: "content".to_owned(),
    })
}

#[test]
fn alibaba_cloud() {
    let messages = [sms("您好 & 欢迎")];
    let one = call(&messages, false);
    assert_snapshot!(wire(&aliyun(), one), @r"
    POST https://dysmsapi.aliyuncs.com/?OutId=019c-a_b.1&PhoneNumbers=13800138000&SignName=%
      E9%80%9F%E6%BB%B4&TemplateCode=SMS_1&TemplateParam=%7B%22content%22%3A%22%E6%82%A8%E5%A5
      %BD%20%26%20%E6%AC%A2%E8%BF%8E%22%7D
    x-acs-action: SendSms
    x-acs-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    x-acs-date: 2026-03-02T09:00:00Z
    x-acs-signature-nonce: 749dbaae145f0914af1d638cb68642ee46a4e662f123c6e2c0cc39fb0de70088
    x-acs-version: 2017-05-25
    authorization: ACS3-HMAC-SHA256 Credential=LTAI,SignedHeaders=host;x-acs-action;x-acs-co
      ntent-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=ef34fbe077a4f934fb
      7789e946b82ab371c3f6b2b892d18d2605359735e92e0a
    ");
    let replies = with_worst(&[
        r#"200 {"Code":"OK","BizId":"biz-1"}"#,
        r#"200 {"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"n"}"#,
        r#"200 {"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"l"}"#,
        r#"200 {"Code":"isv.AMOUNT_NOT_ENOUGH","Message":"a"}"#,
        r#"400 {"Code":"SignatureDoesNotMatch","Message":"s"}"#,
        r#"404 {"Code":"InvalidAccessKeyId.NotFound"}"#,
        r#"200 {"Code":"isv.BUSINESS_LIMIT_HOUR"}"#,
        r#"200 {"Code":"isv.DAY_LIMIT_CONTROL"}"#,
        r#"200 {"Code":"isv.DENY_IP_RANGE"}"#,
        r#"403 {"Code":"Forbidden.RAM"}"#,
        r#"400 {"Code":"SignatureNonceUsed"}"#,
        r#"200 {"Code":"isp.GATEWAY_ERROR"}"#,
        r#"400 {"Code":"Throttling.User","Message":"t"}"#,
        r#"500 {"Code":"isp.SYSTEM_ERROR","Message":"e"}"#,
        "503",
    ]);
    assert_snapshot!(meanings(&aliyun(), one, &replies), @r#"
    200 {"Code":"OK","BizId":"biz-1" => accepted biz-1
    200 {"Code":"isv.MOBILE_NUMBER_I => refused: isv.MOBILE_NUMBER_ILLEGAL n
    200 {"Code":"isv.BUSINESS_LIMIT_ => retry after 1h: isv.BUSINESS_LIMIT_CONTROL l
    200 {"Code":"isv.AMOUNT_NOT_ENOU => stop: isv.AMOUNT_NOT_ENOUGH a
    400 {"Code":"SignatureDoesNotMat => stop: SignatureDoesNotMatch s
    404 {"Code":"InvalidAccessKeyId. => stop: InvalidAccessKeyId.NotFound
    200 {"Code":"isv.BUSINESS_LIMIT_ => retry after 1h: isv.BUSINESS_LIMIT_HOUR
    200 {"Code":"isv.DAY_LIMIT_CONTR => busy after 1h: isv.DAY_LIMIT_CONTROL
    200 {"Code":"isv.DENY_IP_RANGE"} => stop: isv.DENY_IP_RANGE
    403 {"Code":"Forbidden.RAM"}     => stop: Forbidden.RAM
    400 {"Code":"SignatureNonceUsed" => lost: SignatureNonceUsed
    200 {"Code":"isp.GATEWAY_ERROR"} => lost: isp.GATEWAY_ERROR
    400 {"Code":"Throttling.User","M => busy: Throttling.User t
    500 {"Code":"isp.SYSTEM_ERROR"," => lost: isp.SYSTEM_ERROR e
    503                              => busy: status 503
    200 <html>                       => lost: an answer without a code
    502 <html>                       => lost: status 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
}

#[test]
fn alibaba_cloud_with_campaign_template() {
    let messages = [sms(FILLED)];
    let request = aliyun().request(call(&messages, false)).unwrap();
    assert_snapshot!(folded(&request.url), @r"
    https://dysmsapi.aliyuncs.com/?OutId=019c-a_b.1&PhoneNumbers=13800138000&SignName=%E9%98
      %BF%E9%87%8C%E4%BA%91&TemplateCode=SMS_154950909&TemplateParam=%7B%22date%22%3A%225%20Ma
      rch%22%2C%22name%22%3A%22Ann%22%7D
    ");
}

#[test]
fn tencent_cloud() {
    let sender = Provider::Tencent(tencent::Account {
        secret_id: "AKID".to_owned(),
        secret_key: "secret".to_owned(),
        app_id: "1400006666".to_owned(),
        region: "ap-guangzhou".to_owned(),
        sign_name: "速滴".to_owned(),
        template: "1110".to_owned(),
    });
    let messages = [sms("您好")];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://sms.tencentcloudapi.com/
    content-type: application/json; charset=utf-8
    x-tc-action: SendSms
    x-tc-version: 2021-01-11
    x-tc-region: ap-guangzhou
    x-tc-timestamp: 1772442000
    authorization: TC3-HMAC-SHA256 Credential=AKID/2026-03-02/sms/tc3_request, SignedHeaders
      =content-type;host, Signature=3d7239d5e38cc3930a6e70f4ad1b564a59d9fd82804534a6645ff6c768
      bf1cc5

    {
      "PhoneNumberSet": [
        "+8613800138000"
      ],
      "SessionContext": "019c-a_b.1",
      "SignName": "速滴",
      "SmsSdkAppId": "1400006666",
      "TemplateId": "1110",
      "TemplateParamSet": [
        "您好"
      ]
    }
    "#);
    let status = |code: &str| {
        format!(
            "200 {{\"Response\":{{\"SendStatusSet\":[{{\"Code\":\"{code}\",\"SerialNo\":\"t-1\"}}]}}}}"
        )
    };
    let error = |code: &str| format!("200 {{\"Response\":{{\"Error\":{{\"Code\":\"{code}\"}}}}}}");
    let replies = [
        status("Ok"),
        status("LimitExceeded.PhoneNumberDailyLimit"),
        status("FailedOperation.PhoneNumberInBlacklist"),
        status("FailedOperation.InsufficientBalanceInSmsPackage"),
        error("AuthFailure.SignatureFailure"),
        error("UnauthorizedOperation"),
        error("RequestLimitExceeded"),
        error("InternalError.Timeout"),
        status("FailedOperation.MarketingSendTimeConstraint"),
        status("LimitExceeded.DeliveryFrequencyLimit"),
        status("LimitExceeded.AppDailyLimit"),
        error("InvalidParameterValue.SdkAppIdNotExist"),
        error("UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny"),
        error("InternalError.SigVerificationFail"),
        error("InternalError.RequestTimeException"),
        error("RequestLimitExceeded.IPLimitExceeded"),
    ];
    let replies: Vec<&str> = replies.iter().map(String::as_str).collect();
    assert_snapshot!(meanings(&sender, one, &with_worst(&replies)), @r#"
    200 {"Response":{"SendStatusSet" => accepted t-1
    200 {"Response":{"SendStatusSet" => retry after 1h: LimitExceeded.PhoneNumberDailyLimit
    200 {"Response":{"SendStatusSet" => refused: FailedOperation.PhoneNumberInBlacklist
    200 {"Response":{"SendStatusSet" => stop: FailedOperation.InsufficientBalanceInSmsPackage
    200 {"Response":{"Error":{"Code" => stop: AuthFailure.SignatureFailure
    200 {"Response":{"Error":{"Code" => stop: UnauthorizedOperation
    200 {"Response":{"Error":{"Code" => busy: RequestLimitExceeded
    200 {"Response":{"Error":{"Code" => lost: InternalError.Timeout
    200 {"Response":{"SendStatusSet" => retry after 2h: FailedOperation.MarketingSendTimeConstraint
    200 {"Response":{"SendStatusSet" => retry after 1h: LimitExceeded.DeliveryFrequencyLimit
    200 {"Response":{"SendStatusSet" => busy after 1h: LimitExceeded.AppDailyLimit
    200 {"Response":{"Error":{"Code" => stop: InvalidParameterValue.SdkAppIdNotExist
    200 {"Response":{"Error":{"Code" => retry after 1h: UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny
    200 {"Response":{"Error":{"Code" => stop: InternalError.SigVerificationFail
    200 {"Response":{"Error":{"Code" => busy: InternalError.RequestTimeException
    200 {"Response":{"Error":{"Code" => busy: RequestLimitExceeded.IPLimitExceeded
    200 <html>                       => lost: an answer without a code
    502 <html>                       => lost: status 502
    silence                          => lost: no answer in time
    garbage                          => lost: broken connection
    half                             => lost: broken connection
    "#);
    let messages = [sms(FILLED)];
    let request = sender.request(call(&messages, false)).unwrap();
    assert_snapshot!(folded(&request.body), @r#"
    {"PhoneNumberSet":["+8613800138000"],"SessionContext":"019c-a_b.1","SignName":"阿里云","Sms
      SdkAppId":"1400006666","TemplateId":"SMS_154950909","TemplateParamSet":["Ann","5 March"]
      }
    "#);
}
