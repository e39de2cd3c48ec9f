//! The report of a test (section 3).

use hookline_core::account::Account;
use hookline_core::delivery::Delivery;
use hookline_core::ports::TlsSeen;
use hookline_core::settings::Settings;
use hookline_core::test_report::TestReport;
use serde::Serialize;

use super::delivery::{Around, Phases, Request, event_of_test, phases, request};

/// A report as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    status: Option<u16>,
    error: Option<String>,
    addresses: Vec<String>,
    address: Option<String>,
    tls: Option<Tls>,
    timings: Option<Phases>,
    clock_difference: Option<i64>,
    request: Option<Request>,
}

/// The TLS connection.
#[derive(Debug, Serialize)]
struct Tls {
    version: Option<&'static str>,
    certificate_expires_at: Option<String>,
}

/// Shows a report.
pub(crate) fn view(report: &TestReport, account: &Account, settings: &Settings) -> Shown {
    let TestReport { delivery, addresses, tls, clock_difference } = report;
    let Delivery { failure, response, timings, address, .. } = delivery;
    let event = event_of_test(delivery, account);
    let around = Around { account, settings, webhook: None, event: Some(&event) };
    Shown {
        status: response.as_ref().map(|response| response.status),
        error: failure.as_ref().map(|failure| failure.text.clone()),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        address: address.map(|address| address.to_string()),
        tls: tls.map(|TlsSeen { version, certificate_expires_at }| Tls {
            version,
            certificate_expires_at: certificate_expires_at.map(|at| account.time_zone.format(at)),
        }),
        timings: timings.map(phases),
        clock_difference: *clock_difference,
        request: request(delivery, &around),
    }
}
