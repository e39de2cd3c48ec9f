//! Where settings are read from. Each runtime provides a function from a name to a text: the variables of the
//! environment, or those over a file.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// A setting that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {reason}")]
pub struct SettingError {
    /// The name of the setting, in lower case.
    pub name: &'static str,
    /// What is wrong with it, to be read after the name.
    pub reason: String,
}

impl SettingError {
    /// An error of the setting `name`.
    #[must_use]
    pub fn new(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, reason: reason.into() }
    }
}

/// Reads settings by their names in lower case. An empty text counts as not set. The source records each name that it is
/// asked for, so that a runtime can reject the names that no reader knows.
pub struct Source<'a> {
    find: &'a dyn Fn(&str) -> Option<String>,
    names: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Source<'a> {
    /// Reads texts with `find`.
    #[must_use]
    pub fn new(find: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { find, names: RefCell::default() }
    }

    /// A text, if it is set.
    pub fn text(&self, name: &'static str) -> Option<String> {
        self.names.borrow_mut().insert(name);
        (self.find)(name).filter(|text| !text.is_empty())
    }

    /// A text that must be set.
    ///
    /// # Errors
    /// If it is not.
    pub fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.text(name).ok_or_else(|| SettingError::new(name, "is not set"))
    }

    /// A value, if it is set.
    ///
    /// # Errors
    /// If it cannot be parsed.
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, SettingError> {
        let parsed = self.text(name).map(|text| text.trim().parse());
        parsed.transpose().map_err(|error| SettingError::new(name, format!("is invalid: {error}")))
    }

    /// A value, or its default if it is not set.
    ///
    /// # Errors
    /// If it cannot be parsed.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str, default: T) -> Result<T, SettingError> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// A number of minutes.
    ///
    /// # Errors
    /// If it is not a number.
    pub fn minutes(&self, name: &'static str, default: Duration) -> Result<Duration, SettingError> {
        Ok(Duration::from_secs(self.parsed(name, default.as_secs() / 60)?.saturating_mul(60)))
    }

    /// Values that commas separate. None if the setting is not set.
    ///
    /// # Errors
    /// If one of them cannot be parsed.
    pub fn list<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Vec<T>, SettingError> {
        let text = self.text(name).unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parsed = parts.map(|part| {
            part.parse().map_err(|error: T::Err| SettingError::new(name, format!("is invalid: {part:?}: {error}")))
        });
        parsed.collect()
    }

    /// One of several words. The first one is the default.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn word(&self, name: &'static str, words: &[&'static str]) -> Result<&'static str, SettingError> {
        let text = self.text(name);
        let text = text.as_deref().or(words.first().copied()).unwrap_or_default();
        let word = words.iter().copied().find(|word| *word == text);
        word.ok_or_else(|| SettingError::new(name, format!("must be one of: {}", words.join(", "))))
    }

    /// Whether a reader has asked for the name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.names.borrow().contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Option<String> {
        let text = match name {
            "number" => "7",
            "list" => " 1, 2,,3 ",
            "bad_list" => "1,x",
            "empty" => "",
            "word" => "tls",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn values_are_parsed_or_take_their_defaults() {
        let source = Source::new(&find);
        assert_eq!((source.parsed("number", 1), source.parsed("other", 1)), (Ok(7), Ok(1)));
        assert_eq!(source.list("list"), Ok(vec![1, 2, 3]));
        assert_eq!(source.list::<u8>("other"), Ok(Vec::new()));
        assert_eq!((source.text("empty"), source.optional::<u8>("empty")), (None, Ok(None)));
        assert_eq!(source.minutes("number", Duration::ZERO), Ok(Duration::from_mins(7)));
        assert_eq!(
            (source.word("word", &["none", "tls"]), source.word("other", &["none", "tls"])),
            (Ok("tls"), Ok("none"))
        );
    }

    #[test]
    fn errors_name_the_setting() {
        let source = Source::new(&find);
        let names = [
            source.parsed("word", 1).map(drop),
            source.list::<u8>("bad_list").map(drop),
            source.required("empty").map(drop),
            source.word("number", &["none", "tls"]).map(drop),
        ]
        .map(|result| result.unwrap_err().name);
        assert_eq!(names, ["word", "bad_list", "empty", "number"]);
    }

    #[test]
    fn names_that_were_asked_for_are_known() {
        let source = Source::new(&find);
        assert!(!source.knows("number"));
        let _ = source.text("number");
        assert!(source.knows("number") && !source.knows("list"));
    }
}
