//! The clients of AWS: one HTTP client for all of them, with explicit timeouts and retries.
//!
//! Inside Lambda the credentials and the region are in the environment, so that is all that is read. Each service's own
//! endpoint can be set for tests.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// The longest wait for one answer.
const ATTEMPT: Duration = Duration::from_secs(4);
/// The longest wait for a call with all its repeats.
const CALL: Duration = Duration::from_secs(12);
/// How often a call is made, the first included.
const ATTEMPTS: u32 = 4;
/// The first wait before a repeat; it doubles, by chance.
const BACKOFF: Duration = Duration::from_millis(50);
/// The longest wait before a repeat.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Where and as whom AWS is called.
#[derive(Clone)]
pub struct Access {
    /// The region.
    pub region: String,
    /// The credentials.
    pub credentials: Credentials,
    /// Where the services are, if not at AWS.
    pub endpoints: Endpoints,
}

/// Endpoints that are not AWS's own.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// Of all services that have none of their own here.
    pub all: Option<String>,
    /// Of DynamoDB.
    pub dynamodb: Option<String>,
}

/// The clients.
#[derive(Clone)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// SES.
    pub ses: aws_sdk_ses::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// What forms for S3 are signed with.
    pub(crate) access: Access,
}

impl Clients {
    /// Makes the clients. Nothing is called yet.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(CALL)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let config = |endpoint: Option<&String>| {
            let mut config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(access.region.clone()))
                .credentials_provider(SharedCredentialsProvider::new(access.credentials.clone()))
                .http_client(http.clone())
                .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
                .timeout_config(timeouts.clone())
                .retry_config(retries.clone());
            config.set_endpoint_url(endpoint.cloned());
            config.build()
        };
        let Endpoints { all, dynamodb } = &access.endpoints;
        let most = config(all.as_ref());
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config(dynamodb.as_ref().or(all.as_ref()))),
            sqs: aws_sdk_sqs::Client::new(&most),
            ses: aws_sdk_ses::Client::new(&most),
            kms: aws_sdk_kms::Client::new(&most),
            s3: aws_sdk_s3::Client::from_conf(
                aws_sdk_s3::config::Builder::from(&most).force_path_style(all.is_some()).build(),
            ),
            access: access.clone(),
        }
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
