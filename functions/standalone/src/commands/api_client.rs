//! Calls of a service's REST API by the command line.

use std::path::Path;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};

use crate::output::{CommandError, one_line, say};
use crate::settings::secret;

/// How often a request is sent while the service is busy or does not answer.
const MAX_TRIES: u32 = 8;
/// The longest wait before a request is sent again.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A service and the token to call it with.
pub(super) struct ApiClient {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl ApiClient {
    /// The token is in the file, else in the variable `HOOKLINE_TOKEN`.
    pub(super) fn new(url: &Url, token_file: Option<&Path>) -> Result<Self, CommandError> {
        let token = secret(token_file, "HOOKLINE_TOKEN")?.filter(|token| !token.is_empty()).ok_or_else(|| {
            CommandError::Usage("no token: give --token-file, or the variable HOOKLINE_TOKEN".to_owned())
        })?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CommandError::Usage(
                "the token is not one: it contains spaces or other characters that no token has".to_owned(),
            ));
        }
        // A redirect could carry the token to another place, or turn the request into one without a body.
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.user_agent(concat!("hookline/", env!("CARGO_PKG_VERSION")));
        let client = client.timeout(Duration::from_mins(1)).build().map_err(CommandError::of)?;
        Ok(Self { client, url: url.as_str().trim_end_matches('/').to_owned(), token })
    }

    /// The address of the service.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a call. While the service does not take connections or answers 429, sends the request again after a wait;
    /// also after 502 and 503 if it does no harm to carry it out twice (`repeatable`).
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        repeatable: bool,
    ) -> Result<(StatusCode, Value), CommandError> {
        let mut wait = Duration::from_millis(250);
        let mut told = false;
        for left in (0..MAX_TRIES).rev() {
            let mut request = self.request(method.clone(), path);
            if let Some(body) = &body {
                request = request.header("content-type", "application/json").body(body.clone());
            }
            let asked = match request.send().await {
                Ok(answer) if is_busy(answer.status(), repeatable) && left > 0 => {
                    let seconds =
                        answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    seconds.map_or(wait, Duration::from_secs)
                }
                Ok(answer) => return self.read(answer).await,
                Err(error) if left > 0 && error.is_connect() => wait,
                Err(error) => return Err(self.silent(&error)),
            };
            if !std::mem::replace(&mut told, true) {
                say(&format!("{} is busy or does not answer: trying again", self.url));
            }
            tokio::time::sleep(asked.min(MAX_WAIT)).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
        Err(CommandError::of(format!("{} does not answer", self.url)))
    }

    /// Makes a call without a body, whose request is not sent again.
    pub(super) async fn call_once(&self, method: Method, path: &str) -> Result<(StatusCode, Value), CommandError> {
        let answer = self.request(method, path).send().await.map_err(|error| self.silent(&error))?;
        self.read(answer).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn read(&self, answer: Response) -> Result<(StatusCode, Value), CommandError> {
        if answer.status().is_redirection() {
            return Err(self.redirected(&answer));
        }
        let status = answer.status();
        let text = answer.text().await.map_err(CommandError::of)?;
        Ok((status, serde_json::from_str(&text).unwrap_or_else(|_| json!({"message": text}))))
    }

    fn silent(&self, error: &reqwest::Error) -> CommandError {
        CommandError::of(format!("{} does not answer: {error}", self.url))
    }

    fn redirected(&self, answer: &Response) -> CommandError {
        let place = answer.headers().get(LOCATION).map(|place| String::from_utf8_lossy(place.as_bytes()));
        let place = one_line(place.as_deref().unwrap_or("another place")).into_owned();
        CommandError::of(format!(
            "{} redirects to {place} ({}), and redirects are not followed: give the address of the service itself, for \
             instance --url https://hooks.example.com",
            self.url,
            answer.status()
        ))
    }
}

fn is_busy(status: StatusCode, repeatable: bool) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => repeatable,
        _ => false,
    }
}

/// The reason of a refusal, in one line.
pub(super) fn reason(answer: &Value) -> String {
    let sentences = answer["errors"]
        .as_array()
        .map(|errors| errors.iter().filter_map(|error| error[1].as_str()).collect::<Vec<_>>().join(", "));
    let text = match sentences.filter(|text| !text.is_empty()) {
        Some(sentences) => sentences,
        None => answer["message"].as_str().unwrap_or("no reason was given").to_owned(),
    };
    one_line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        let answer = json!({"message": "Validation Failed", "errors": [["event", "Event can't be blank"]]});
        assert_eq!(reason(&answer), "Event can't be blank");
        assert_eq!(reason(&json!({"message": "Forbidden"})), "Forbidden");
        assert_eq!(reason(&json!({"message": "a\u{1b}[2J\nb"})), "a\\u001b[2J\\nb");
    }
}
