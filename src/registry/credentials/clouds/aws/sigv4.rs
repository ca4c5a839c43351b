//! Signature Version 4 of AWS, over ring's HMAC.
//!
//! Source: IAM User Guide, "Create a signed AWS API request". carboy's requests have a plain path
//! and no query. AWS's own crate would bring 15 others for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Url;
use ring::{digest, hmac};

use super::account::Account;
use crate::http::hosts::authority;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The account, and what its signature is for.
pub struct Signer<'a> {
    pub account: &'a Account,
    pub region: &'a str,
    pub service: &'a str,
    pub time: Timestamp,
}

/// Returns the headers that sign a request with these headers.
pub fn sign(
    signer: &Signer<'_>,
    method: &str,
    url: &Url,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<(String, String)> {
    let time = signer.time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let mut added = vec![("x-amz-date".to_owned(), time.clone())];
    added.extend(signer.account.token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
    let mut to_sign: BTreeMap<_, _> = added.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    to_sign.insert("host".to_owned(), authority(url));
    to_sign.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())));
    let names = to_sign.keys().map(String::as_str).collect::<Vec<_>>().join(";");
    let lines = to_sign.iter().fold(String::new(), |lines, (name, value)| lines + name + ":" + value + "\n");
    let query = url.query().unwrap_or_default();
    let request = format!("{method}\n{}\n{query}\n{lines}\n{names}\n{}", url.path(), sha256(body));
    let scope = format!("{date}/{}/{}/aws4_request", signer.region, signer.service);
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", sha256(request.as_bytes()));
    let secret = format!("AWS4{}", signer.account.secret_access_key);
    let parts = [date, signer.region, signer.service, "aws4_request", &text];
    let signature = parts.iter().fold(secret.into_bytes(), |key, part| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    });
    let key = &signer.account.access_key_id;
    let value = format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={}", hex(&signature));
    added.push(("authorization".to_owned(), value));
    added
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A `String` takes every text.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases of the published AWS Signature Version 4 test suite.
    #[test]
    fn the_published_requests_have_the_published_signatures() {
        let account = Account {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let time = "2015-08-30T12:36:00Z".parse().unwrap();
        let signer = Signer { account: &account, region: "us-east-1", service: "service", time };
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        for (name, method, query, headers, body, names, signature) in [
            (
                "get-vanilla",
                "GET",
                "",
                &[][..],
                "",
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                "POST",
                "",
                &[],
                "",
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "get-vanilla-query-order-key-case",
                "GET",
                "?Param1=value1&Param2=value2",
                &[],
                "",
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "post-x-www-form-urlencoded",
                "POST",
                "",
                &form,
                "Param1=value1",
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let url = Url::parse(&format!("https://example.amazonaws.com/{query}")).unwrap();
            let headers_added = sign(&signer, method, &url, headers, body.as_bytes());
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(headers_added.last().unwrap().1, expected, "{name}");
            assert_eq!(headers_added[0], ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()));
        }
    }
}
