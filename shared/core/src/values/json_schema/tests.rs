use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::JsonSchema;

fn check(schema: &str, value: &str) -> Result<(), String> {
    let value: &RawValue = serde_json::from_str(value).unwrap();
    JsonSchema::parse(schema).unwrap().check(value).map_err(|mismatch| mismatch.to_string())
}

fn refused(schema: &str) -> String {
    JsonSchema::parse(schema).unwrap_err().to_string()
}

/// Each line: a schema, values that fit, and values that do not.
#[test]
fn every_keyword_is_checked() {
    let tree = r##"{"$ref":"#/definitions/tree","definitions":{"tree":{"type":"object","required":["n"],
        "properties":{"n":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/definitions/tree"}}}}}}"##;
    let closed = r#"{"allOf":[{"properties":{"a":true}},{"anyOf":[{"properties":{"b":{"type":"string"}},"required":["b"]},
        {"properties":{"c":true},"required":["c"]}]}],"unevaluatedProperties":false}"#;
    let table: &[(&str, &[&str], &[&str])] = &[
        (r"{}", &["1", "null", "{}"], &[]),
        (r#"{"type":"integer"}"#, &["1", "1.0", "-12e3", "123456789012345678901234567890"], &["1.5", "\"1\"", "1e-1"]),
        (r#"{"type":["string","null"]}"#, &["\"\"", "null"], &["0", "[]"]),
        (r#"{"type":"number"}"#, &["1.5", "1e400", "1e9999"], &["true"]),
        (r#"{"enum":["a",1,{"x":[1.0]}]}"#, &["\"a\"", "1.0", r#"{"x":[1]}"#], &["\"b\"", "\"1\"", r#"{"x":[2]}"#]),
        (r#"{"const":[1,"\"",null]}"#, &[r#"[1e0,"\u0022",null]"#], &["[1,null]", "null"]),
        (
            r#"{"minimum":0.1,"exclusiveMaximum":9007199254740993}"#,
            &["0.1", "9007199254740992", "\"x\""],
            &["0.09", "9007199254740993", "9e999"],
        ),
        (
            r#"{"exclusiveMinimum":1,"maximum":2}"#,
            &["1.000000000000000000000000001", "2"],
            &["1", "2.0000000000000000000001"],
        ),
        (r#"{"multipleOf":0.01}"#, &["19.99", "0", "-3"], &["0.001", "1e-999"]),
        (r#"{"minLength":2,"maxLength":3}"#, &["\"Ж😀\"", "\"abc\"", "1"], &["\"😀\"", "\"abcd\""]),
        (r#"{"pattern":"^[a-z]+-\\d{2}$"}"#, &["\"ab-12\"", "7"], &["\"ab-1\"", "\"ab-123\""]),
        (r#"{"pattern":"b"}"#, &["\"abc\""], &["\"ac\""]),
        (
            r#"{"minItems":1,"maxItems":2,"uniqueItems":true}"#,
            &["[1]", "[1,\"1\"]", "{}"],
            &["[]", "[1,2,3]", "[1,1.0]"],
        ),
        (r#"{"required":["a","b"]}"#, &[r#"{"a":1,"b":null}"#, "[]"], &[r#"{"a":1}"#, "{}"]),
        (r#"{"minProperties":1,"maxProperties":2}"#, &[r#"{"a":1}"#, "1"], &["{}", r#"{"a":1,"b":1,"c":1}"#]),
        (r#"{"propertyNames":{"maxLength":2}}"#, &[r#"{"ab":1}"#], &[r#"{"abc":1}"#]),
        (
            r#"{"properties":{"a":{"type":"string"}},"patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":false}"#,
            &[r#"{"a":"s","x-n":1}"#, "{}"],
            &[r#"{"a":1}"#, r#"{"x-n":"1"}"#, r#"{"b":1}"#],
        ),
        (r#"{"additionalProperties":{"type":"boolean"}}"#, &[r#"{"a":true}"#], &[r#"{"a":1}"#]),
        (
            r#"{"prefixItems":[{"type":"string"},true],"items":{"type":"integer"}}"#,
            &["[]", "[\"a\"]", "[\"a\",{},1,2]"],
            &["[1]", "[\"a\",{},\"b\"]"],
        ),
        (r#"{"items":false}"#, &["[]", "{}"], &["[1]"]),
        (
            r#"{"contains":{"type":"integer"},"minContains":2,"maxContains":3}"#,
            &["[1,\"\",2]", "{}"],
            &["[1]", "[1,2,3,4]"],
        ),
        (r#"{"contains":{"type":"integer"}}"#, &["[1]"], &["[]", "[\"\"]"]),
        (r#"{"contains":{"type":"integer"},"minContains":0}"#, &["[]"], &[]),
        (r#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, &["1", "\"\""], &["3"]),
        (r#"{"anyOf":[{"type":"string"},{"minimum":5}]}"#, &["\"\"", "5"], &["4"]),
        (r#"{"oneOf":[{"minimum":1},{"maximum":2}]}"#, &["0", "3"], &["1.5", "\"\""]),
        (r#"{"not":{"required":["a"]}}"#, &["{}"], &[r#"{"a":1}"#, "1"]),
        (
            r#"{"if":{"properties":{"k":{"const":"a"}},"required":["k"]},"then":{"required":["x"]},"else":{"required":["y"]}}"#,
            &[r#"{"k":"a","x":1}"#, r#"{"y":1}"#],
            &[r#"{"k":"a","y":1}"#, r#"{"x":1}"#],
        ),
        (r#"{"dependentRequired":{"a":["b"]}}"#, &["{}", r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]),
        (r#"{"dependentSchemas":{"a":{"minProperties":2}}}"#, &["{}", r#"{"a":1,"b":1}"#], &[r#"{"a":1}"#]),
        (tree, &[r#"{"n":1,"kids":[{"n":2,"kids":[]}]}"#], &[r#"{"n":1,"kids":[{"n":2,"kids":[{"n":"3"}]}]}"#]),
        (
            closed,
            &[r#"{"a":1,"b":"x"}"#, r#"{"c":1}"#, r#"{"a":1,"b":"x","c":2}"#],
            &[r#"{"a":1}"#, r#"{"b":"x","d":1}"#, r#"{"b":1,"c":1}"#],
        ),
        (
            r#"{"prefixItems":[true],"contains":{"type":"string"},"unevaluatedItems":false}"#,
            &[r#"[1,"a","b"]"#],
            &[r#"[1,"a",2]"#],
        ),
        (
            r#"{"if":{"properties":{"a":true},"required":["a"]},"unevaluatedProperties":{"type":"string"}}"#,
            &[r#"{"a":1,"b":"x"}"#],
            &[r#"{"b":1}"#],
        ),
        (r##"{"$defs":{"a/b":{"type":"string"}},"items":{"$ref":"#/$defs/a~1b"}}"##, &["[\"x\"]"], &["[1]"]),
        (r##"{"$defs":{"ü":{"type":"string"}},"items":{"$ref":"#/$defs/%C3%BC"}}"##, &["[\"x\"]"], &["[1]"]),
        (r#"{"format":"email","title":"t","x-own":{"type":"nothing"}}"#, &["\"no mail\""], &[]),
        (
            r##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##,
            &[r#"{"a":{"a":{}}}"#],
            &[r#"{"a":{"b":1}}"#],
        ),
    ];
    for (schema, good, bad) in table {
        for value in *good {
            assert_eq!(check(schema, value), Ok(()), "{schema} {value}");
        }
        for value in *bad {
            assert!(check(schema, value).is_err(), "{schema} {value}");
        }
    }
}

#[test]
fn a_mismatch_names_its_place() {
    let schema = r#"{"type":"object","required":["id"],"properties":{"items":{"type":"array","items":
        {"properties":{"pri/ce":{"type":"number","minimum":0},"unit":{"enum":["kg"]}},"additionalProperties":false}}}}"#;
    for (value, what) in [
        ("[]", "must be of type object"),
        ("{}", "must have the property id"),
        (r#"{"id":1,"items":{}}"#, "at /items: must be of type array"),
        (r#"{"id":1,"items":[{},{"pri/ce":"1"}]}"#, "at /items/1/pri~1ce: must be of type number"),
        (r#"{"id":1,"items":[{"pri/ce":-1}]}"#, "at /items/0/pri~1ce: must be at least 0"),
        (r#"{"id":1,"items":[{"unit":"lb"}]}"#, "at /items/0/unit: must be a value that the schema lists"),
        (r#"{"id":1,"items":[{"x":1}]}"#, "at /items/0/x: is not allowed"),
    ] {
        assert_eq!(check(schema, value).unwrap_err(), what, "{value}");
    }
    let names = check(r#"{"propertyNames":{"pattern":"^[a-z]$"}}"#, r#"{"B":1}"#).unwrap_err();
    assert_eq!(names, "has the property B, whose name must match the pattern of the schema");
    let long = format!(r#"{{"{}":1}}"#, "ж".repeat(1000));
    let said = check(r#"{"additionalProperties":{"type":"string"}}"#, &long).unwrap_err();
    assert!(said.len() < 300 && said.contains('…'), "{said}");
}

#[test]
fn what_cannot_be_checked_is_refused_with_its_place() {
    for (schema, what) in [
        ("[]", "must be an object"),
        ("true", "must be an object"),
        (
            r#"{"type":"strin"}"#,
            "at /type: must be one or several of null, boolean, integer, number, string, array, object",
        ),
        (
            r#"{"properties":{"a/b":{"minLength":-1}}}"#,
            "at /properties/a~1b/minLength: must be a whole number, 0 or more, without an exponent",
        ),
        (r#"{"properties":{"a":1}}"#, "at /properties/a: must be a schema: an object, true or false"),
        (r#"{"items":[{}]}"#, "at /items: must be a schema: an object, true or false"),
        (r#"{"required":"a"}"#, "at /required: must be a list of strings"),
        (r#"{"required":[1]}"#, "at /required: must be a list of strings"),
        (r#"{"allOf":[]}"#, "at /allOf: must be a list of schemas"),
        (r#"{"anyOf":[{},{"minimum":"1"}]}"#, "at /anyOf/1/minimum: must be a number with an exponent within ±999"),
        (r#"{"multipleOf":0}"#, "at /multipleOf: must be a number above 0 with at most 18 digits"),
        (r#"{"uniqueItems":1}"#, "at /uniqueItems: must be true or false"),
        (r#"{"properties":[]}"#, "at /properties: must be an object"),
        (r#"{"enum":{}}"#, "at /enum: must be a list of values"),
        (r#"{"pattern":1}"#, "at /pattern: must be a string"),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
            "at /$schema: must be https://json-schema.org/draft/2020-12/schema",
        ),
        (r#"{"items":{"$id":"x"}}"#, "at /items/$id: is supported in the schema as a whole only"),
        (r##"{"items":{"$dynamicRef":"#x"}}"##, "at /items/$dynamicRef: is not supported"),
        (
            r#"{"$ref":"https://schemas.example/a"}"#,
            "at /$ref: must lead to a schema of this document, such as #/$defs/name",
        ),
        (
            r##"{"items":{"$ref":"#/$defs/a"}}"##,
            "at /items/$ref: must lead to a schema of this document, such as #/$defs/name",
        ),
        (
            r##"{"$ref":"#anchor","$defs":{"a":{"$anchor":"anchor"}}}"##,
            "at /$ref: must lead to a schema of this document, such as #/$defs/name",
        ),
        (r##"{"$ref":"#"}"##, "applies itself to the same value, and never ends"),
        (
            r##"{"items":{"$ref":"#/$defs/a"},"$defs":{"a":{"anyOf":[{},{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}"##,
            "at /$defs/a: applies itself to the same value, and never ends",
        ),
    ] {
        let said = refused(schema);
        let same = said == what || what.starts_with("at /$defs/a") && said.ends_with("and never ends");
        assert!(same, "{schema}: {said}");
    }
    assert!(refused("{").starts_with("is not valid JSON: "));
    for pattern in [r"(?=a)b", r"(a)\\1", "(", r"x{2000}{2000}", "[0-9]{30000}"] {
        let said = refused(&format!(r#"{{"patternProperties":{{"{pattern}":{{}}}}}}"#));
        assert!(said.contains(": is not a regular expression that takes linear time: "), "{pattern}: {said}");
    }
}

#[test]
fn a_schema_has_limits() {
    let of_length = |length: usize| format!(r#"{{"title":"{}"}}"#, "x".repeat(length - 12));
    assert!(JsonSchema::parse(&of_length(65_536)).is_ok());
    assert_eq!(refused(&of_length(65_537)), "is too long (maximum is 65536 bytes)");
    let nested = |levels: usize| format!("{}{}", r#"{"not":"#.repeat(levels - 1) + "{}", "}".repeat(levels - 1));
    assert!(JsonSchema::parse(&nested(64)).is_ok());
    assert_eq!(refused(&nested(65)), "is nested too deeply (maximum is 64 levels)");
    let many = |schemas: usize| format!(r#"{{"allOf":[{}{{}}]}}"#, "{},".repeat(schemas - 2));
    assert!(JsonSchema::parse(&many(2000)).is_ok());
    assert_eq!(refused(&many(2001)), "at /allOf/1999: is one schema too many (maximum is 2000)");
    let patterns = |count: usize| format!(r#"{{"allOf":[{}{{}}]}}"#, r#"{"pattern":"a"},"#.repeat(count));
    assert!(JsonSchema::parse(&patterns(50)).is_ok());
    assert_eq!(refused(&patterns(51)), "at /allOf/50/pattern: is one pattern too many (maximum is 50)");
}

#[test]
fn the_patterns_that_people_write_are_accepted() {
    for pattern in [
        "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$",
        r"^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$",
        r"^https?:\\/\\/",
        "^.{1,255}$",
        r"^\\+?[1-9]\\d{1,14}$",
        r"^[^\\u0000-\\u001f]*$",
    ] {
        let schema = format!(r#"{{"pattern":"{pattern}"}}"#);
        assert!(JsonSchema::parse(&schema).is_ok(), "{pattern}: {:?}", JsonSchema::parse(&schema));
    }
}

/// Work that doubles with each level, and regular expressions that are slow.
#[test]
fn hostile_schemas_run_out_of_steps() {
    let doubled = |level: usize| {
        format!(r##""d{level}":{{"anyOf":[{{"$ref":"#/$defs/d{}"}},{{"$ref":"#/$defs/d{}"}}]}}"##, level + 1, level + 1)
    };
    let levels: Vec<String> = (0..60).map(doubled).collect();
    let bomb = format!(r##"{{"$defs":{{{},"d60":false}},"$ref":"#/$defs/d0"}}"##, levels.join(","));
    let said = check(&bomb, "{}").unwrap_err();
    assert_eq!(said, "takes too many steps to check against its schema");

    let twice = r##"{"properties":{"a":{"anyOf":[{"allOf":[{"$ref":"#"},false]},{"allOf":[{"$ref":"#"},false]}]}}}"##;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    assert_eq!(check(twice, &deep).unwrap_err(), said);

    let patterns = r#"{"pattern":"(a?){40}b"},"#.repeat(50);
    let slow = format!(r#"{{"anyOf":[{patterns}false]}}"#);
    assert_eq!(check(&slow, &format!("\"{}\"", "a".repeat(20_000))).unwrap_err(), said);

    let too_deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(check("{}", &too_deep).unwrap_err(), "is nested too deeply for a schema (maximum is 64 levels)");
    assert_eq!(check("{}", &too_deep[1..129]), Ok(()));
}

/// A plain schema for a large payload stays well within its steps.
#[test]
fn a_large_payload_is_checked_whole() {
    let schema = json!({"type": "object", "properties": {"lines": {"type": "array", "items": {
        "type": "object", "required": ["id", "sku", "price"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
            "sku": {"type": "string", "minLength": 1, "maxLength": 40},
            "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
            "currency": {"enum": ["EUR", "USD", "GBP"]},
        },
    }}}});
    let line = json!({"id": "01234567-89ab-cdef-0123-456789abcdef", "sku": "A-1", "price": 19.99, "currency": "EUR"});
    let payload = json!({"lines": vec![line; 2000]});
    assert_eq!(check(&schema.to_string(), &payload.to_string()), Ok(()));
    let mut wrong = payload;
    wrong["lines"][1999]["currency"] = Value::from("DM");
    let said = check(&schema.to_string(), &wrong.to_string()).unwrap_err();
    assert_eq!(said, "at /lines/1999/currency: must be a value that the schema lists");
}
