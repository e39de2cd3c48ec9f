//! What stands in for Lambda and API Gateway: the built function binaries run here as they run there. [`environment`] is
//! the Lambda Runtime API and one process that asks it for work; [`function`] starts as many of them as there are
//! invocations at once; [`gateway`] makes events of requests and answers of results, as an HTTP API with payload 2.0
//! does; [`queue`] hands a function the messages of its queue; [`routes`] leads each request to the function that the routes of `template.yaml` name.

pub mod environment;
pub mod function;
pub mod gateway;
pub mod queue;
pub mod routes;
