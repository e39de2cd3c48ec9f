//! The upload form: a policy that S3 enforces, and its signature (AWS Signature Version 4, *Browser-based uploads using
//! POST*).

use std::time::Duration;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookline_core::model::AttachmentKey;
use jiff::Timestamp;
use serde_json::json;

use super::s3::{NAME, system_time};
use crate::clients::AwsAccess;

/// What an upload form permits.
#[derive(Debug, Clone, Copy)]
pub(super) struct UploadForm<'a> {
    /// The bucket.
    pub(super) bucket: &'a str,
    /// The only key that the form can write.
    pub(super) key: &'a AttachmentKey,
    /// The start of its validity.
    pub(super) now: Timestamp,
    /// How long it is valid.
    pub(super) valid: Duration,
    /// The size limit in bytes.
    pub(super) most: u64,
}

impl UploadForm<'_> {
    /// The fields of the form. S3 rejects a form with a field that the policy does not mention.
    pub(super) fn fields(self, access: &AwsAccess) -> Vec<(&'static str, String)> {
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
        // S3 replaces this with the name of the file.
        conditions.push(json!(["starts-with", format!("${NAME}"), ""]));
        fields.push((NAME, "${filename}".to_owned()));
        let expiration = (now + valid).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let policy = STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let signing_key = generate_signing_key(credentials.secret_access_key(), system_time(now), region, "s3");
        let signature = calculate_signature(signing_key, policy.as_bytes());
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));
        fields
    }
}
