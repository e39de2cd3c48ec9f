//! How commands print and end: results on stdout, messages for people on stderr.
//!
//! Both show control characters as escapes, so that no text of others reaches the terminal as a command. A text of others
//! that is printed inside a line of ours goes through [`one_line`] first, so that it cannot look like a line of ours.

use std::borrow::Cow;
use std::io::Write as _;
use std::process::ExitCode;

use hookline_core::errors::OperatorError;
use serde_json::Value;

/// Why a command did not do what it was asked to do.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The command line or the settings are wrong: exit code 2.
    Usage(String),
    /// The command failed: exit code 1.
    Failed(String),
    /// A dry run found differences, which are printed: exit code 3.
    Differs,
}

impl CommandError {
    /// A failure with its reason.
    pub(crate) fn of(reason: impl std::fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// Prints the reason on stderr and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, reason) = match self {
            Self::Usage(reason) => (2, reason),
            Self::Failed(reason) => (1, reason),
            Self::Differs => return ExitCode::from(3),
        };
        say(&format!("hookline: {reason}"));
        ExitCode::from(code)
    }
}

impl From<OperatorError> for CommandError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Input(reason) => Self::Usage(reason),
            OperatorError::Refused(reason) => Self::Failed(reason),
            OperatorError::Fault(fault) => Self::of(fault),
        }
    }
}

/// Prints a line of the result on stdout. A closed pipe is not a failure.
pub(crate) fn print(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout(), "{}", visible(line)) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandError::of(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a line for people on stderr. A failure to do so is ignored: there is no other place to report it.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", visible(line));
}

/// Prints a result: as JSON on stdout with `--json`, otherwise in words on stderr.
pub(crate) fn show(as_json: bool, json: &Value, text: &str) -> Result<(), CommandError> {
    if as_json {
        print(&json.to_string())
    } else {
        say(text);
        Ok(())
    }
}

/// A text of others for the inside of a line: line breaks and tabs become escapes as well.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// A text of ours, of which line breaks and tabs stay.
fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |character| is_control(character) && !matches!(character, '\n' | '\t'))
}

/// True for characters that a terminal obeys instead of showing them, and for those that change the order of the others.
fn is_control(character: char) -> bool {
    let reorders = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || reorders || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Escapes as JSON has them: JSON stays the same JSON.
fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !is_escaped(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => shown.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_as_escapes() {
        for (text, inside, whole) in [
            ("plain — ü 👍🏽", "plain — ü 👍🏽", "plain — ü 👍🏽"),
            ("\u{1b}]52;c;aGk=\u{7}", "\\u001b]52;c;aGk=\\u0007", "\\u001b]52;c;aGk=\\u0007"),
            ("\u{9b}2J\u{7f}", "\\u009b2J\\u007f", "\\u009b2J\\u007f"),
            ("a\r\n   Signature\tright", "a\\r\\n   Signature\\tright", "a\\r\n   Signature\tright"),
            ("\u{202e}thgir\u{2066}\u{2028}", "\\u202ethgir\\u2066\\u2028", "\\u202ethgir\\u2066\\u2028"),
        ] {
            assert_eq!(one_line(text), inside);
            assert_eq!(visible(text), whole);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"name": "\u{1b}[2J\u{9b}\u{202e}\u{7f}\n"});
        let shown = visible(&value.to_string()).into_owned();
        assert!(!shown.contains('\u{9b}'), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
