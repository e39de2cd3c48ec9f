//! Publishing as the README shows it: with `curl`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use hookline_tests::hookline::Hookline;

/// Publishes an event with `curl`; the body goes through as it is.
///
/// # Panics
/// When `curl` is missing or the event is not accepted.
pub(crate) fn publish(hookline: &Hookline, event: &[u8]) {
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--header", "Content-Type: application/json"])
        .args(["--header", &format!("Authorization: Bearer {}", hookline.admin_token())])
        .args(["--data-binary", "@-", "--write-out", "%{http_code}"])
        .arg(format!("http://{}/v1/events", hookline.address()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl is installed");
    curl.stdin.take().expect("stdin is piped").write_all(event).expect("curl reads the event");
    let output = curl.wait_with_output().expect("curl ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.ends_with("202"), "{}: {text}", String::from_utf8_lossy(event));
}
