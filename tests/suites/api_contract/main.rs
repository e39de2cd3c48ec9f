//! The HTTP contract (sections 2, 3, 4 and 10): what the API answers, to the letter. Every test is written once and runs
//! against every target: the router in process, the real `hookline` process, the router over the ports on AWS, and the
//! built functions behind a gateway. Each has a service of its own. The port contracts run here as well ([`ports`]).
//!
//! `cargo build --workspace` with the same profile and `tests/stack/install.sh` come first.

/// Makes a test of each of these functions for every target. They take a running [`fixture::ServiceFixture`], whose settings may
/// begin the list.
macro_rules! on_every_target {
    ($variation:expr; $($test:ident),+ $(,)?) => {
        mod router {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::fixture::ServiceFixture::router($variation).await).await;
            })+
        }

        mod process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::fixture::ServiceFixture::process($variation).await).await;
            })+
        }

        mod aws {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::fixture::ServiceFixture::aws($variation).await).await;
            })+
        }

        mod functions {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::fixture::ServiceFixture::functions($variation).await).await;
            })+
        }
    };
    ($($test:ident),+ $(,)?) => {
        on_every_target!(hookline_tests::target::Variation::default(); $($test),+);
    };
}

mod arbitrary;
mod authentication;
mod call;
mod console;
mod console_links;
mod content_filters;
mod conventions;
mod counts;
mod deliveries;
mod errors;
mod event_catalogue;
mod event_sample;
mod events;
mod filters;
mod fixture;
mod limits;
mod mutated;
mod pagination;
mod parsers;
mod policies;
mod ports;
mod races;
mod raw_requests;
mod sdk_inputs;
mod sdk_shapes;
mod several_events;
mod tenants;
mod traces;
mod walking;
mod webhook_fields;
mod webhook_secrets;
mod webhooks;
