//! `/attachments` (section 3): where to upload a file, the upload itself, and the download. The latter two carry a signature
//! instead of a token; where the bytes are kept elsewhere they find nothing here.

use axum::body::{Body, BodyDataStream};
use futures_util::FutureExt as _;
use hookline_core::attachment::{self, AttachmentKey, MAX_SIZE, UploadTarget};
use hookline_core::ports::{Content, Received, SenderGone, Signature};
use hookline_core::problems::Problems;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::listing::Parameters;
use crate::request::{BodyOf, Call, Duty, FILE, Handler, QueryOf, Route, Visit};
use crate::response::{Answer, Refusal};

/// What stays as it is in the name of a download (RFC 8187).
const IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');
/// The longest value of a field beside the file.
const MOST_FIELD: u64 = 4096;
/// What clients may offer to choose. Any file is taken, since none is ever shown.
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
        summary: "Hands out a place to upload one file to, for 15 minutes: post a form with the fields given, the file last.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("AttachmentStorage")),
        also: &[(StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Closed(Duty::Administer, |call| storage(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/attachments",
        id: "uploadAttachment",
        summary: "Takes a file, at most 10 MiB, where the service itself keeps attachments.",
        query: QueryOf::None,
        body: BodyOf::Upload("AttachmentUpload"),
        good: (StatusCode::OK, Some("AttachmentKey")),
        also: &[(StatusCode::FORBIDDEN, Some("Message")), (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Upload(|visit, body| upload(visit, body).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/attachments/{id}",
        id: "downloadAttachment",
        summary: "Downloads an attachment. Links to here are in `attachments` of a webhook and work for 15 minutes.",
        query: QueryOf::Named(&[
            ("expires_at", "When the link ends, in epoch seconds."),
            ("signature", "The signature of the link."),
        ]),
        body: BodyOf::None,
        good: (StatusCode::OK, Some(FILE)),
        also: &[],
        handler: Handler::Open(|visit| download(visit).boxed()),
    },
];

async fn storage(call: Call) -> Result<Answer, Refusal> {
    let UploadTarget { provider, upload_uri, fields } =
        attachment::storage(call.service(), &call.caller.account.id).await?;
    let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Ok(Answer::ok(&json!({
        "provider": provider,
        "upload_uri": upload_uri,
        "allowed_extensions": EXTENSIONS,
        "size_limit": MAX_SIZE,
        provider: fields,
    })))
}

/// 400 for a body that is not the form that is wanted.
fn not_a_form() -> Refusal {
    Refusal::Unreadable("Invalid form posted".to_owned())
}

/// What a field says. All that we hand out are ASCII.
async fn text(field: multer::Field<'_>) -> Result<String, Refusal> {
    let bytes = field.bytes().await.map_err(|_| not_a_form())?;
    String::from_utf8(bytes.into()).map_err(|_| not_a_form())
}

async fn upload(visit: Visit, body: Body) -> Result<Answer, Refusal> {
    let kind = visit.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| Refusal::UnsupportedType)?;
    // Whoever takes the file counts its bytes.
    let limit = multer::SizeLimit::new().per_field(MOST_FIELD).for_field("file", u64::MAX);
    let constraints = multer::Constraints::new().size_limit(limit);
    let stream: BodyDataStream = body.into_data_stream();
    let mut form = multer::Multipart::with_constraints(stream, boundary, constraints);
    let (mut key, mut expires_at, mut signature) = (None, None, None);
    // The file comes last: whoever has not shown a signature before it is not read any further.
    while let Some(field) = form.next_field().await.map_err(|_| not_a_form())? {
        match field.name().unwrap_or_default() {
            "key" => key = AttachmentKey::parse(&text(field).await?),
            "x-4me-expiration" => expires_at = text(field).await?.parse().ok(),
            "x-4me-signature" => signature = Some(text(field).await?),
            "file" => {
                let signature = expires_at.zip(signature).map(|(expires_at, text)| Signature { expires_at, text });
                let (Some(key), Some(signature)) = (key, signature) else { return Err(Refusal::Forbidden) };
                return receive(&visit, &key, &signature, field).await;
            }
            _ => {}
        }
    }
    Err(not_a_form())
}

async fn receive(
    visit: &Visit,
    key: &AttachmentKey,
    signature: &Signature,
    field: multer::Field<'_>,
) -> Result<Answer, Refusal> {
    let name = attachment::file_name(field.file_name().unwrap_or_default());
    let service = visit.service();
    let now = service.clock.now();
    match service.attachments.receive(key, signature, &name, &mut Part(field), now).await? {
        Received::Done => Ok(Answer::ok(&json!({ "key": key }))),
        Received::NotAllowed => Err(Refusal::Forbidden),
        Received::TooLarge => Err(Refusal::TooLarge),
        Received::Broken => Err(not_a_form()),
        Received::AccountFull => {
            let mut problems = Problems::new();
            problems.add("attachments", "has reached its limit of 1 GiB");
            Err(Refusal::Invalid(problems))
        }
    }
}

/// The file of a form, as it comes in.
struct Part<'a>(multer::Field<'a>);

#[async_trait::async_trait]
impl Content for Part<'_> {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, SenderGone> {
        self.0.chunk().await.map_err(|_| SenderGone)
    }
}

async fn download(visit: Visit) -> Result<Answer, Refusal> {
    let id = Uuid::try_parse(&visit.id).map_err(|_| Refusal::NotFound)?;
    let parameters = Parameters::parse(&visit.query);
    let expires_at = parameters.last("expires_at").and_then(|text| text.parse().ok()).ok_or(Refusal::NotFound)?;
    let text = parameters.last("signature").unwrap_or_default().to_owned();
    let service = visit.service();
    let signature = Signature { expires_at, text };
    let found = service.attachments.download(id, &signature, service.clock.now()).await?;
    let found = found.ok_or(Refusal::NotFound)?;
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&found.name, IN_NAME));
    Ok(Answer::file(found.size, found.content)
        .with(CONTENT_DISPOSITION, disposition)
        .with(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
}
