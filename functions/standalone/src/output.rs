//! How commands end and print: results on stdout, messages for people on stderr.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::Value;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// It was asked in the wrong way: exit code 2.
    Usage(String),
    /// It failed: exit code 1.
    Failed(String),
}

impl CommandError {
    /// A failure with its reason.
    pub(crate) fn of(reason: impl std::fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// Says why on stderr, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, reason) = match self {
            Self::Usage(reason) => (2, reason),
            Self::Failed(reason) => (1, reason),
        };
        say(&format!("hookline: {reason}"));
        ExitCode::from(code)
    }
}

/// Writes a line of the result to stdout. A reader that has gone away is no failure.
pub(crate) fn print(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandError::of(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a line for people to stderr. There is nobody to tell if that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Shows a result: as JSON on stdout if that was asked for, else in words on stderr.
pub(crate) fn show(as_json: bool, json: &Value, text: &str) -> Result<(), CommandError> {
    if as_json {
        print(&json.to_string())
    } else {
        say(text);
        Ok(())
    }
}
