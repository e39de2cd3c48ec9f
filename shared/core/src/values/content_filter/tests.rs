//! Facts of the syntax as a table, and random filters against a slow and obvious reference.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{ContentFilter, Document, matching, pattern};

fn verdict(filter: &str, document: &str) -> bool {
    let document: &RawValue = serde_json::from_str(document).unwrap();
    let (filter, document) = (ContentFilter::parse(filter).unwrap(), Document::parse(document));
    let matches = filter.matches(&document, &mut 0);
    assert_eq!(filter.mismatch(&document).is_none(), matches, "{filter:?}");
    matches
}

#[test]
fn facts_of_the_syntax() {
    let deep_array = format!(r#"{{"a":{}7{}}}"#, "[".repeat(60), "]".repeat(60));
    let too_deep = format!(r#"{{"a":{}7{}, "b":"x"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (filter, document, wanted) in [
        // Exact values, of several types in one list.
        (r#"{"a":["x"]}"#, r#"{"a":"x","b":1}"#, true),
        (r#"{"a":["x"]}"#, r#"{"a":"X"}"#, false),
        (r#"{"a":["x",5,true,null]}"#, r#"{"a":null}"#, true),
        (r#"{"a":[5]}"#, r#"{"a":"5"}"#, false),
        (r#"{"a":[5]}"#, r#"{"a":5.0e0}"#, true),
        (r#"{"a":[9007199254740993]}"#, r#"{"a":9007199254740992}"#, false),
        (r#"{"a":[0]}"#, r#"{"a":-0.00}"#, true),
        (r#"{"a":[""]}"#, r#"{"a":""}"#, true),
        (r#"{"a":[""]}"#, r#"{"a":null}"#, false),
        // Fields are ANDed, the values of one are ORed, names are case-sensitive.
        (r#"{"a":["x"],"b":[1,2]}"#, r#"{"a":"x","b":2}"#, true),
        (r#"{"a":["x"],"b":[1,2]}"#, r#"{"a":"x","b":3}"#, false),
        (r#"{"a":["x"],"b":[1,2]}"#, r#"{"a":"x"}"#, false),
        (r#"{"A":["x"]}"#, r#"{"a":"x"}"#, false),
        // Of duplicate keys, the last one counts.
        (r#"{"a":["x"]}"#, r#"{"a":"x","a":"y"}"#, false),
        (r#"{"a":["y"]}"#, r#"{"a":"x","\u0061":"y"}"#, true),
        // Escapes are read before texts are compared.
        (r#"{"a\"b":["\u00fc\n"]}"#, "{\"a\\u0022b\":\"ü\\n\"}", true),
        // prefix, suffix, equals-ignore-case.
        (r#"{"a":[{"prefix":"eu-"}]}"#, r#"{"a":"eu-west"}"#, true),
        (r#"{"a":[{"prefix":"eu-"}]}"#, r#"{"a":"EU-west"}"#, false),
        (r#"{"a":[{"prefix":{"equals-ignore-case":"EU-"}}]}"#, r#"{"a":"eU-west"}"#, true),
        (r#"{"a":[{"prefix":"1"}]}"#, r#"{"a":12}"#, false),
        (r#"{"a":[{"suffix":".png"}]}"#, r#"{"a":"b.png"}"#, true),
        (r#"{"a":[{"suffix":".png"}]}"#, r#"{"a":"b.jpg"}"#, false),
        (r#"{"a":[{"suffix":{"equals-ignore-case":".PNG"}}]}"#, r#"{"a":"b.pnG"}"#, true),
        (r#"{"a":[{"equals-ignore-case":"alice"}]}"#, r#"{"a":"AlIcE"}"#, true),
        (r#"{"a":[{"equals-ignore-case":"alice"}]}"#, r#"{"a":"AlIcE "}"#, false),
        // wildcard.
        (r#"{"a":[{"wildcard":"dir/*.png"}]}"#, r#"{"a":"dir/sub/x.png"}"#, true),
        (r#"{"a":[{"wildcard":"dir/*.png"}]}"#, r#"{"a":"dir/.png"}"#, true),
        (r#"{"a":[{"wildcard":"dir/*.png"}]}"#, r#"{"a":"dir/x.png.gz"}"#, false),
        (r#"{"a":[{"wildcard":"*a*a*"}]}"#, r#"{"a":"banana"}"#, true),
        (r#"{"a":[{"wildcard":"a*a"}]}"#, r#"{"a":"a"}"#, false),
        (r#"{"a":[{"wildcard":"a\\*b*"}]}"#, r#"{"a":"a*bc"}"#, true),
        (r#"{"a":[{"wildcard":"a\\*b*"}]}"#, r#"{"a":"axbc"}"#, false),
        (r#"{"a":[{"wildcard":"*"}]}"#, r#"{"a":""}"#, true),
        (r#"{"a":[{"wildcard":"a\\\\b"}]}"#, r#"{"a":"a\\b"}"#, true),
        // anything-but needs presence.
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"y"}"#, true),
        (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"y"}"#, false),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"b":"y"}"#, false),
        (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":["x","y"]}"#, true),
        (r#"{"a":[{"anything-but":["x"]}]}"#, r#"{"a":["x","x"]}"#, false),
        (r#"{"a":[{"anything-but":[100,200]}]}"#, r#"{"a":1e2}"#, false),
        (r#"{"a":[{"anything-but":{"prefix":"init"}}]}"#, r#"{"a":"initial"}"#, false),
        (r#"{"a":[{"anything-but":{"prefix":"init"}}]}"#, r#"{"a":"final"}"#, true),
        (r#"{"a":[{"anything-but":{"suffix":[".txt",".md"]}}]}"#, r#"{"a":"x.md"}"#, false),
        (r#"{"a":[{"anything-but":{"equals-ignore-case":["A","B"]}}]}"#, r#"{"a":"b"}"#, false),
        (r#"{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}"#, r#"{"a":"/lib/x"}"#, false),
        // numeric.
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":5}"#, true),
        (r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":0}"#, false),
        (r#"{"a":[{"numeric":["<",0.3]}]}"#, r#"{"a":0.29999999999999999999999999999}"#, true),
        (r#"{"a":[{"numeric":["=",3.018e2]}]}"#, r#"{"a":301.8}"#, true),
        (r#"{"a":[{"numeric":[">=",10]}]}"#, r#"{"a":"11"}"#, false),
        // exists. Objects and empty arrays are no leaves.
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, true),
        (r#"{"a":[{"exists":false}]}"#, r#"{"b":1}"#, true),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":1}"#, false),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":{"b":1}}"#, false),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":{"b":1}}"#, true),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":[]}"#, true),
        (r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"a":5}"#, true),
        (r#"{"a":["x",{"exists":false}]}"#, r#"{"b":1}"#, true),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":1e1000}"#, true),
        (r#"{"a":[{"anything-but":1}]}"#, r#"{"a":1e1000}"#, false),
        // cidr.
        (r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.0.255"}"#, true),
        (r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.1.0"}"#, false),
        (r#"{"a":[{"cidr":"0.0.0.0/0"}]}"#, r#"{"a":"2001:db8::1"}"#, false),
        (r#"{"a":[{"cidr":"2001:db8::/32"}]}"#, r#"{"a":"2001:db8:1::1"}"#, true),
        (r#"{"a":[{"cidr":"2001:db8::/32"}]}"#, r#"{"a":"10.0.0.1"}"#, false),
        // Arrays match if an element does; objects in arrays as wholes.
        (r#"{"a":["x"]}"#, r#"{"a":["y","x"]}"#, true),
        (r#"{"a":["x"]}"#, r#"{"a":[["y",["x"]]]}"#, true),
        (r#"{"a":[7]}"#, deep_array.as_str(), true),
        (r#"{"b":["x"]}"#, too_deep.as_str(), true),
        (r#"{"a":[7]}"#, too_deep.as_str(), false),
        (r#"{"a":{"b":[1],"c":[2]}}"#, r#"{"a":[{"b":1,"c":2}]}"#, true),
        (r#"{"a":{"b":[1],"c":[2]}}"#, r#"{"a":[{"b":1,"c":3},{"b":4,"c":2}]}"#, false),
        // $or.
        (r#"{"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"a":3,"b":2}"#, true),
        (r#"{"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"a":3,"b":3}"#, false),
        (r#"{"c":["x"],"$or":[{"a":[1]},{"b":[2]}]}"#, r#"{"a":1,"c":"y"}"#, false),
        (r#"{"d":{"$or":[{"a":[1]},{"b":[{"exists":false}]}]}}"#, "{}", true),
        (r#"{"d":{"$or":[{"a":[1],"b":[1]},{"c":[2]}]}}"#, r#"{"d":[{"a":1},{"b":1}]}"#, false),
    ] {
        assert_eq!(verdict(filter, document), wanted, "{filter} on {document:.80}");
    }
}

#[test]
fn a_fault_is_named_with_its_place() {
    let fields = |count: usize| {
        let fields: Vec<String> = (0..count).map(|at| format!(r#""f{at}":[1]"#)).collect();
        format!("{{{}}}", fields.join(","))
    };
    let nested = |levels: usize| format!("{}[1]{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(ContentFilter::parse(&fields(50)).is_ok());
    assert!(ContentFilter::parse(&nested(16)).is_ok());
    let (many, deep) = (fields(51), nested(17));
    let (long, values) =
        (format!(r#"{{"a":["{}"]}}"#, "x".repeat(4096)), format!(r#"{{"a":[{{"anything-but":{:?}}}]}}"#, [1; 51]));
    for (filter, wanted) in [
        ("{", "is not valid JSON: EOF while parsing an object at line 1 column 1"),
        ("[]", "must be an object of fields"),
        ("{}", "must name at least one field"),
        (r#"{"a":"x"}"#, r#"at a: must be a list of conditions, such as ["x"]"#),
        (r#"{"a":{"b":[]}}"#, "at a.b: must list at least one condition"),
        (r#"{"a":[["x"]]}"#, "at a: a condition is a value or an object, not a list"),
        (r#"{"a":[{"prefx":"x"}]}"#, r#"at a: "prefx" is not a condition"#),
        (r#"{"a":[{"prefix":1}]}"#, r#"at a: "prefix" takes a text"#),
        (r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, "at a: a condition is an object with one field"),
        (r#"{"a":[{"wildcard":"a**b"}]}"#, r#"at a: "wildcard" must not have two stars"#),
        (r#"{"a":[{"wildcard":"a\\b"}]}"#, r#"at a: "wildcard" may escape only"#),
        (r#"{"a":[{"numeric":["<",5,">",0]}]}"#, r#"at a: "numeric" takes a comparison or a range"#),
        (r#"{"a":[{"numeric":[">",5,"<",5]}]}"#, r#"at a: "numeric" has a range whose start"#),
        (r#"{"a":[{"numeric":[">"]}]}"#, r#"at a: "numeric" takes"#),
        (r#"{"a":[{"exists":1}]}"#, r#"at a: "exists" takes true or false"#),
        (r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#, r#"at a: "cidr" takes a network"#),
        (r#"{"a":[{"anything-but":[]}]}"#, r#"at a: "anything-but" takes"#),
        (r#"{"a":[1e1000]}"#, "at a: the exponent of 1e1000 is outside"),
        (r#"{"$or":{"a":[1]}}"#, "at $or: must be a list of objects"),
        (many.as_str(), "at f9: is one condition too many (maximum is 50)"),
        (values.as_str(), "at a: is one condition too many"),
        (deep.as_str(), "is nested too deeply (maximum is 16 levels)"),
        (long.as_str(), "is too long (maximum is 4096 bytes)"),
    ] {
        let error = ContentFilter::parse(filter).unwrap_err().to_string();
        assert!(error.contains(wanted), "{filter:.80}: {error}");
    }
}

#[test]
fn a_mismatch_names_the_field_the_conditions_and_the_value() {
    let filter =
        r#"{"event":[{"prefix":"request."}],"payload":{"items":{"kind":["a","b"],"n":[{"numeric":[">",5]}]}}}"#;
    for (document, field, expected, found) in [
        (r#"{"event":"risk.create"}"#, "event", r#"[{"prefix":"request."}]"#, Some(r#""risk.create""#)),
        (r#"{"event":"request.create"}"#, "payload.items.kind", r#"["a","b"]"#, None),
        (
            r#"{"event":"request.create","payload":{"items":[{"kind":"a","n":5.0},{"kind":"c","n":6}]}}"#,
            "payload.items.n",
            r#"[{"numeric":[">",5]}]"#,
            Some("5.0"),
        ),
    ] {
        let raw: &RawValue = serde_json::from_str(document).unwrap();
        let mismatch = ContentFilter::parse(filter).unwrap().mismatch(&Document::parse(raw)).unwrap();
        assert_eq!(
            (mismatch.field.as_str(), mismatch.expected.as_str(), mismatch.found.as_deref()),
            (field, expected, found)
        );
    }
}

/// The largest filters on the largest documents: section 14 allows 50 steps for each byte of both.
#[test]
fn steps_stay_within_the_bound() {
    let many = |text: &str, count: usize, parted: &str| vec![text; count].join(parted);
    let alternatives = |one: &str, count: usize| format!(r#"{{"$or":[{}]}}"#, many(one, count, ","));
    let chain = format!("{}[1]{}", r#"{"a":"#.repeat(14), "}".repeat(14));
    let filters = [
        alternatives(r#"{"a":{"b":[1]}}"#, 50),
        alternatives(&chain, 40),
        format!(r#"{{"a":{}}}"#, alternatives(r#"{"b":[{"wildcard":"*a*a*a*a*b"}]}"#, 50)),
        format!(r#"{{"a":[{}]}}"#, many(r#"{"wildcard":"*a*a*a*a*a*a*a*a*b"}"#, 50, ",")),
        format!(r#"{{"a":[{}]}}"#, many(r#"{"equals-ignore-case":"x"}"#, 50, ",")),
        format!(r#"{{"a":[{{"anything-but":[{}]}}]}}"#, many(r#""x""#, 50, ",")),
    ];
    let documents = [
        format!(r#"{{"a":[{}]}}"#, many("{}", 80_000, ",")),
        format!(r#"{{"a":[{}]}}"#, many(r#"{"b":[{}]}"#, 20_000, ",")),
        format!(r#"{{"a":[{}]}}"#, many("1", 120_000, ",")),
        format!(r#"{{"a":"{}"}}"#, "a".repeat(250_000)),
        format!(r#"{{"a":{{"b":"{}"}}}}"#, "a".repeat(250_000)),
        format!("{}{}", r#"{"a":["#.repeat(60), "]}".repeat(60)),
    ];
    for filter in &filters {
        let root = pattern::parse(filter).unwrap();
        for document in &documents {
            let raw: &RawValue = serde_json::from_str(document).unwrap();
            let mut steps = 0;
            matching::matches(&root, &Document::parse(raw), &mut steps);
            let bound = 50 * (filter.len() + document.len());
            assert!(steps <= bound, "{steps} steps of {bound}: {filter:.60} on {document:.60}");
        }
    }
}

/// All documents that come about if one object of each array of objects is chosen; an empty array becomes an absent field.
fn choices(value: &Value) -> Vec<Option<Value>> {
    match value {
        Value::Array(elements) if elements.is_empty() => vec![None],
        Value::Array(elements) if elements.iter().all(Value::is_object) => elements.iter().flat_map(choices).collect(),
        Value::Object(fields) => {
            let mut objects = vec![Map::new()];
            for (name, value) in fields {
                let values = choices(value);
                objects = objects
                    .into_iter()
                    .flat_map(|object| {
                        values.iter().map(move |value| {
                            let mut object = object.clone();
                            object.extend(value.clone().map(|value| (name.clone(), value)));
                            object
                        })
                    })
                    .collect();
            }
            objects.into_iter().map(|object| Some(Value::Object(object))).collect()
        }
        leaf => vec![Some(leaf.clone())],
    }
}

/// Whether a filter matches a document without arrays of objects.
fn obvious(filter: &Value, document: Option<&Value>) -> bool {
    filter.as_object().unwrap().iter().all(|(name, wanted)| {
        if name == "$or" {
            return wanted.as_array().unwrap().iter().any(|group| obvious(group, document));
        }
        let value = document.and_then(|document| document.get(name));
        match wanted {
            Value::Object(_) => obvious(wanted, value),
            conditions => conditions.as_array().unwrap().iter().any(|condition| {
                let leaf = value.filter(|value| !value.is_object());
                let any = |leaf: &Value| match leaf {
                    Value::Array(elements) => elements.iter().any(|element| holds(condition, element)),
                    scalar => holds(condition, scalar),
                };
                leaf.map_or(*condition == json!({"exists": false}), any)
            }),
        }
    })
}

fn holds(condition: &Value, value: &Value) -> bool {
    let Some((name, operand)) = condition.as_object().and_then(|condition| condition.iter().next()) else {
        return match (condition.as_f64(), value.as_f64()) {
            (Some(one), Some(other)) => (one + 0.0).total_cmp(&(other + 0.0)).is_eq(),
            _ => condition == value,
        };
    };
    let text = value.as_str();
    let wanted = operand.as_str().unwrap_or_default();
    match name.as_str() {
        "exists" => operand == &json!(true),
        "prefix" => text.is_some_and(|text| text.starts_with(wanted)),
        "suffix" => text.is_some_and(|text| text.ends_with(wanted)),
        "equals-ignore-case" => text.is_some_and(|text| text.to_lowercase() == wanted.to_lowercase()),
        "wildcard" => text.is_some_and(|text| fits(wanted.as_bytes(), text.as_bytes())),
        "anything-but" => match operand {
            Value::Array(values) => values.iter().all(|other| !holds(other, value)),
            Value::Object(_) => !holds(operand, value),
            other => !holds(other, value),
        },
        "numeric" => {
            let Some(value) = value.as_f64() else { return false };
            operand.as_array().unwrap().chunks(2).all(|pair| {
                let bound = pair[1].as_f64().unwrap();
                match pair[0].as_str().unwrap() {
                    "=" => (value + 0.0).total_cmp(&bound).is_eq(),
                    "<" => value < bound,
                    "<=" => value <= bound,
                    ">" => value > bound,
                    _ => value >= bound,
                }
            })
        }
        other => panic!("{other}"),
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
        Some((byte, rest)) => text.split_first().is_some_and(|(first, after)| first == byte && fits(rest, after)),
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4_i32).prop_map(|half| json!(f64::from(half) / 2.0)),
        (-2..3_i32).prop_map(Value::from),
        "[abB]{0,3}".prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("p".to_owned()), Just("q".to_owned()), Just("r".to_owned())]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from)];
    let object = leaf.prop_recursive(3, 12, 3, |inner| {
        let object = prop::collection::btree_map(name(), inner, 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
            .boxed();
        prop_oneof![2 => object.clone(), 1 => prop::collection::vec(object, 1..3).prop_map(Value::from)]
    });
    prop::collection::btree_map(name(), object, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn condition() -> impl Strategy<Value = Value> {
    let text = || "[abB]{0,2}";
    let star = "[ab]{0,1}(\\*[ab]{0,1}){0,2}".prop_filter("two stars", |text| !text.contains("**"));
    prop_oneof![
        4 => scalar(),
        1 => any::<bool>().prop_map(|exists| json!({"exists": exists})),
        1 => text().prop_map(|text| json!({"prefix": text})),
        1 => text().prop_map(|text| json!({"suffix": text})),
        1 => text().prop_map(|text| json!({"equals-ignore-case": text})),
        1 => star.prop_map(|text| json!({"wildcard": text})),
        1 => prop::collection::vec(scalar(), 1..3).prop_map(|values| json!({"anything-but": values})),
        1 => text().prop_map(|text| json!({"anything-but": {"prefix": text}})),
        1 => (-2..3_i32, "=|<|<=|>|>=").prop_map(|(bound, how)| json!({"numeric": [how, bound]})),
        1 => (-2..1_i32).prop_map(|low| json!({"numeric": [">", low, "<=", low + 1]})),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(condition(), 1..3).prop_map(Value::from);
    let group = list.prop_recursive(3, 10, 3, |inner| {
        let fields = || prop::collection::btree_map(name(), inner.clone(), 1..3);
        let object = |fields: std::collections::BTreeMap<String, Value>| Value::Object(fields.into_iter().collect());
        let or = prop::collection::vec(fields().prop_map(object), 1..3);
        prop_oneof![3 => fields().prop_map(object), 1 => (fields(), or).prop_map(move |(mut fields, or)| {
            fields.insert("$or".to_owned(), Value::from(or));
            object(fields)
        })]
    });
    prop::collection::btree_map(name(), group, 1..3).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, max_shrink_iters: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn the_verdict_is_that_of_the_reference((filter, document) in (filter(), document())) {
        let wanted = choices(&document).iter().any(|choice| obvious(&filter, choice.as_ref()));
        prop_assert_eq!(verdict(&filter.to_string(), &document.to_string()), wanted);
    }
}
