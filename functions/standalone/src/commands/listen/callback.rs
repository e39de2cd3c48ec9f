//! Answers `webhook.verify`: the receiver calls the URL in the message, which tells the service that the receiver wants the
//! webhook's messages.
//!
//! Any program can send such a message, so the receiver does not call every URL. It calls a URL of the form that the
//! service makes, `…/webhooks/<id>/verify?code=<24 characters>&expires_at=<seconds>`, and only below the address of the
//! service in `--url`. Without `--url` it calls only this machine, which the sender of the message could have called as
//! well. Redirects are not followed.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use crate::output::CommandError;

/// How long the service may take to answer. The service itself waits 10 s for the answer to its message.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Calls the callbacks of verify messages.
pub(super) struct CallbackCaller {
    /// The address of the service.
    service: Option<Url>,
    client: reqwest::Client,
}

impl CallbackCaller {
    /// `service` is the address of the service, or of an account on it.
    pub(super) fn new(service: Option<Url>) -> Result<Self, CommandError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(CommandError::of)?;
        Ok(Self { service, client })
    }

    /// Calls the URL if it may be called. The error says in words why the webhook is not verified.
    pub(super) async fn call(&self, url: &str) -> Result<(), String> {
        let url = self.permitted(url)?;
        match self.client.post(url).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            Ok(answer) => Err(format!("the callback answered {}", answer.status())),
            Err(error) => Err(format!("the callback could not be reached: {}", error.without_url())),
        }
    }

    /// The URL, if it may be called.
    fn permitted(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "the callback is no URL")?;
        if !is_callback(&url) {
            return Err("the callback is not one that a service makes");
        }
        let under = match &self.service {
            Some(service) => url.origin() == service.origin() && is_below(url.path(), service.path()),
            None => is_this_machine(&url),
        };
        match (under, &self.service) {
            (true, _) => Ok(url),
            (false, Some(_)) => Err("the callback is not under --url"),
            (false, None) => Err("the callback is elsewhere: say with --url where the service is"),
        }
    }
}

/// The URL that a message asks to call, if it is a verify message.
pub(super) fn url_in(message: &Value) -> Option<&str> {
    (message["event"] == hookline_core::model::event::VERIFY).then(|| message["payload"]["callback"].as_str()).flatten()
}

/// The form of a callback: nothing but the path, a code and a time.
fn is_callback(url: &Url) -> bool {
    let Some((_, tail)) = url.path().rsplit_once("/webhooks/") else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let query = url.query().and_then(|query| query.strip_prefix("code=")?.split_once("&expires_at="));
    tail.strip_suffix("/verify").is_some_and(is_number)
        && query.is_some_and(|(code, at)| code.len() == 24 && code.bytes().all(base64url) && is_number(at))
        && matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

/// True for a path below a prefix that ends where a segment ends.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// True for loopback.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arguments::service_url;

    const TAIL: &str = "/webhooks/3/verify?code=AAAAAAAAAAAAAAAAAAAAAAA-&expires_at=1800000000";

    fn may_call(service: Option<&str>, url: &str) -> bool {
        CallbackCaller::new(service.map(|url| service_url(url).unwrap())).unwrap().permitted(url).is_ok()
    }

    #[test]
    fn only_callbacks_of_the_service_are_called() {
        let service = Some("https://hooks.example.com/x");
        assert!(may_call(service, &format!("https://hooks.example.com/x/a/wdc{TAIL}")));
        assert!(may_call(
            Some("https://hooks.example.com:443/x/a/wdc/"),
            &format!("https://hooks.example.com/x/a/wdc{TAIL}")
        ));
        for other in [
            "http://hooks.example.com/x/a/wdc",
            "https://hooks.example.com:8443/x/a/wdc",
            "https://hooks.example.com/y/a/wdc",
            "https://hooks.example.com/xy/a/wdc",
            "https://hooks.example.com/x/../a/wdc",
            "https://hooks.example.com.evil.example/x/a/wdc",
            "https://hooks.example.com@evil.example/x/a/wdc",
            "https://u:p@hooks.example.com/x/a/wdc",
            "http://127.0.0.1:8080/x/a/wdc",
            "file:///x",
        ] {
            assert!(!may_call(service, &format!("{other}{TAIL}")), "{other}");
        }
    }

    #[test]
    fn nothing_but_a_callback_is_called() {
        let base = "http://127.0.0.1:8080/a/wdc";
        assert!(may_call(None, &format!("{base}{TAIL}")));
        for (from, to) in [
            ("/webhooks/3", "/webhooks/x"),
            ("/verify", "/secret/rotate"),
            ("/verify", ""),
            ("code=A", "code=AA"),
            ("code=A", "code=%"),
            ("code=", "other="),
            ("&expires_at=1800000000", ""),
            ("1800000000", "1&x=y"),
            ("1800000000", "1800000000#f"),
        ] {
            assert!(!may_call(None, &format!("{base}{}", TAIL.replace(from, to))), "{from} -> {to}");
        }
    }

    #[test]
    fn without_a_service_only_this_machine_is_called() {
        for here in [
            "http://127.0.0.1:8080",
            "http://127.1.2.3",
            "http://[::1]:8080",
            "http://localhost:8080",
            "http://2130706433",
        ] {
            assert!(may_call(None, &format!("{here}{TAIL}")), "{here}");
        }
        for elsewhere in
            ["https://hooks.example.com", "http://10.0.0.1", "http://169.254.169.254", "http://localhost.evil.example"]
        {
            assert!(!may_call(None, &format!("{elsewhere}{TAIL}")), "{elsewhere}");
        }
        assert!(may_call(Some("https://hooks.example.com/v1/"), &format!("https://hooks.example.com{TAIL}")));
    }

    #[test]
    fn verify_messages_are_known_by_their_event() {
        assert_eq!(url_in(&json!({"event": "webhook.verify", "payload": {"callback": "x"}})), Some("x"));
        assert_eq!(url_in(&json!({"event": "request.create", "payload": {"callback": "x"}})), None);
        assert_eq!(url_in(&json!({"event": "webhook.verify", "payload": {}})), None);
        assert_eq!(url_in(&json!([])), None);
    }
}
