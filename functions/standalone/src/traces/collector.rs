//! Requests to the collector. They do not go through the client for endpoints, whose address guard would refuse them.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;

use crate::output::CommandError;
use crate::settings::TraceSettings;

/// How much of an answer is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends requests on the runtime of the service; the exporting thread has none.
#[derive(Debug)]
pub(super) struct CollectorClient {
    client: Client,
    runtime: Handle,
    /// The last request failed. Only a change is logged.
    fails: AtomicBool,
}

impl CollectorClient {
    /// Must be called on the runtime.
    pub(super) fn new(settings: &TraceSettings) -> Result<Self, CommandError> {
        let mut client = Client::builder().no_proxy().redirect(Policy::none()).timeout(settings.timeout);
        if let Some(path) = &settings.certificate {
            let unreadable = |error: &dyn std::fmt::Display| {
                let path = path.display();
                CommandError::Usage(format!("OTEL_EXPORTER_OTLP_CERTIFICATE: {path} cannot be read: {error}"))
            };
            let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
            let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(&error))?;
            client = client.tls_certs_merge(roots);
        }
        let client = client.build().map_err(CommandError::of)?;
        Ok(Self { client, runtime: Handle::current(), fails: AtomicBool::new(false) })
    }

    fn note(&self, failure: Option<String>) {
        let failed = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed => {
                tracing::warn!(%error, "exporting traces failed");
            }
            None if failed => tracing::info!("exporting traces succeeded again"),
            Some(_) | None => {}
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send(self.client.clone(), request)).await;
        let answered = match sent {
            Ok(answered) => answered.map_err(|error| HttpError::from(error.without_url())),
            Err(error) => Err(error.into()),
        };
        self.note(match &answered {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error_chain(&**error)),
        });
        answered
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - body.len())]);
        if body.len() == MAX_ANSWER {
            break;
        }
    }
    let mut whole = Response::new(body.freeze());
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}

/// An error with its causes.
fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
