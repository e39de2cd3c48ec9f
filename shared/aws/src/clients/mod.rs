//! The clients of AWS: one HTTP client for all of them, with explicit timeouts and retries.
//!
//! Inside Lambda the credentials and the region are in the environment, so that is all that is read. Each service's own
//! endpoint can be set for tests. A client is made when it is asked for, so the executable of a function holds the code
//! of the services that it calls, and no other.

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

/// The longest wait for one answer.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(4);
/// The longest wait for a call with all its repeats.
const CALL: Duration = Duration::from_secs(12);
/// How often a call is made, the first included.
pub(crate) const ATTEMPTS: u32 = 4;
/// The first wait before a repeat; it doubles, by chance.
pub(crate) const BACKOFF: Duration = Duration::from_millis(50);
/// The longest wait before a repeat.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Where and as whom AWS is called.
#[derive(Clone)]
pub struct AwsAccess {
    /// The region.
    pub region: String,
    /// The credentials.
    pub credentials: Credentials,
    /// Where the services are, if not at AWS.
    pub endpoints: AwsEndpoints,
}

/// AwsEndpoints that are not AWS's own.
#[derive(Debug, Clone, Default)]
pub struct AwsEndpoints {
    /// Of all services that have none of their own here.
    pub all: Option<String>,
    /// Of DynamoDB.
    pub dynamodb: Option<String>,
}

/// The clients.
#[derive(Clone)]
pub struct AwsClients {
    /// As whom, and where, AWS is called.
    pub(crate) access: AwsAccess,
    /// What all clients call with.
    pub(crate) http: reqwest::Client,
    most: SdkConfig,
}

impl AwsClients {
    /// What the clients have in common. Nothing is called yet. Fails if TLS cannot be set up.
    pub fn new(access: &AwsAccess) -> Result<Self, reqwest::Error> {
        let http = connector::client()?;
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(access.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(access.credentials.clone()))
            .http_client(connector::http_client(http.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(timeouts)
            .retry_config(retries);
        config.set_endpoint_url(access.endpoints.all.clone());
        Ok(Self { access: access.clone(), http, most: config.build() })
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.most);
        if let Some(endpoint) = &self.access.endpoints.dynamodb {
            config.set_endpoint_url(Some(endpoint.clone()));
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.most)
    }

    /// SES.
    #[must_use]
    pub fn ses(&self) -> aws_sdk_ses::Client {
        aws_sdk_ses::Client::new(&self.most)
    }

    /// KMS.
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.most)
    }
}

/// Why a call failed, in a line. Names no value that was sent.
pub(crate) fn explain<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(_) => {
            let code = error.code().unwrap_or("an error without a code");
            error.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"))
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
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
            format!("no connection: {}", cause.unwrap_or_default())
        }
        SdkError::ResponseError(_) => "an answer that is none".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}
