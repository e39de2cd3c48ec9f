//! Takes messages: checks, prints and answers them.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use hookline_core::signing::{SigningSecret, VerifyingKey};
use hookline_core::values::{Clock as _, System};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::callback::{CallbackCaller, url_in};
use super::signature::{SignatureCheck, verify};
use crate::jwt;
use crate::output::{one_line, print, say};

/// The largest message that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// Takes messages.
pub(super) struct MessageReceiver {
    signing: Option<SigningSecret>,
    key: Option<VerifyingKey>,
    callback: CallbackCaller,
    status: StatusCode,
    fail_first: u64,
    received: AtomicU64,
}

impl MessageReceiver {
    /// A receiver that answers `status`, and 500 to the first `fail_first` messages.
    pub(super) fn new(
        signing: Option<SigningSecret>,
        key: Option<VerifyingKey>,
        callback: CallbackCaller,
        status: StatusCode,
        fail_first: u64,
    ) -> Self {
        Self { signing, key, callback, status, fail_first, received: AtomicU64::new(0) }
    }

    /// Takes one message and returns the status to answer.
    pub(super) async fn receive(&self, request: Request) -> StatusCode {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BYTES).collect().await else {
            say("a message was cut off or is too large");
            return StatusCode::BAD_REQUEST;
        };
        let body = body.to_bytes();
        let now = System.now().as_second();
        let token = jwt::token(&body);
        let signature = match &self.signing {
            None => SignatureCheck::NotChecked,
            Some(secret) => SignatureCheck::of(verify(secret, &head.headers, &body, now)),
        };
        let signed = match (&self.key, &token) {
            (None, _) => SignatureCheck::NotChecked,
            (Some(_), None) => SignatureCheck::Wrong("the message is no JWT".to_owned()),
            (Some(key), Some(token)) => SignatureCheck::of(jwt::verify(key, token, now).map(|_| ())),
        };
        let is_wrong = [&signature, &signed].into_iter().any(|check| matches!(check, SignatureCheck::Wrong(_)));
        let status = if is_wrong {
            StatusCode::UNAUTHORIZED
        } else if number <= self.fail_first {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            self.status
        };
        let (status, called) = self.call_back(&body, token.as_deref(), status).await;
        let signed =
            if self.key.is_some() || token.is_some() { format!("   JWT          {signed}\n") } else { String::new() };
        let shown = match token.as_deref().and_then(jwt::parts) {
            Some((header, claims)) => format!("{}\n   {}", one_line(&header), one_line(&claims)),
            None => one_line(&String::from_utf8_lossy(&body)).into_owned(),
        };
        let checks = format!("   Signature    {signature}\n{signed}{called}");
        // A closed pipe does not stop the receiver.
        let _ = print(&format!("{}{checks}   Answered     {status}\n   {shown}\n", summary(number, &head)));
        status
    }

    /// Answers a verify message: the status to answer, and a line about it. A verify message that is refused or made to
    /// fail is not answered. If the callback fails, the service is asked for another attempt.
    async fn call_back(&self, body: &[u8], token: Option<&str>, status: StatusCode) -> (StatusCode, String) {
        let message: Option<Value> = match token {
            None => serde_json::from_slice(body).ok(),
            Some(token) => jwt::parts(token)
                .and_then(|(_, claims)| serde_json::from_str(&claims).ok())
                .map(|claims: Value| claims["data"].clone()),
        };
        let Some(url) = message.as_ref().and_then(url_in) else { return (status, String::new()) };
        if !status.is_success() {
            return (status, "   Callback     not called\n".to_owned());
        }
        match self.callback.call(url).await {
            Ok(()) => (status, "   Callback     called: the webhook is verified\n".to_owned()),
            Err(why) => (StatusCode::BAD_GATEWAY, format!("   Callback     NOT VERIFIED: {}\n", one_line(&why))),
        }
    }
}

/// The lines about the head of a message.
fn summary(number: u64, head: &Parts) -> String {
    let header = |name: &str| {
        let value = head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        value.map_or_else(|| "-".to_owned(), |value| one_line(&value).into_owned())
    };
    format!(
        "── message {number}: {} {}\n   Webhook-Id   {}\n   Delivery     {}\n",
        one_line(head.method.as_str()),
        one_line(&head.uri.to_string()),
        header("webhook-id"),
        header("x-4me-delivery"),
    )
}
