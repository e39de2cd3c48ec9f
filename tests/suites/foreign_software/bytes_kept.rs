//! A payload reaches the receiver byte for byte as it was published, and `Content-Length` counts bytes (section 4).

use hookline_tests::hookline::Start;
use hookline_tests::receiver::{Receiver, next};

use crate::curl;

/// Payloads that a service which reads and writes them again would change.
const PAYLOADS: [&str; 14] = [
    r"{}",
    r#"{"big":1e400,"small":-1e-400,"exact":0.1000000000000000055511151231257827}"#,
    r#"{"max":9223372036854775807,"unsigned":18446744073709551615,"beyond":123456789012345678901234567890}"#,
    r#"{"one":1.0,"minus":-0,"minus_float":-0.0,"exponent":1E+2,"zeroes":1.2300}"#,
    r#"{"z":1,"a":2,"M":3,"10":4,"9":5}"#,
    r#"{"twice":1,"twice":2,"twice":{"twice":3,"twice":4}}"#,
    r#"{"text":"Ж Straße 日本 🚀👩‍👩‍👧"}"#,
    "{\"line separator\":\"a\u{2028}b\u{2029}c\"}",
    r#"{"slash":"<\/script>","plain":"/","escaped":"\u0416\ud83d\ude80","control":"\u0000\b\f\n\r\t\u007f"}"#,
    r#"{"lone surrogate":"\ud800","case":"\uABCD\uabcd"}"#,
    "{ \"spaces\" :\t[ 1 ,\r\n 2 ] ,\n \"more\" : { } }",
    r#"{"":"","nested":[[[[[{"deep":[null,true,false]}]]]]]}"#,
    "{\"bom inside\":\"\u{feff}\",\"noncharacter\":\"\u{ffff}\",\"del\":\"\u{7f}\"}",
    r#"{"html":"<b>&amp;</b>","quote":"'\"","backslash":"\\"}"#,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_arrive_as_they_were_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    hookline.create_webhook("request.create", &receiver.uri("/")).await;
    let large = format!(r#"{{"large":"{}"}}"#, "Ж".repeat(100_000));
    for payload in PAYLOADS.into_iter().chain([&*large]) {
        let event = format!(r#"{{"event":"request.create","object_id":1,"payload":{payload}}}"#);
        curl::publish(&hookline, event.as_bytes());
        let arrival = next(&mut arrivals).await;
        let mut expected = br#","payload":"#.to_vec();
        expected.extend_from_slice(payload.as_bytes());
        expected.push(b'}');
        assert!(arrival.body.ends_with(&expected), "{payload}\nbecame\n{}", String::from_utf8_lossy(&arrival.body));
        // The receiver reads as many bytes as the header says: were it too small, the end would be missing; too
        // large, the message would never be complete.
        assert_eq!(arrival.required("Content-Length"), arrival.body.len().to_string());
        assert_eq!(arrival.header("Transfer-Encoding"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn header_names_have_the_case_of_the_contract() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    hookline.create_webhook("request.create", &receiver.uri("/")).await;
    curl::publish(&hookline, br#"{"event":"request.create","object_id":1}"#);
    let arrival = next(&mut arrivals).await;
    let names: Vec<&str> = arrival.headers.iter().map(|(name, _)| &**name).collect();
    for name in [
        "Content-Type",
        "Accept",
        "Accept-Encoding",
        "User-Agent",
        "Link",
        "X-4me-Delivery",
        "X-Xurrent-Delivery",
        "Webhook-Id",
        "Webhook-Timestamp",
        "Webhook-Signature",
        "Content-Length",
        "Host",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert_eq!(arrival.required("Content-Type"), "application/json; charset=utf-8");
    assert_eq!(arrival.required("Accept-Encoding"), "identity");
}
