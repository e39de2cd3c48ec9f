//! The input of a webhook policy (section 7).

use hookline_core::errors::ValidationErrors;
use hookline_core::use_cases::policies::{KeyRotation, PolicyInput};
use hookline_core::values::Patch;

use super::object::JsonObject;
use crate::response::ApiError;

/// Parses the input of a policy. Unknown and read-only fields are ignored.
pub(crate) fn policy(object: &JsonObject<'_>) -> PolicyInput {
    PolicyInput {
        disabled: object.boolean("disabled"),
        jwt_alg: object.text("jwt_alg"),
        jwt_audience: object.text("jwt_audience"),
        jwt_claim_expires_in: object.minutes("jwt_claim_expires_in"),
    }
}

/// Parses the input of a key rotation.
pub(crate) fn rotation(object: &JsonObject<'_>) -> Result<KeyRotation, ApiError> {
    let mut problems = ValidationErrors::new();
    let mut read = |name: &str| match object.action_boolean(name) {
        Patch::Value(value) => value,
        Patch::Absent | Patch::Null => false,
        Patch::WrongType => {
            problems.add(name, "is invalid");
            false
        }
    };
    let rotation = KeyRotation { now: read("now"), activate: read("activate") };
    problems.check().map_err(ApiError::from)?;
    Ok(rotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_minutes_or_hours_and_minutes() {
        for (raw, minutes) in [
            ("0", Some(0)),
            ("90", Some(90)),
            ("\"90\"", Some(90)),
            ("\" 90 \"", Some(90)),
            ("\"1:30\"", Some(90)),
            ("\"001:30\"", Some(90)),
            ("\"999:59\"", Some(59_999)),
            ("\"0:00\"", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("1e2", None),
            ("\"1:60\"", None),
            ("\"1:5\"", None),
            ("\"1:005\"", None),
            ("\":30\"", None),
            ("\"1:-5\"", None),
            ("\"1000:00\"", None),
            ("\"+5\"", None),
            ("true", None),
            ("99999999999999999999", None),
        ] {
            let text = format!("{{\"jwt_claim_expires_in\":{raw}}}");
            let input = policy(&JsonObject::read(&text).unwrap());
            assert_eq!(input.jwt_claim_expires_in, minutes.map_or(Patch::WrongType, Patch::Value), "{raw}");
        }
    }

    #[test]
    fn a_rotation_is_plain_unless_it_says_more() {
        for (text, now, activate) in
            [("", false, false), (r#"{"now":true}"#, true, false), (r#"{"activate":"yes","now":0}"#, false, true)]
        {
            let KeyRotation { now: at_once, activate: activated } = rotation(&JsonObject::read(text).unwrap()).unwrap();
            assert_eq!((at_once, activated), (now, activate), "{text}");
        }
        for bad in [r#"{"now":"maybe"}"#, r#"{"activate":2}"#, r#"{"now":[]}"#] {
            assert_eq!(rotation(&JsonObject::read(bad).unwrap()).unwrap_err().status(), 422, "{bad}");
        }
    }
}
