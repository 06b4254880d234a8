//! Request signatures: what Amazon, Alibaba and Tencent have in common. Each hashes the request in
//! a canonical form and signs the hash with HMAC-SHA256.

use crate::domain::base::primitives::Millis;
use crate::domain::base::token::{hex, sha256_hex};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Computes HMAC-SHA256 (RFC 2104) of a text.
pub(super) fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac_sha256(key, &[text.as_bytes()])
}

/// Computes HMAC-SHA256 (RFC 2104) of concatenated pieces.
pub(super) fn hmac_sha256(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length, so this cannot fail; nothing matches an empty MAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().to_vec()
}

/// The signed parts of a request.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Sorted by name, percent-encoded.
    pub(super) query: &'a str,
    /// In lower case, sorted by name.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
}

impl Signed<'_> {
    /// Returns the names of the headers as the signature lists them.
    pub(super) fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }

    /// Returns the hash of the canonical request.
    pub(super) fn hash(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim()));
        let headers: String = headers.collect();
        let (names, body) = (self.names(), sha256_hex(self.body));
        let Self { method, path, query, .. } = self;
        sha256_hex(&format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}"))
    }
}

/// Formats an instant as `2015-08-30T12:36:00Z`, without fractions.
pub(super) fn seconds_text(at: Millis) -> String {
    Millis(at.0.div_euclid(1_000) * 1_000).rfc3339()
}

/// Returns the value of `authorization` by AWS Signature Version 4 for a region and a service
/// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). `headers`
/// must contain `x-amz-date`, the `amz_date` of the same instant.
pub(super) fn aws(
    signed: &Signed<'_>,
    (key_id, secret): (&str, &str),
    (region, service): (&str, &str),
    at: Millis,
) -> String {
    let time = amz_date(at);
    let day = &time[..8];
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", signed.hash());
    let parts = [day, region, service, "aws4_request"];
    let start = format!("AWS4{secret}").into_bytes();
    let key = parts.iter().fold(start, |key, part| hmac(&key, part));
    let (names, signature) = (signed.names(), hex(&hmac(&key, &to_sign)));
    format!(
        "AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    )
}

/// Formats an instant as Amazon expects it: `20150830T123600Z`.
pub(super) fn amz_date(at: Millis) -> String {
    seconds_text(at).replace(['-', ':'], "")
}

/// Returns the value of `authorization` by Tencent Cloud's signature version 3 for a service
/// (tencentcloud.com/document/api/1110/44085).
pub(super) fn tencent(
    signed: &Signed<'_>,
    (secret_id, secret): (&str, &str),
    service: &str,
    at: Millis,
) -> String {
    let (seconds, day) = (at.0.div_euclid(1_000), at.utc_day());
    let scope = format!("{day}/{service}/tc3_request");
    let to_sign = format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}", signed.hash());
    let start = format!("TC3{secret}").into_bytes();
    let key = [&day, service, "tc3_request"].iter().fold(start, |key, part| hmac(&key, part));
    let (names, signature) = (signed.names(), hex(&hmac(&key, &to_sign)));
    format!(
        "TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    )
}

/// Returns the value of `authorization` by Alibaba Cloud's signature version 3
/// (alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature).
pub(super) fn aliyun(signed: &Signed<'_>, (key_id, secret): (&str, &str)) -> String {
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", signed.hash());
    let (names, signature) = (signed.names(), hex(&hmac(secret.as_bytes(), &to_sign)));
    format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 August 2015, 12:36:00 UTC.
    const AWS_TIME: Millis = Millis(1_440_938_160_000);
    const AWS_KEY: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

    fn signature(authorization: &str) -> &str {
        authorization.rsplit_once("Signature=").unwrap().1
    }

    fn aws_example(method: &str) -> String {
        let signed = Signed {
            method,
            path: "/",
            query: "",
            headers: &[("host", "example.amazonaws.com"), ("x-amz-date", &amz_date(AWS_TIME))],
            body: "",
        };
        signature(&aws(&signed, AWS_KEY, ("us-east-1", "service"), AWS_TIME)).to_owned()
    }

    #[test]
    fn aws_signature_matches_the_test_suite() {
        // `get-vanilla` and `post-vanilla` of the suite that Amazon publishes.
        let get = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let post = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        assert_eq!((aws_example("GET").as_str(), aws_example("POST").as_str()), (get, post));
    }

    #[test]
    fn aws_signature_matches_the_documentation() {
        let time = amz_date(AWS_TIME);
        let signed = Signed {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("host", "iam.amazonaws.com"),
                ("x-amz-date", &time),
            ],
            body: "",
        };
        let authorization = aws(&signed, AWS_KEY, ("us-east-1", "iam"), AWS_TIME);
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn tencent_signature_matches_the_documentation() {
        let body = "{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], \
                    \"Name\": \"instance-name\"}]}";
        let signed = Signed {
            method: "POST",
            path: "/",
            query: "",
            headers: &[
                ("content-type", "application/json; charset=utf-8"),
                ("host", "cvm.tencentcloudapi.com"),
            ],
            body,
        };
        let key = ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
        let authorization = tencent(&signed, key, "cvm", Millis(1_551_113_065_000));
        let expected = "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168";
        assert_eq!(signature(&authorization), expected);
    }

    #[test]
    fn alibaba_signature_matches_the_documentation() {
        let signed = Signed {
            method: "POST",
            path: "/",
            query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd\
                    &RegionId=cn-shanghai",
            headers: &[
                ("host", "ecs.cn-shanghai.aliyuncs.com"),
                ("x-acs-action", "RunInstances"),
                ("x-acs-content-sha256", &sha256_hex("")),
                ("x-acs-date", "2023-10-26T10:22:32Z"),
                ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
                ("x-acs-version", "2014-05-26"),
            ],
            body: "",
        };
        let authorization = aliyun(&signed, ("YourAccessKeyId", "YourAccessKeySecret"));
        let expected = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert_eq!(signature(&authorization), expected);
    }
}
