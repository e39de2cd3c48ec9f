//! `hookline console`: makes a console link and opens it in a browser, or prints it where there is none.

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::json;

use super::api_client::{ApiClient, reason};
use crate::arguments::ConsoleArgs;
use crate::output::{CommandError, print, say};
use crate::settings::environment;

/// What opens a URL in the browser of the desktop.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Makes a link and opens it.
pub(crate) async fn run(arguments: ConsoleArgs) -> Result<(), CommandError> {
    let client = ApiClient::new(&arguments.service.url, arguments.service.token_file.as_deref())?;
    let input = json!({"role": arguments.role, "webhook_id": arguments.webhook, "minutes": arguments.minutes});
    // A second link that is not used does no harm.
    let (status, answer) = client.call(Method::POST, "/v1/console_links", Some(input.to_string()), true).await?;
    match answer["url"].as_str() {
        Some(link) if status.is_success() && arguments.print => print(link),
        Some(link) if status.is_success() => open(link),
        _ => Err(CommandError::of(format!("the service made no link ({status}): {}", reason(&answer)))),
    }
}

/// Opens a link in the browser; prints it on stdout where there is none.
pub(super) fn open(link: &str) -> Result<(), CommandError> {
    if opens(link) {
        say("The console opens in the browser");
        return Ok(());
    }
    say("There is no browser here. Open this link within five minutes; it works once:");
    print(link)
}

/// Whether a browser opened the link. The code must not be an argument, which all users of the machine can see,
/// so the browser opens a file that leads to the link and that only its owner can read.
fn opens(link: &str) -> bool {
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| environment(name).is_some());
    if !cfg!(target_os = "macos") && !has_desktop {
        return false;
    }
    let page = || -> std::io::Result<_> {
        let mut file = tempfile::Builder::new().prefix("hookline-console-").suffix(".html").tempfile()?;
        let quoted = link.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        writeln!(file, "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={quoted}\">")?;
        // Browsers read it after this command has ended. Its link works once, for five minutes.
        Ok(file.into_temp_path().keep()?)
    };
    let Ok(page) = page() else { return false };
    let mut opener = Command::new(OPENER);
    opener.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    opener.status().is_ok_and(|status| status.success())
}
