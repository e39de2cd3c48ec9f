//! Takes messages: checks, prints and answers them.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use hookline_core::signing::{SigningSecret, VerifyingKey};
use hookline_core::values::{Clock as _, System};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use super::callback::{CallbackCaller, url_in};
use super::forward::{Forwarder, empty};
use super::signature::{SignatureCheck, verify};
use crate::jwt;
use crate::output::{one_line, print, say};

/// The largest message that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// How messages are shown and answered.
pub(super) struct ReceiverOptions {
    /// The status to answer.
    pub(super) status: StatusCode,
    /// So many messages are answered with 500 first.
    pub(super) fail_first: u64,
    /// Where messages go whose signature is not wrong.
    pub(super) forwarder: Option<Forwarder>,
    /// Only messages of this event are shown and forwarded.
    pub(super) event: Option<String>,
    /// Messages are shown as JSON.
    pub(super) as_json: bool,
}

/// Takes messages.
pub(super) struct MessageReceiver {
    signing: Option<SigningSecret>,
    key: Option<VerifyingKey>,
    callback: CallbackCaller,
    options: ReceiverOptions,
    received: AtomicU64,
}

impl MessageReceiver {
    pub(super) fn new(
        signing: Option<SigningSecret>,
        key: Option<VerifyingKey>,
        callback: CallbackCaller,
        options: ReceiverOptions,
    ) -> Self {
        Self { signing, key, callback, options, received: AtomicU64::new(0) }
    }

    /// Takes one message and returns the answer.
    pub(super) async fn receive(&self, request: Request) -> Response {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BYTES).collect().await else {
            say("a message was cut off or is too large");
            return empty(StatusCode::BAD_REQUEST);
        };
        let body = body.to_bytes();
        let now = System.now().as_second();
        let token = jwt::token(&body);
        let message = data(&body, token.as_deref());
        let verifies = message.as_ref().and_then(url_in).is_some();
        if let (Some(wanted), Some(message)) = (&self.options.event, &message)
            && !verifies
            && message["event"] != wanted.as_str()
        {
            return empty(StatusCode::OK);
        }
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
        } else if number <= self.options.fail_first {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            self.options.status
        };
        let (status, called) = self.call_back(message.as_ref(), status).await;
        let mut answer = empty(status);
        if let Some(forwarder) = self.options.forwarder.as_ref().filter(|_| status.is_success() && !verifies) {
            answer = forwarder.forward(head.headers.clone(), body.clone()).await.unwrap_or_else(|why| {
                say(&one_line(&why));
                empty(StatusCode::BAD_GATEWAY)
            });
        }
        let status = answer.status();
        let shown = match token.as_deref().and_then(jwt::parts) {
            Some((header, claims)) => format!("{}\n   {}", one_line(&header), one_line(&claims)),
            None => one_line(&String::from_utf8_lossy(&body)).into_owned(),
        };
        let report = if self.options.as_json {
            let line = json!({
                "number": number,
                "method": head.method.as_str(),
                "uri": head.uri.to_string(),
                "webhook_id": header(&head, "webhook-id"),
                "delivery": header(&head, "x-4me-delivery"),
                "signature": signature.to_string(),
                "jwt": self.key.is_some().then(|| signed.to_string()),
                "answered": status.as_u16(),
                "message": message.unwrap_or_else(|| String::from_utf8_lossy(&body).into()),
            });
            line.to_string()
        } else {
            let has_jwt = self.key.is_some() || token.is_some();
            let signed = if has_jwt { format!("   JWT          {signed}\n") } else { String::new() };
            let checks = format!("   Signature    {signature}\n{signed}{called}");
            format!("{}{checks}   Answered     {status}\n   {shown}\n", summary(number, &head))
        };
        // A closed pipe does not stop the receiver.
        let _ = print(&report);
        answer
    }

    /// Answers a verify message: the status to answer, and a line about it. A verify message that is refused or made to
    /// fail is not answered. If the callback fails, the service is asked for another attempt.
    async fn call_back(&self, message: Option<&Value>, status: StatusCode) -> (StatusCode, String) {
        let Some(url) = message.and_then(url_in) else { return (status, String::new()) };
        if !status.is_success() {
            return (status, "   Callback     not called\n".to_owned());
        }
        match self.callback.call(url).await {
            Ok(()) => (status, "   Callback     called: the webhook is verified\n".to_owned()),
            Err(why) => (StatusCode::BAD_GATEWAY, format!("   Callback     NOT VERIFIED: {}\n", one_line(&why))),
        }
    }
}

/// The data of a message: its body, or the claim `data` of its JWT.
fn data(body: &[u8], token: Option<&str>) -> Option<Value> {
    match token {
        None => serde_json::from_slice(body).ok(),
        Some(token) => {
            let (_, claims) = jwt::parts(token)?;
            serde_json::from_str(&claims).ok().map(|claims: Value| claims["data"].clone())
        }
    }
}

/// A header of a message.
fn header(head: &Parts, name: &str) -> Option<String> {
    head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The lines about the head of a message.
fn summary(number: u64, head: &Parts) -> String {
    let shown = |name: &str| header(head, name).map_or_else(|| "-".to_owned(), |value| one_line(&value).into_owned());
    format!(
        "── message {number}: {} {}\n   Webhook-Id   {}\n   Delivery     {}\n",
        one_line(head.method.as_str()),
        one_line(&head.uri.to_string()),
        shown("webhook-id"),
        shown("x-4me-delivery"),
    )
}
