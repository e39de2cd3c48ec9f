//! The port contracts on AWS.

use hookline_tests::target::Variation;
use hookline_tests::target::aws::Aws;

hookline_tests::port_contract!(Aws::start(Variation::default()));
