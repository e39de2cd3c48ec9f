//! The port contracts on the embedded implementation.

use hookline_tests::target::Variation;
use hookline_tests::target::router::Router;

hookline_tests::port_contract!(Router::start(Variation::default()));
