//! The form of an upload: a policy that S3 holds it to, and its signature (AWS Signature Version 4, *Browser-based uploads
//! using POST*).

use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_core::attachment::AttachmentKey;
use jiff::Timestamp;
use serde_json::json;

use crate::clients::Access;
use crate::hex::hex;

/// The metadata of an upload that has the name of its file.
pub(super) const NAME: &str = "name";

/// What may be uploaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    /// To which bucket.
    pub(super) bucket: &'a str,
    /// Under which key, and no other.
    pub(super) key: &'a AttachmentKey,
    /// From now on.
    pub(super) now: Timestamp,
    /// For how long.
    pub(super) valid: Duration,
    /// The largest file, in bytes.
    pub(super) most: u64,
}

impl Form<'_> {
    /// The fields of the form. Every field must be in the policy, or S3 refuses the form.
    pub(super) fn fields(self, access: &Access) -> Vec<(&'static str, String)> {
        let Self { bucket, key, now, valid, most } = self;
        let (credentials, region) = (&access.credentials, &access.region);
        let (day, moment) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let scope = format!("{}/{day}/{region}/s3/aws4_request", credentials.access_key_id());
        let mut fields = vec![
            ("key", key.to_string()),
            ("success_action_status", "201".to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", scope),
            ("x-amz-date", moment),
        ];
        fields.extend(credentials.session_token().map(|token| ("x-amz-security-token", token.to_owned())));
        let mut conditions = vec![json!({"bucket": bucket}), json!(["content-length-range", 0, most])];
        conditions.extend(fields.iter().map(|(name, value)| json!({*name: value})));
        // S3 puts the name of the file here.
        conditions.push(json!(["starts-with", "$x-amz-meta-name", ""]));
        fields.push(("x-amz-meta-name", "${filename}".to_owned()));
        let expiration = (now + valid).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let policy = STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let signature = hex(chain(credentials.secret_access_key(), &day, region, &policy).as_ref());
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));
        fields
    }
}

/// The signature of a text under the key of that day.
fn chain(secret: &str, day: &str, region: &str, text: &str) -> Tag {
    let first = Key::new(HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    let key = [day, region, "s3", "aws4_request"]
        .into_iter()
        .fold(first, |key, part| Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref()));
    sign(&key, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation, whose policy is this text.
    #[test]
    fn the_signature_is_that_of_the_documentation() {
        let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let signature = hex(chain(secret, "20151229", "us-east-1", policy).as_ref());
        assert_eq!(signature, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e");
    }
}
