//! `hookline listen`: a receiver for developers. It prints each message and whether its signature is right, and answers
//! `webhook.verify` with a call of the callback.
//!
//! Any program that reaches the address can send a message, so nothing that is printed can be trusted more than its
//! signature: texts of the message are printed in one line, with control characters as escapes.

mod callback;
mod forward;
mod receiver;
mod signature;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use hookline_core::signing::{SigningSecret, VerifyingKey};
use tokio::net::TcpListener;

use self::callback::CallbackCaller;
use self::forward::Forwarder;
use self::receiver::{MessageReceiver, ReceiverOptions};
pub(super) use self::signature::verify;
use crate::arguments::ListenArgs;
use crate::output::{CommandError, print, say};
use crate::server::{self, ServerLimits};
use crate::settings::secret;

/// How long requests in flight may take at the end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Receives messages until SIGINT.
pub(crate) async fn run(arguments: ListenArgs) -> Result<(), CommandError> {
    let signing = match secret(arguments.secret_file.as_deref(), "HOOKLINE_SECRET")? {
        Some(text) => Some(SigningSecret::parse(&text).ok_or_else(|| {
            CommandError::Usage(
                "the secret is not one: it begins with whsec_, as GET /webhooks/:id/secret shows it".to_owned(),
            )
        })?),
        None => None,
    };
    let callback = CallbackCaller::new(arguments.url)?;
    let key = arguments.public_key.as_deref().map(verifying_key).transpose()?;
    if signing.is_none() && key.is_none() {
        say(
            "No secret: signatures are not checked. Give --secret-file, or the variable HOOKLINE_SECRET, or --public-key.",
        );
    }
    let listener = TcpListener::bind(arguments.address)
        .await
        .map_err(|error| CommandError::of(format!("cannot listen on {}: {error}", arguments.address)))?;
    let address = listener.local_addr().map_err(CommandError::of)?;
    let status = StatusCode::from_u16(arguments.status).map_err(|error| CommandError::Usage(error.to_string()))?;
    let options = ReceiverOptions {
        status,
        fail_first: arguments.fail_first,
        forwarder: arguments.forward_to.map(Forwarder::new).transpose()?,
        event: arguments.event,
        as_json: arguments.json,
    };
    let receiver = Arc::new(MessageReceiver::new(signing, key, callback, options));
    let router = Router::new().fallback(move |request: Request| {
        let receiver = Arc::clone(&receiver);
        async move { receiver.receive(request).await }
    });
    let started = format!("hookline listens for messages on http://{address}");
    // With --json, stdout holds messages alone.
    if arguments.json {
        say(&started);
    } else {
        print(&started)?;
    }
    let interrupted = async {
        // Without a signal handler, SIGINT ends the process.
        let _ = tokio::signal::ctrl_c().await;
    };
    server::serve(listener, router, Vec::new(), ServerLimits::default(), interrupted, SHUTDOWN_LIMIT).await;
    Ok(())
}

/// Reads the key that the API showed when a policy was created.
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
