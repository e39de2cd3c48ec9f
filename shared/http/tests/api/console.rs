//! The console beside the routes (section 13).

use hookline_core::settings::CoreSettings;

use crate::fixture::ApiFixture;

#[tokio::test]
async fn the_console_is_served_at_the_root_and_below_an_account() {
    let api = ApiFixture::limited(CoreSettings::default(), 1).await;
    for path in ["/console", "/a/wdc/console", "/console?x=1"] {
        let page = api.visit("GET", path).await;
        assert_eq!((page.status, page.headers["cache-control"].to_str().unwrap()), (http::StatusCode::OK, "no-cache"));
        assert!(page.headers.contains_key("x-request-id") && page.headers["x-content-type-options"] == "nosniff");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    }
    let document: serde_json::Value = serde_json::from_str(&hookline_http::openapi()).unwrap();
    assert!(document["paths"]["/console"].is_null(), "it is no operation of the API");
    assert_eq!(api.visit("GET", "/console/x").await.body, br#"{"message":"Not Found"}"#);
    assert_eq!(api.visit("POST", "/console").await.status, 405);
}

#[tokio::test]
async fn a_setting_names_the_pages_that_may_embed_it() {
    let console_frame_ancestors = vec!["self".parse().unwrap(), "https://portal.example.com".parse().unwrap()];
    let api = ApiFixture::with(CoreSettings { console_frame_ancestors, ..CoreSettings::default() }).await;
    let policy = api.visit("GET", "/console").await.headers["content-security-policy"].clone();
    let policy = policy.to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors 'self' https://portal.example.com"), "{policy}");
}

#[tokio::test]
async fn a_setting_turns_it_off() {
    let api = ApiFixture::with(CoreSettings { console: false, ..CoreSettings::default() }).await;
    for path in ["/console", "/console/"] {
        assert_eq!(api.visit("GET", path).await.status, 404, "{path}");
    }
}
