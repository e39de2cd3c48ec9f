//! The input of a redelivery job (section 10).

use hookline_core::errors::ValidationErrors;
use hookline_core::use_cases::redelivery_job::RedeliveryInput;
use hookline_core::values::{Patch, TimeZone};

use super::object::{JsonObject, text};
use crate::listing::time;
use crate::response::ApiError;

/// Parses the input of a job. Times without an offset are local to the account.
pub(crate) fn redelivery(object: &JsonObject<'_>, zone: &TimeZone) -> Result<RedeliveryInput, ApiError> {
    let dry_run = match object.action_boolean("dry_run") {
        Patch::Value(value) => value,
        Patch::Absent | Patch::Null => false,
        Patch::WrongType => {
            let mut problems = ValidationErrors::new();
            problems.add("dry_run", "is invalid");
            return Err(ApiError::Invalid(problems));
        }
    };
    let at = |name: &str| object.given(name, |raw| time(&text(raw)?, zone));
    Ok(RedeliveryInput {
        since: at("since"),
        until: at("until"),
        outcome: object.given("outcome", |raw| serde_json::from_str(raw).ok()),
        event: object.text("event"),
        dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> RedeliveryInput {
        redelivery(&JsonObject::read(json).unwrap(), &TimeZone::parse("Europe/Amsterdam").unwrap()).unwrap()
    }

    #[test]
    fn times_and_outcomes() {
        let input =
            read(r#"{"since":"2026-11-25T10:00:00","until":"2026-11-25T10:30:00Z","outcome":["dropped"],"dry_run":1}"#);
        assert_eq!(input.since.value().unwrap().to_string(), "2026-11-25T09:00:00Z");
        assert_eq!(input.until.value().unwrap().to_string(), "2026-11-25T10:30:00Z");
        assert_eq!((input.outcome, input.dry_run), (Patch::Value(vec!["dropped".to_owned()]), true));
        let empty = read("");
        assert!(empty.since.is_absent() && empty.until.is_absent() && empty.outcome.is_absent() && !empty.dry_run);
        let wrong = read(r#"{"since":"yesterday","until":{},"outcome":"dropped"}"#);
        assert_eq!((wrong.since, wrong.until, wrong.outcome), (Patch::WrongType, Patch::WrongType, Patch::WrongType));
        let bad = redelivery(&JsonObject::read(r#"{"dry_run":"perhaps"}"#).unwrap(), &TimeZone::default());
        assert_eq!(bad.unwrap_err().status(), 422);
    }
}
