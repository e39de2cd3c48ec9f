//! The S3 requests that attachments need. None of them has a body, and AWS's own signer signs them. The S3 client of
//! the SDK would add more than a megabyte to each function that uses it.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::values::{Clock as _, System};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::Document;

use crate::clients::{ATTEMPT_TIMEOUT, AwsAccess, AwsClients, BACKOFF, MAX_ATTEMPTS};

/// The characters that stay unescaped in a query (RFC 3986, *unreserved*).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The metadata header that holds the name of an uploaded file.
pub(super) const NAME: &str = "x-amz-meta-name";

/// The content type of every file. Browsers download it and never render it as a page.
const FILE: &str = "application/octet-stream";

/// A client of S3. Keys of attachments consist of letters, digits, `-` and `/`.
#[derive(Clone)]
pub(super) struct S3Client {
    http: reqwest::Client,
    access: AwsAccess,
}

/// The metadata of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ObjectHead {
    /// The value of [`NAME`], as S3 returns it.
    pub(super) name: String,
    /// The size in bytes.
    pub(super) size: u64,
    /// The version of the object.
    pub(super) etag: String,
}

impl S3Client {
    pub(super) fn new(clients: &AwsClients) -> Self {
        Self { http: clients.http.clone(), access: clients.access.clone() }
    }

    /// The credentials, region and endpoints that requests use.
    pub(super) fn access(&self) -> &AwsAccess {
        &self.access
    }

    /// The URI of a bucket.
    pub(super) fn uri(&self, bucket: &str) -> String {
        let AwsAccess { region, endpoints, .. } = &self.access;
        match &endpoints.all {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None if region.starts_with("cn-") => format!("https://{bucket}.s3.{region}.amazonaws.com.cn"),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        }
    }

    /// Reads the metadata of an object. `None` if there is no such object.
    pub(super) async fn head_object(&self, bucket: &str, key: &str) -> PortResult<Option<ObjectHead>> {
        let uri = format!("{}/{key}", self.uri(bucket));
        let (status, headers, _) = self.call(Method::HEAD, &uri, &[]).await?;
        match status {
            StatusCode::OK => Ok(Some(ObjectHead {
                name: text(&headers, &HeaderName::from_static(NAME)),
                size: text(&headers, &CONTENT_LENGTH).parse().unwrap_or_default(),
                etag: text(&headers, &ETAG),
            })),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(fault(other)),
        }
    }

    /// Copies the version `etag` of an object to another bucket, without its metadata. Answers `false` if that version
    /// does not exist.
    pub(super) async fn copy_object(&self, from: &str, key: &str, etag: &str, to: &str) -> PortResult<bool> {
        let source = format!("/{from}/{key}");
        let headers = [
            ("x-amz-copy-source", source.as_str()),
            ("x-amz-copy-source-if-match", etag),
            ("x-amz-metadata-directive", "REPLACE"),
            (CONTENT_TYPE.as_str(), FILE),
        ];
        let (status, _, body) = self.call(Method::PUT, &format!("{}/{key}", self.uri(to)), &headers).await?;
        // S3 sends the status before the copy is done, so a response with status 200 can still be an error.
        let (root, code) = read(&body);
        match (status, root.as_deref(), code.as_deref()) {
            (StatusCode::OK, Some("CopyObjectResult"), _) => Ok(true),
            (_, _, Some("NoSuchKey" | "PreconditionFailed")) => Ok(false),
            (_, _, Some(code)) => Err(fault(code)),
            (other, _, None) => Err(fault(other)),
        }
    }

    /// Deletes an object. Succeeds if there is none.
    pub(super) async fn delete_object(&self, bucket: &str, key: &str) -> PortResult<()> {
        let (status, _, body) = self.call(Method::DELETE, &format!("{}/{key}", self.uri(bucket)), &[]).await?;
        if status.is_success() { Ok(()) } else { Err(rejection(status, &body)) }
    }

    /// Lists up to a thousand keys that start with `prefix`.
    pub(super) async fn list_objects_v2(&self, bucket: &str, prefix: &str) -> PortResult<Vec<String>> {
        let prefix = utf8_percent_encode(prefix, UNRESERVED);
        let uri = format!("{}/?list-type=2&prefix={prefix}", self.uri(bucket));
        let (status, _, body) = self.call(Method::GET, &uri, &[]).await?;
        if status != StatusCode::OK {
            return Err(rejection(status, &body));
        }
        let document = Document::parse(&body).map_err(fault)?;
        let keys = document.descendants().filter(|node| node.has_tag_name("Key"));
        Ok(keys.filter_map(|key| key.text()).map(str::to_owned).collect())
    }

