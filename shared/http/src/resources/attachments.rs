//! `/attachments` (section 3): upload targets, uploads and downloads. Uploads and downloads carry a signature instead of a
//! token. Where another service keeps the files, such as S3, they are refused here.

use axum::body::Body;
use futures_util::FutureExt as _;
use hookline_core::errors::ValidationErrors;
use hookline_core::model::attachment::{self, MAX_SIZE};
use hookline_core::model::{AttachmentKey, UploadTarget};
use hookline_core::ports::{ByteStream, StreamBroken, UploadOutcome, UrlSignature};
use hookline_core::use_cases::attachments;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::upload_stream::{MAX_FIELDS, UploadStream};
use crate::listing::QueryParameters;
use crate::request::{
    AuthenticatedRequest, BodySpec, FILE, Handler, Permission, PublicRequest, QuerySpec, Route, body,
};
use crate::response::{ApiError, ApiResponse};

/// Characters that the file name of a download does not encode (RFC 8187).
const IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');
/// The longest value of a form field other than the file, in bytes.
const MAX_FIELD: u64 = 4096;
/// File types that clients may offer in their dialogs. Every file is accepted, because none is ever displayed.
const EXTENSIONS: &[&str] = &[
    "7z", "avi", "bmp", "csv", "doc", "docx", "eml", "gif", "gz", "html", "jpeg", "jpg", "json", "key", "log", "md",
    "mov", "mp3", "mp4", "msg", "numbers", "odp", "ods", "odt", "pages", "pdf", "png", "ppt", "pptx", "rtf", "svg",
    "tar", "tif", "tiff", "txt", "wav", "webm", "webp", "xls", "xlsx", "xml", "yaml", "yml", "zip",
];

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/attachments/storage",
        id: "getAttachmentStorage",
        summary: "Returns a target for uploading one file within 15 minutes: post a form with the given fields, and the file last.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("AttachmentStorage")),
        other: &[(StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Authenticated(Permission::Administer, |request| storage(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/attachments",
        id: "uploadAttachment",
        summary: "Uploads a file of at most 10 MiB, if the service itself keeps attachments.",
        query: QuerySpec::None,
        body: BodySpec::Upload("AttachmentUpload"),
        success: (StatusCode::OK, Some("AttachmentKey")),
        other: &[
            (StatusCode::FORBIDDEN, Some("Message")),
            (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed")),
        ],
        handler: Handler::Upload(|request, body| upload(request, body).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/attachments/{id}",
        id: "downloadAttachment",
        summary: "Downloads an attachment. The links are in `attachments` of a webhook and work for 15 minutes.",
        query: QuerySpec::Named(&[
            ("expires_at", "When the link expires, in epoch seconds."),
            ("signature", "The signature of the link."),
        ]),
        body: BodySpec::None,
        success: (StatusCode::OK, Some(FILE)),
        other: &[],
        handler: Handler::Public(|request| download(request).boxed()),
    },
];

async fn storage(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let UploadTarget { provider, upload_uri, fields } =
        attachments::storage(request.service(), &request.caller.account.id).await?;
    let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Ok(ApiResponse::ok(&json!({
        "provider": provider,
        "upload_uri": upload_uri,
        "allowed_extensions": EXTENSIONS,
        "size_limit": MAX_SIZE,
        provider: fields,
    })))
}

/// 400 for a body that is not a valid form.
fn not_a_form() -> ApiError {
    ApiError::BadRequest("Invalid form posted".to_owned())
}

/// The error for a form that cannot be read: 403 if its fields are too large to hold a signature in front of a file.
fn refused(error: &multer::Error) -> ApiError {
    let is_too_large = |source: &(dyn std::error::Error + 'static)| {
        source.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::FileTooLarge)
    };
    match error {
        multer::Error::StreamReadFailed(source) if is_too_large(&**source) => ApiError::Forbidden,
        _ => not_a_form(),
    }
}

/// The value of a form field.
async fn text(field: multer::Field<'_>) -> Result<String, ApiError> {
    let bytes = field.bytes().await.map_err(|error| refused(&error))?;
    String::from_utf8(bytes.into()).map_err(|_| not_a_form())
}

async fn upload(request: PublicRequest, body: Body) -> Result<ApiResponse, ApiError> {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| ApiError::UnsupportedMediaType)?;
    body::check_length(&request.headers, MAX_FIELDS + MAX_SIZE + MAX_FIELDS)?;
    let (stream, budget) = UploadStream::new(body);
    // The store counts the bytes of the file.
    let limit = multer::SizeLimit::new().per_field(MAX_FIELD).for_field("file", u64::MAX);
    let constraints = multer::Constraints::new().size_limit(limit);
    let mut form = multer::Multipart::with_constraints(stream, boundary, constraints);
    let (mut key, mut expires_at, mut signature) = (None, None, None);
    // The file comes last. Without a signature in front of it, nothing of the file is read.
    while let Some(field) = form.next_field().await.map_err(|error| refused(&error))? {
        match field.name().unwrap_or_default() {
            "key" => key = AttachmentKey::parse(&text(field).await?),
            "x-4me-expiration" => expires_at = text(field).await?.parse().ok(),
            "x-4me-signature" => signature = Some(text(field).await?),
            "file" => {
                let signature = expires_at.zip(signature).map(|(expires_at, text)| UrlSignature { expires_at, text });
                let (Some(key), Some(signature)) = (key, signature) else { return Err(ApiError::Forbidden) };
                // The store checks the signature before it reads the file.
                budget.extend(MAX_SIZE + MAX_FIELDS);
                return receive(&request, &key, &signature, field).await;
            }
            _ => {}
        }
    }
    Err(not_a_form())
}

async fn receive(
    request: &PublicRequest,
    key: &AttachmentKey,
    signature: &UrlSignature,
    field: multer::Field<'_>,
) -> Result<ApiResponse, ApiError> {
    let name = attachment::file_name(field.file_name().unwrap_or_default());
    let service = request.service();
    let now = service.clock.now();
    match service.attachments.receive(key, signature, &name, &mut FormPart(field), now).await? {
        UploadOutcome::Done => Ok(ApiResponse::ok(&json!({ "key": key }))),
        UploadOutcome::NotAllowed => Err(ApiError::Forbidden),
        UploadOutcome::TooLarge => Err(ApiError::TooLarge),
        UploadOutcome::Broken => Err(not_a_form()),
        UploadOutcome::AccountFull => {
            let mut problems = ValidationErrors::new();
            problems.add("attachments", "has reached its limit of 1 GiB");
            Err(ApiError::Invalid(problems))
        }
    }
}

/// The file of a form, streamed.
struct FormPart<'a>(multer::Field<'a>);

#[async_trait::async_trait]
impl ByteStream for FormPart<'_> {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, StreamBroken> {
        self.0.chunk().await.map_err(|_| StreamBroken)
    }
}

async fn download(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    let id = Uuid::try_parse(&request.id).map_err(|_| ApiError::NotFound)?;
    let parameters = QueryParameters::parse(&request.query);
    let expires_at = parameters.last("expires_at").and_then(|text| text.parse().ok()).ok_or(ApiError::NotFound)?;
    let text = parameters.last("signature").unwrap_or_default().to_owned();
    let service = request.service();
    let signature = UrlSignature { expires_at, text };
    let found = service.attachments.download(id, &signature, service.clock.now()).await?;
    let found = found.ok_or(ApiError::NotFound)?;
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&found.name, IN_NAME));
    Ok(ApiResponse::file(found.size, found.content)
        .with(CONTENT_DISPOSITION, disposition)
        .with(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
}
