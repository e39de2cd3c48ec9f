//! Our check of JSON Schemas says what that of another library says, for random schemas and values.

use hookline_core::values::JsonSchema;
use serde_json::value::RawValue;

use crate::clients::{installed, source, succeeds};

const SEED: &str = "1";

/// How many schemas are made. Each is tried with five values.
const SCHEMAS: &str = "4000";

#[test]
fn the_verdict_on_random_schemas_is_that_of_another_library() {
    let said = succeeds(installed("python").arg(source("schemas.py")).args([SEED, SCHEMAS]));
    let (mut fitting, mut all) = (0, 0);
    for line in said.lines() {
        let (schema, value, fits): (&RawValue, &RawValue, bool) = serde_json::from_str(line).expect("JSON");
        let parsed = JsonSchema::parse(schema.get()).unwrap_or_else(|error| panic!("{error}: {schema}"));
        let verdict = parsed.check(value);
        assert_eq!(verdict.is_ok(), fits, "{verdict:?}: {schema} {value}");
        fitting += usize::from(fits);
        all += 1;
    }
    assert!(all > 10_000 && fitting > all / 10 && fitting < all * 9 / 10, "{fitting} of {all} fit");
}
