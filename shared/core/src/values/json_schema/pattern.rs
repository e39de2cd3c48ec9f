//! Regular expressions of `pattern` and `patternProperties`. They run in time linear in the text, and their cost is known.

use regex_lite::{Regex, RegexBuilder};

/// The sizes of compiled patterns in bytes, smallest first, with the steps that each byte of a text costs.
const SIZES: [(usize, usize); 3] = [(2048, 4), (8192, 12), (32_768, 40)];

/// A regular expression, as `pattern` wants it: a match anywhere in the text.
#[derive(Debug)]
pub(super) struct LinearPattern {
    regex: Regex,
    steps_per_byte: usize,
}

impl LinearPattern {
    /// `Err` says why not.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reason = String::new();
        for (size, steps_per_byte) in SIZES {
            match RegexBuilder::new(text).size_limit(size).build() {
                Ok(regex) => return Ok(Self { regex, steps_per_byte }),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(format!(
            "is not a regular expression that takes linear time: {}",
            reason.lines().next().unwrap_or_default()
        ))
    }

    /// How many steps a match against this text takes at most.
    pub(super) fn steps(&self, text: &str) -> usize {
        (text.len() + 1).saturating_mul(self.steps_per_byte)
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}