    /// A presigned link that downloads an object as a file called `name`.
    pub(super) fn get_object(
        &self,
        bucket: &str,
        key: &str,
        name: &str,
        now: Timestamp,
        valid: Duration,
    ) -> PortResult<String> {
        // An RFC 8187 value in an RFC 6266 header, escaped once more for the query.
        let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name, UNRESERVED));
        let [disposition, kind] = [&disposition, FILE].map(|text| utf8_percent_encode(text, UNRESERVED).to_string());
        let uri = format!(
            "{}/{key}?response-content-disposition={disposition}&response-content-type={kind}",
            self.uri(bucket)
        );
        Ok(self.signed(Method::GET, &uri, &[], system_time(now), Some(valid))?.uri().to_string())
    }

    /// Sends a request, and repeats it if S3 fails or cannot be reached.
    async fn call(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> PortResult<(StatusCode, HeaderMap, String)> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let request = self.signed(method.clone(), uri, headers, system_time(System.now()), None)?;
            let failed = match self.send(request).await {
                Ok((status, _, body)) if is_retryable(status) => rejection(status, &body),
                Ok(answer) => return Ok(answer),
                Err(error) => fault(error.without_url()),
            };
            if attempt == MAX_ATTEMPTS {
                return Err(failed);
            }
            tokio::time::sleep(BACKOFF * 2_u32.pow(attempt)).await;
        }
    }

    async fn send(&self, request: http::Request<&'static str>) -> reqwest::Result<(StatusCode, HeaderMap, String)> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(ATTEMPT_TIMEOUT);
        let mut answer = self.http.execute(request).await?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        Ok((status, headers, String::from_utf8_lossy(&answer.bytes().await?).into_owned()))
    }

    /// Signs a request: in the query if it is a link that is valid for some time, in the headers otherwise.
    fn signed(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        now: SystemTime,
        valid: Option<Duration>,
    ) -> PortResult<http::Request<&'static str>> {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = valid;
        let body = if valid.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
            SignableBody::UnsignedPayload
        } else {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            SignableBody::empty()
        };
        let identity = self.access.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.access.region)
            .name("s3")
            .time(now)
            .settings(settings)
            .build()
            .map_err(fault)?;
        let signable = SignableRequest::new(method.as_str(), uri, headers.iter().copied(), body).map_err(fault)?;
        let (instructions, _) = sign(signable, &SigningParams::V4(parameters)).map_err(fault)?.into_parts();
        let mut request = http::Request::new("");
        (*request.method_mut(), *request.uri_mut()) = (method, uri.parse().map_err(fault)?);
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(fault)?;
            request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(fault)?);
        }
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Whether repeating the request may help.
fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// The name of the root element of a response, and its error code.
fn read(body: &str) -> (Option<String>, Option<String>) {
    let Ok(document) = Document::parse(body) else { return (None, None) };
    let root = document.root_element();
    let code = root.children().find(|child| child.has_tag_name("Code")).and_then(|code| code.text());
    (Some(root.tag_name().name().to_owned()), code.map(str::to_owned))
}

fn rejection(status: StatusCode, body: &str) -> PortError {
    match read(body) {
        (_, Some(code)) => fault(code),
        (_, None) => fault(status),
    }
}

fn fault(reason: impl Display) -> PortError {
    PortError::unavailable("attachments", reason.to_string())
}

/// Converts a time to the type that the signer takes.
pub(super) fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;
    use crate::clients::AwsEndpoints;

    fn s3(region: &str, all: Option<&str>) -> S3Client {
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "tests");
        let endpoints = AwsEndpoints { all: all.map(str::to_owned), dynamodb: None };
        S3Client::new(&AwsClients::new(&AwsAccess { region: region.to_owned(), credentials, endpoints }).unwrap())
    }

    /// The time that the examples in the documentation use.
    fn then() -> SystemTime {
        system_time("2013-05-24T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_bucket_is_in_its_region() {
        assert_eq!(s3("eu-west-1", None).uri("up"), "https://up.s3.eu-west-1.amazonaws.com");
        assert_eq!(s3("cn-north-1", None).uri("up"), "https://up.s3.cn-north-1.amazonaws.com.cn");
        assert_eq!(s3("eu-west-1", Some("http://127.0.0.1:1/")).uri("up"), "http://127.0.0.1:1/up");
    }

    /// The example of *Authenticating requests: using query parameters*.
    #[test]
    fn a_link_is_signed_as_documented() {
        let (uri, day) = ("https://examplebucket.s3.amazonaws.com/test.txt", Duration::from_hours(24));
        let link = s3("us-east-1", None).signed(Method::GET, uri, &[], then(), Some(day)).unwrap();
        let query = link.uri().query().unwrap();
        let signature = "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(query.split('&').any(|pair| pair == signature), "{query}");
    }

    /// The list example of *Signature calculations for the Authorization header*.
    #[test]
    fn a_request_is_signed_as_documented() {
        let uri = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J";
        let request = s3("us-east-1", None).signed(Method::GET, uri, &[], then(), None).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        let signature = "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(authorization.ends_with(signature), "{authorization}");
    }

    #[test]
    fn an_answer_is_a_result_or_an_error() {
        let result = r#"<?xml version="1.0"?><CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"1"</ETag></CopyObjectResult>"#;
        assert_eq!(read(result), (Some("CopyObjectResult".to_owned()), None));
        let error = "<Error><Code>SlowDown</Code><Message>a &amp; b</Message></Error>";
        assert_eq!(read(error), (Some("Error".to_owned()), Some("SlowDown".to_owned())));
        for none in ["", "<Error>", "no"] {
            assert_eq!(read(none), (None, None), "{none}");
        }
    }
}
