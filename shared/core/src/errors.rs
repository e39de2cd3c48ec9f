//! Errors: of an input (422), of a use case, of an operator's command, and of our own infrastructure.

/// All errors of an input: pairs of field (or `base`) and sentence (section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationErrors(Vec<(String, String)>);

impl ValidationErrors {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The errors of an input of which one field is wrong.
    #[must_use]
    pub fn of(field: &str, what: impl AsRef<str>) -> Self {
        let mut errors = Self::new();
        errors.add(field, what);
        errors
    }

    /// The errors of an input that is wrong as a whole, for one reason.
    #[must_use]
    pub fn base(sentence: impl Into<String>) -> Self {
        let mut errors = Self::new();
        errors.add_base(sentence);
        errors
    }

    /// Adds an error of a field: `add("mail_exceptions_to", "is invalid")` becomes
    /// `["mail_exceptions_to", "Mail exceptions to is invalid"]`.
    pub fn add(&mut self, field: &str, what: impl AsRef<str>) {
        let sentence = format!("{} {}", human(field), what.as_ref());
        self.0.push((field.to_owned(), sentence));
    }

    /// Adds an error of the record as a whole, as a full sentence.
    pub fn add_base(&mut self, sentence: impl Into<String>) {
        self.0.push(("base".to_owned(), sentence.into()));
    }

    /// Adds the error of a text that is longer than `maximum` characters.
    pub fn too_long(&mut self, field: &str, maximum: usize) {
        self.add(field, format!("is too long (maximum is {maximum} characters)"));
    }

    /// True if there are no errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs in the order in which they were found.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// `Ok` if there are no errors.
    ///
    /// # Errors
    /// [`UseCaseError::Invalid`] with all that is wrong.
    pub fn check(self) -> Result<(), UseCaseError> {
        if self.is_empty() { Ok(()) } else { Err(UseCaseError::Invalid(self)) }
    }
}

/// `webhook_policy` is read as `Webhook policy`.
fn human(field: &str) -> String {
    let mut words = field.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Why a use case of the API failed.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// The input is understood but not acceptable: 422.
    #[error("validation failed")]
    Invalid(ValidationErrors),
    /// There is no such record in this account: 404.
    #[error("not found")]
    NotFound,
    /// The caller may not do this: 403.
    #[error("forbidden")]
    Forbidden,
    /// The id of an event belongs to another: 409.
    #[error("an event with this id has another name or object")]
    Conflict,
    /// `If-Match` names another version of the record: 412.
    #[error("precondition failed")]
    PreconditionFailed,
    /// The input is larger than the contract allows: 413.
    #[error("content too large")]
    TooLarge,
    /// Our own infrastructure failed: 503, try again.
    #[error(transparent)]
    Fault(#[from] PortError),
}

/// Why a command of an operator was not carried out. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// An input is wrong.
    #[error("{0}")]
    Input(String),
    /// The stored data do not allow it.
    #[error("{0}")]
    Refused(String),
    /// Our own infrastructure failed.
    #[error(transparent)]
    Fault(#[from] PortError),
}

/// Our own infrastructure failed. Nothing is lost: the caller gets an error, or the queue repeats the message.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PortError {
    /// No space left to store anything.
    #[error("the storage is full")]
    StorageFull,
    /// A store, queue, vault or mail system failed.
    #[error("{system} failed: {reason}")]
    Unavailable {
        /// Which system.
        system: &'static str,
        /// Its error. Contains no secrets.
        reason: String,
    },
}

impl PortError {
    /// A system that failed.
    pub fn unavailable(system: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { system, reason: reason.to_string() }
    }
}

/// What every port answers.
pub type PortResult<T> = Result<T, PortError>;

impl From<ValidationErrors> for UseCaseError {
    fn from(errors: ValidationErrors) -> Self {
        Self::Invalid(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_with_the_field_in_words() {
        let mut problems = ValidationErrors::new();
        problems.add("uri", "can't be blank");
        problems.too_long("mail_exceptions_to", 1024);
        let texts: Vec<_> = problems.pairs().iter().map(|(_, sentence)| sentence.as_str()).collect();
        assert_eq!(texts, ["Uri can't be blank", "Mail exceptions to is too long (maximum is 1024 characters)"]);
    }
}
