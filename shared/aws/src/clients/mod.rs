//! The AWS clients: one HTTP client for all of them, with explicit timeouts and retries.
//!
//! Lambda puts the credentials and the region into the environment, so nothing else is read. Tests can set the endpoint
//! of each service. A client is created when it is first asked for, so the executable of a function only contains the
//! services that it calls.

mod connector;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

/// The timeout of one attempt of a call.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// The timeout of a call including its retries.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);
/// How often a call is attempted, the first time included.
pub(crate) const MAX_ATTEMPTS: u32 = 4;
/// The wait before the first retry. It doubles with each retry and is randomized.
pub(crate) const BACKOFF: Duration = Duration::from_millis(50);
/// The upper limit of the wait before a retry.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Region, credentials and endpoints for calling AWS.
#[derive(Clone)]
pub struct AwsAccess {
    /// The region.
    pub region: String,
    /// The credentials.
    pub credentials: Credentials,
    /// Where the services are, if not at AWS.
    pub endpoints: AwsEndpoints,
}

/// Endpoints that replace those of AWS.
#[derive(Debug, Clone, Default)]
pub struct AwsEndpoints {
    /// The endpoint of all services without one of their own here.
    pub all: Option<String>,
    /// The endpoint of DynamoDB.
    pub dynamodb: Option<String>,
}

/// The AWS clients of a function.
#[derive(Clone)]
pub struct AwsClients {
    /// Region, credentials and endpoints.
    pub(crate) access: AwsAccess,
    /// The HTTP client that all clients share.
    pub(crate) http: reqwest::Client,
    config: SdkConfig,
}

impl AwsClients {
    /// Prepares the clients without calling anything. Fails if TLS cannot be set up.
    pub fn new(access: &AwsAccess) -> Result<Self, reqwest::Error> {
        let http = connector::client()?;
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(MAX_ATTEMPTS)
            .with_initial_backoff(BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(access.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(access.credentials.clone()))
            .http_client(connector::http_client(http.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(timeouts)
            .retry_config(retries);
        config.set_endpoint_url(access.endpoints.all.clone());
        Ok(Self { access: access.clone(), http, config: config.build() })
    }

    /// A client of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        if let Some(endpoint) = &self.access.endpoints.dynamodb {
            config.set_endpoint_url(Some(endpoint.clone()));
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// A client of SES.
    #[must_use]
    pub fn ses(&self) -> aws_sdk_ses::Client {
        aws_sdk_ses::Client::new(&self.config)
    }

    /// A client of KMS.
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }
}

/// Describes in one line why a call failed. The text contains no value that was sent.
pub(crate) fn explain<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(_) => {
            let code = error.code().unwrap_or("an error without a code");
            error.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"))
        }
        SdkError::TimeoutError(_) => "the call timed out".to_owned(),
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error().map(|error| {
                let mut text = error.to_string();
                let mut source = std::error::Error::source(error);
                while let Some(inner) = source {
                    text = format!("{text}: {inner}");
                    source = inner.source();
                }
                text
            });
            format!("connecting failed: {}", cause.unwrap_or_default())
        }
        SdkError::ResponseError(_) => "the response is not valid".to_owned(),
        _ => "building the request failed".to_owned(),
    }
}
