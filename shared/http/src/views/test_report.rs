//! The report of a test (section 3).

use hookline_core::model::{Account, Delivery};
use hookline_core::ports::TlsInfo;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::webhooks::test_report::TestReport;
use serde::Serialize;

use super::delivery::{DeliveryContext, RequestView, TimingsView, event_of_test, phases, request};

/// A report as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct TestReportView {
    status: Option<u16>,
    error: Option<String>,
    addresses: Vec<String>,
    address: Option<String>,
    tls: Option<TlsView>,
    timings: Option<TimingsView>,
    clock_difference: Option<i64>,
    request: Option<RequestView>,
}

/// The TLS connection.
#[derive(Debug, Serialize)]
struct TlsView {
    version: Option<&'static str>,
    certificate_expires_at: Option<String>,
}

/// Shows a report.
pub(crate) fn view(report: &TestReport, account: &Account, settings: &CoreSettings) -> TestReportView {
    let TestReport { delivery, addresses, tls, clock_difference } = report;
    let Delivery { failure, response, timings, address, .. } = delivery;
    let event = event_of_test(delivery, account);
    let around = DeliveryContext { account, settings, webhook: None, event: Some(&event) };
    TestReportView {
        status: response.as_ref().map(|response| response.status),
        error: failure.as_ref().map(|failure| failure.text.clone()),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        address: address.map(|address| address.to_string()),
        tls: tls.map(|TlsInfo { version, certificate_expires_at }| TlsView {
            version,
            certificate_expires_at: certificate_expires_at.map(|at| account.time_zone.format(at)),
        }),
        timings: timings.map(phases),
        clock_difference: *clock_difference,
        request: request(delivery, &around),
    }
}
