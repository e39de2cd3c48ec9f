//! `hookline listen`: a receiver for developers. It shows each message and says whether its signature is right, and
//! answers `webhook.verify` by calling the callback.

mod callback;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use hookline_core::signing::{SigningSecret, VerifyingKey};
use hookline_core::values::{Clock as _, System};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use tokio::net::TcpListener;

use self::callback::CallbackCaller;
use crate::arguments::ListenArgs;
use crate::jwt;
use crate::output::{CommandError, print, say};
use crate::server;
use crate::settings::secret;

/// The largest message that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;
/// How far a message's timestamp may be off, in seconds (Standard Webhooks).
const TOLERANCE: i64 = 300;

/// Receives until it is interrupted.
pub(crate) async fn run(arguments: ListenArgs) -> Result<(), CommandError> {
    let signing = match secret(arguments.secret_file.as_deref(), "HOOKLINE_SECRET")? {
        Some(text) => Some(SigningSecret::parse(&text).ok_or_else(|| {
            CommandError::Usage(
                "the secret is not one: it begins with whsec_, as GET /webhooks/:id/secret shows it".to_owned(),
            )
        })?),
        None => None,
    };
    let callback = CallbackCaller::new(arguments.url.as_deref())?;
    let key = arguments.public_key.as_deref().map(verifying_key).transpose()?;
    if signing.is_none() && key.is_none() {
        say(
            "No secret: signatures are not checked. Give --secret-file, or the variable HOOKLINE_SECRET, or --public-key.",
        );
    }
    let listener = TcpListener::bind(arguments.address)
        .await
        .map_err(|error| CommandError::of(format!("{} cannot be listened on: {error}", arguments.address)))?;
    let address = listener.local_addr().map_err(CommandError::of)?;
    let status = StatusCode::from_u16(arguments.status).map_err(|error| CommandError::Usage(error.to_string()))?;
    let receiver = Arc::new(MessageReceiver {
        signing,
        key,
        callback,
        status,
        fail_first: arguments.fail_first,
        received: AtomicU64::new(0),
    });
    let router = Router::new().fallback(move |request: Request| {
        let receiver = Arc::clone(&receiver);
        async move { receiver.receive(request).await }
    });
    print(&format!("hookline listens for messages on http://{address}"))?;
    let interrupted = async {
        // Without a signal handler the process ends anyway.
        let _ = tokio::signal::ctrl_c().await;
    };
    server::serve(listener, router, Vec::new(), server::ServerLimits::default(), interrupted, Duration::from_secs(5))
        .await;
    Ok(())
}

struct MessageReceiver {
    signing: Option<SigningSecret>,
    key: Option<VerifyingKey>,
    callback: CallbackCaller,
    status: StatusCode,
    fail_first: u64,
    received: AtomicU64,
}

impl MessageReceiver {
    async fn receive(&self, request: Request) -> StatusCode {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
            say("a message was cut off or too large");
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
        let is_wrong = [&signature, &signed].into_iter().any(|verdict| matches!(verdict, SignatureCheck::Wrong(_)));
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
        let header =
            |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        let shown = match token.as_deref().and_then(jwt::parts) {
            Some((header, claims)) => format!("{header}\n   {claims}"),
            None => String::from_utf8_lossy(&body).into_owned(),
        };
        let text = format!(
            "── message {number}: {} {}\n   Webhook-Id   {}\n   Delivery     {}\n   Signature    {signature}\n\
             {signed}{called}   Answered     {status}\n   {shown}\n",
            head.method,
            head.uri,
            header("webhook-id"),
            header("x-4me-delivery"),
        );
        // A reader that has gone away does not stop the receiver.
        let _ = print(&text);
        status
    }
}

impl MessageReceiver {
    /// Answers a verify message: what to answer, and a line about it. One that is refused or made to fail is not answered,
    /// and when the callback does not work out, another attempt is asked for.
    async fn call_back(&self, body: &[u8], token: Option<&str>, status: StatusCode) -> (StatusCode, String) {
        let message: Option<Value> = match token {
            None => serde_json::from_slice(body).ok(),
            Some(token) => jwt::parts(token)
                .and_then(|(_, claims)| serde_json::from_str(&claims).ok())
                .map(|claims: Value| claims["data"].clone()),
        };
        let Some(url) = message.as_ref().and_then(callback::url_in) else { return (status, String::new()) };
        if !status.is_success() {
            return (status, "   Callback     not called\n".to_owned());
        }
        match self.callback.call(url).await {
            Ok(()) => (status, "   Callback     called: the webhook is verified\n".to_owned()),
            Err(why) => (StatusCode::BAD_GATEWAY, format!("   Callback     NOT VERIFIED: {why}\n")),
        }
    }
}

/// Reads what a policy showed when it was made.
fn verifying_key(path: &Path) -> Result<VerifyingKey, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::Usage(format!("{} cannot be read: {error}", path.display())))?;
    VerifyingKey::parse(&text).ok_or_else(|| {
        CommandError::Usage(format!(
            "{} holds no public key (PEM) and no secret of a policy (base64url)",
            path.display()
        ))
    })
}

/// What a check found.
enum SignatureCheck {
    NotChecked,
    Right,
    Wrong(String),
}

impl SignatureCheck {
    fn of(outcome: Result<(), impl Into<String>>) -> Self {
        match outcome {
            Ok(()) => Self::Right,
            Err(why) => Self::Wrong(why.into()),
        }
    }
}

impl fmt::Display for SignatureCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChecked => f.write_str("not checked"),
            Self::Right => f.write_str("right"),
            Self::Wrong(why) => write!(f, "WRONG: {why}"),
        }
    }
}

/// Checks a message as Standard Webhooks says.
pub(crate) fn verify(secret: &SigningSecret, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let id = header("webhook-id").ok_or("there is no Webhook-Id")?;
    let signature = header("webhook-signature").ok_or("there is no Webhook-Signature")?;
    let timestamp = header("webhook-timestamp").ok_or("there is no Webhook-Timestamp")?;
    let timestamp: i64 = timestamp.parse().map_err(|_| "the Webhook-Timestamp is no number")?;
    if now.abs_diff(timestamp) > TOLERANCE.unsigned_abs() {
        return Err("the Webhook-Timestamp is more than 5 minutes off");
    }
    if secret.verifies(signature, id, timestamp, body) {
        Ok(())
    } else {
        Err("it was not made with this secret for these bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_verified_on_its_bytes_id_and_time() {
        let secret = SigningSecret::generate(&System);
        let headers = |id: &str, timestamp: i64, signature: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", timestamp.into());
            headers.insert("webhook-signature", signature.parse().unwrap());
            headers
        };
        let good = secret.sign("msg_1", 1000, b"body");
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"body", 1300).is_ok());
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"body", 1301).is_err());
        assert!(verify(&secret, &headers("msg_1", 1001, &good), b"body", 1001).is_err());
        assert!(verify(&secret, &headers("msg_2", 1000, &good), b"body", 1000).is_err());
        assert!(verify(&secret, &headers("msg_1", 1000, &good), b"tampered", 1000).is_err());
        assert!(verify(&secret, &headers("msg_1", 1000, "v1,"), b"body", 1000).is_err());
        assert!(verify(&secret, &HeaderMap::new(), b"body", 1000).is_err());
    }
}
