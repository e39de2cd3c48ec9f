//! The heart of Hookline: what the service *is*, free of AWS, SQL, sockets and web frameworks.
//!
//! An administrator registers a [`webhook::Webhook`]: *when this event occurs, POST to this URI* ([`register`]). An
//! upstream system publishes an [`event::Event`] ([`publish`]). Fan-out finds the webhooks that match and puts one
//! message for each on the deliveries queue ([`fan_out`]). A delivery reads the webhook's current state, signs the
//! message, POSTs it, writes a [`delivery::Delivery`] record and decides what comes next ([`deliver`]): nothing,
//! another attempt after a wait, or the end. An administrator may send a message again ([`redeliver`]). A webhook may
//! have a [`policy::Policy`]: then its messages go as signed JWTs ([`policies`]). Where a deployment requires it, an
//! endpoint first proves that it wants messages ([`verify`]).
//!
//! The foreign systems behind these steps are the traits in [`ports`]. Everything here runs the same on AWS and
//! embedded. Section numbers in the docs are those of the service's contract.

pub mod errors;
pub mod ids;
pub mod model;
pub mod ports;
pub mod rules;
pub mod service;
pub mod settings;
pub mod signing;
pub mod use_cases;
pub mod values;

// ---- Paths of before, until all crates have followed. ----
#[doc(hidden)]
pub mod access_token {
    pub use crate::use_cases::access_token::AccessTokenGrant as Grant;
    pub use crate::use_cases::access_token::grant;
}
#[doc(hidden)]
pub mod account {
    pub use crate::ids::AccountId;
    pub use crate::model::Account;
    pub use crate::model::account::MAX_ADMIN_MAILS as MOST_ADMIN_MAILS;
    pub use crate::model::account::is_name;
}
#[doc(hidden)]
pub mod attachment {
    pub use crate::model::Attachment;
    pub use crate::model::AttachmentKey;
    pub use crate::model::Upload as Uploaded;
    pub use crate::model::UploadTarget;
    pub use crate::model::attachment::MAX_SIZE;
    pub use crate::model::attachment::MAX_TOTAL;
    pub use crate::model::attachment::VALID_FOR;
    pub use crate::model::attachment::file_name;
    pub use crate::use_cases::attachments::AttachmentInput;
    pub use crate::use_cases::attachments::storage;
}
#[doc(hidden)]
pub mod audit {
    pub use crate::model::AuditAction as Action;
    pub use crate::model::AuditChanges as Changes;
    pub use crate::model::AuditEntry;
    pub use crate::model::AuditSubject as Subject;
    pub use crate::model::StoredAuditEntry as Audited;
    pub use crate::model::audit::CHANGED;
    pub use crate::rules::audit_changes::policy_changes;
    pub use crate::rules::audit_changes::webhook_changes;
    pub use crate::rules::audit_changes::webhook_destroyed;
}
#[doc(hidden)]
pub mod clock {
    pub use crate::values::Clock;
    pub use crate::values::Entropy;
    pub use crate::values::System;
    pub use crate::values::clock::whole_millisecond;
}
#[doc(hidden)]
pub mod deliver {
    pub use crate::model::Delivery;
    #[must_use]
    pub fn blank(attempt: &crate::model::Attempt, at: jiff::Timestamp, outcome: crate::model::Outcome) -> Delivery {
        Delivery::of_attempt(attempt, at, outcome)
    }
    pub use crate::model::attempt::LEASE;
    pub use crate::use_cases::deliver::handle;
}
#[doc(hidden)]
pub mod delivery {
    pub use crate::ids::DeliveryId;
    pub use crate::model::Delivery;
    pub use crate::model::ErrorClass;
    pub use crate::model::Failure;
    pub use crate::model::FaultParty as FaultOf;
    pub use crate::model::Outcome;
    pub use crate::model::RequestRecord;
    pub use crate::model::ResponseRecord as Response;
    pub use crate::model::Timings;
}
#[doc(hidden)]
pub mod encoded_words {
    pub use crate::values::encoded_words::decoded;
}
#[doc(hidden)]
pub mod endpoint_uri {
    pub use crate::values::EndpointHost;
    pub use crate::values::EndpointUri;
    pub use crate::values::GivenUri;
    pub use crate::values::endpoint_uri::MASK;
    pub use crate::values::endpoint_uri::MAX_URI;
}
#[doc(hidden)]
pub mod event {
    pub use crate::ids::EventId;
    pub use crate::model::Event;
    pub use crate::model::EventHead;
    pub use crate::model::EventName;
    pub use crate::model::Payload;
    pub use crate::model::event::EVENT_NAMES;
    pub use crate::model::event::VERIFY;
}
#[doc(hidden)]
pub mod event_type {
    pub use crate::ids::EventTypeId;
    pub use crate::model::EventType;
    pub use crate::use_cases::event_types::create;
    pub use crate::use_cases::event_types::delete;
    pub use crate::use_cases::event_types::find;
}
#[doc(hidden)]
pub mod explain {
    pub use crate::use_cases::explain::explain;
}
#[doc(hidden)]
pub mod fan_out {
    pub use crate::use_cases::fan_out::LEASE;
    pub use crate::use_cases::fan_out::handle;
}
#[doc(hidden)]
pub mod given {
    pub use crate::values::Patch as Given;
}
#[doc(hidden)]
pub mod headers {
    pub use crate::rules::extra_headers::MAX_HEADERS;
    pub use crate::rules::extra_headers::MAX_TOTAL;
    pub use crate::rules::extra_headers::MAX_VALUE;
    pub use crate::rules::extra_headers::is_allowed_name;
    pub use crate::rules::extra_headers::is_allowed_value;
    pub use crate::rules::extra_headers::is_mask;
}
#[doc(hidden)]
pub mod health {
    pub use crate::use_cases::health::SendPermit as Gate;
    pub use crate::use_cases::health::SideEffects as SetOff;
    pub use crate::use_cases::health::apply_to_host as note_host;
    pub use crate::use_cases::health::apply_verdict as note;
    pub use crate::use_cases::health::judge as verdict;
    pub use crate::use_cases::health::lift_throttle as lift;
    pub use crate::use_cases::health::request_permit as gate;
}
#[doc(hidden)]
pub mod links {
    pub use crate::model::Links;
    pub use crate::model::links::is_acceptable;
    pub use crate::rules::link_header::header;
}
#[doc(hidden)]
pub mod listing {
    pub use crate::values::Condition as Test;
    pub use crate::values::Cursor;
    pub use crate::values::FieldValue as Value;
    pub use crate::values::Filter;
    pub use crate::values::ListQuery as Query;
    pub use crate::values::Page;
    pub use crate::values::Position;
    pub use crate::values::Sort;
}
#[doc(hidden)]
pub mod mail_address {
    pub use crate::values::MailAddress;
}
#[doc(hidden)]
pub mod matching {
    pub use crate::model::Subscriber;
    pub use crate::model::Subscription;
    pub use crate::model::event::AUTOMATION_RULE;
    pub use crate::rules::MatchReason as Why;
    pub use crate::rules::matching::match_reasons as explain;
    pub use crate::rules::matching::skip_reason as skips;
}
#[doc(hidden)]
pub mod message {
    pub use crate::ids::MessageId;
    pub use crate::model::Attempt;
    pub use crate::model::Message;
    pub use crate::model::MessageKind as Kind;
    pub use crate::model::event::encode_event;
}
#[doc(hidden)]
pub mod node_id {
    pub use crate::values::node_id::camel_case;
    pub use crate::values::node_id::decode;
    pub use crate::values::node_id::encode;
    pub use crate::values::node_id::parse;
}
#[doc(hidden)]
pub mod notice {
    pub use crate::rules::FailedDelivery;
    pub use crate::rules::MailContext as About;
    pub use crate::rules::ThrottledHost;
    pub use crate::rules::mail_texts::disabled;
    pub use crate::rules::mail_texts::dropped;
    pub use crate::rules::mail_texts::failed;
    pub use crate::rules::mail_texts::recovered;
    pub use crate::rules::mail_texts::throttled;
}
#[doc(hidden)]
pub mod notify {
    pub use crate::use_cases::notify::after_failure;
    pub use crate::use_cases::notify::expired;
    pub use crate::use_cases::notify::recovered;
    pub use crate::use_cases::notify::throttled;
}
#[doc(hidden)]
pub mod outgoing {
    #[must_use]
    pub fn recorded_message(delivery: &crate::model::Delivery, event: &crate::model::Event) -> crate::model::Message {
        delivery.message(event)
    }
    pub use crate::rules::request::CONTENT_TYPE;
    pub use crate::rules::request::headers;
    pub use crate::rules::request::recorded_body;
    pub use crate::rules::request::recorded_headers;
}
#[doc(hidden)]
pub mod policies {
    pub use crate::use_cases::policies::KeyRotation as Rotation;
    pub use crate::use_cases::policies::PolicyInput;
    pub use crate::use_cases::policies::PolicyWithKey as Made;
    pub use crate::use_cases::policies::create;
    pub use crate::use_cases::policies::delete;
    pub use crate::use_cases::policies::rotate;
    pub use crate::use_cases::policies::update;
}
#[doc(hidden)]
pub mod policy {
    pub use crate::ids::PolicyId;
    pub use crate::model::NewPolicyKey as FreshKey;
    pub use crate::model::Policy;
    pub use crate::model::PolicyKey;
    pub use crate::model::PolicyKeys;
    pub use crate::model::PolicyName;
    pub use crate::model::policy::seal_context;
    pub use crate::model::policy_keys::MAX_KEYS;
    pub use crate::model::policy_keys::PUBLISHED_AFTER;
    pub use crate::model::policy_keys::PUBLISHED_BEFORE;
    #[doc(hidden)]
    pub mod keys {
        pub use crate::model::NewPolicyKey as FreshKey;
        pub use crate::model::PolicyKey;
        pub use crate::model::PolicyKeys;
        pub use crate::model::policy_keys::MAX_KEYS;
        pub use crate::model::policy_keys::PUBLISHED_AFTER;
        pub use crate::model::policy_keys::PUBLISHED_BEFORE;
    }
}
#[doc(hidden)]
pub mod problems {
    pub use crate::errors::UseCaseError as Error;
    pub use crate::errors::ValidationErrors as Problems;
}
#[doc(hidden)]
pub mod publish {
    pub use crate::rules::RejectedEvent as Refused;
    pub use crate::rules::event_input::MAX_EVENT;
    pub use crate::rules::event_input::parse;
    pub use crate::use_cases::publish::MAX_EVENTS;
    pub use crate::use_cases::publish::publish;
    pub use crate::use_cases::publish::read;
}
#[doc(hidden)]
pub mod recover {
    pub use crate::model::RecoveryStep as Step;
    pub use crate::use_cases::recover::run_step as handle;
}
#[doc(hidden)]
pub mod redeliver {
    pub use crate::model::JobProgress as Progress;
    pub use crate::model::JobState as State;
    pub use crate::model::RedeliveryFilter as Wanted;
    pub use crate::model::RedeliveryJob as Job;
    pub use crate::model::RedeliveryStep as Step;
    pub use crate::model::redelivery::MAX_COUNTED as MOST_COUNTED;
    pub use crate::use_cases::redeliver::redeliver;
    pub use crate::use_cases::redelivery_job::JobReceipt as Asked;
    pub use crate::use_cases::redelivery_job::PAGE;
    pub use crate::use_cases::redelivery_job::RedeliveryInput as JobInput;
    pub use crate::use_cases::redelivery_job::run_step as handle;
    pub use crate::use_cases::redelivery_job::start_job as ask;
    #[doc(hidden)]
    pub mod job {
        pub use crate::model::JobProgress as Progress;
        pub use crate::model::JobState as State;
        pub use crate::model::RedeliveryFilter as Wanted;
        pub use crate::model::RedeliveryJob as Job;
        pub use crate::model::RedeliveryStep as Step;
        pub use crate::model::redelivery::MAX_COUNTED as MOST_COUNTED;
        pub use crate::use_cases::redelivery_job::JobReceipt as Asked;
        pub use crate::use_cases::redelivery_job::PAGE;
        pub use crate::use_cases::redelivery_job::RedeliveryInput as JobInput;
        pub use crate::use_cases::redelivery_job::run_step as handle;
        pub use crate::use_cases::redelivery_job::start_job as ask;
    }
}
#[doc(hidden)]
pub mod register {
    #[must_use]
    pub fn host_hash(uri: &crate::values::EndpointUri) -> u64 {
        uri.host().hash()
    }
    pub use crate::model::event::TEST_OBJECT_ID;
    pub use crate::model::event::test_event;
    pub use crate::use_cases::webhooks::draft::WebhookInput;
    pub use crate::use_cases::webhooks::register::create;
    pub use crate::use_cases::webhooks::register::delete;
    pub use crate::use_cases::webhooks::register::update;
    pub use crate::use_cases::webhooks::secret::rotate_secret;
    pub use crate::use_cases::webhooks::secret::secret;
    pub use crate::use_cases::webhooks::test::test;
}
#[doc(hidden)]
pub mod retry {
    pub use crate::rules::AttemptHistory as History;
    pub use crate::rules::AttemptResult as Ending;
    pub use crate::rules::HostEffect as ForHost;
    pub use crate::rules::NextStep as Next;
    pub use crate::rules::RetryRules as Rules;
    pub use crate::rules::Verdict;
    pub use crate::rules::WebhookEffect as ForWebhook;
    pub use crate::rules::retry::BACKOFF as WAITS;
    pub use crate::rules::retry::MAX_ATTEMPTS;
    pub use crate::rules::retry::MAX_HOLD as LONGEST_HOLD;
    pub use crate::rules::retry::judge;
}
#[doc(hidden)]
pub mod retry_after {
    pub use crate::values::http_date::parse;
}
#[doc(hidden)]
pub mod secret {
    pub use crate::model::SealContext;
    pub use crate::model::Sealed;
    pub use crate::values::Secret;
}
#[doc(hidden)]
pub mod test_report {
    pub use crate::use_cases::webhooks::test_report::TestReport;
    pub use crate::use_cases::webhooks::test_report::test_report;
}
#[doc(hidden)]
pub mod throttle {
    pub use crate::model::CircuitState as Admits;
    pub use crate::model::HostEvent as Change;
    pub use crate::model::HostHealth;
    pub use crate::model::HostHealthCache as HostCache;
    pub use crate::model::HostTransition as Changed;
    pub use crate::model::Throttle;
    pub use crate::model::host_health::FIRST_WAIT;
    pub use crate::model::host_health::MAX_WAIT as LONGEST_WAIT;
    pub use crate::model::host_health::TRIPS_AFTER;
}
#[doc(hidden)]
pub mod time_zone {
    pub use crate::values::TimeZone;
}
#[doc(hidden)]
pub mod token {
    pub use crate::model::Caller;
    pub use crate::model::Person;
    pub use crate::model::Role;
    pub use crate::model::Token;
    pub use crate::model::TokenHash;
    pub use crate::model::token::new_token;
}
#[doc(hidden)]
pub mod verify {
    pub use crate::model::CodeStamp as Stamp;
    pub use crate::model::VerificationCode as Code;
    pub use crate::model::verification_code::VALID_FOR;
    pub use crate::rules::verification::recorded_event;
    pub use crate::use_cases::webhooks::verify::CallbackOutcome as Callback;
    pub use crate::use_cases::webhooks::verify::confirm;
    pub use crate::use_cases::webhooks::verify::resend as again;
}
#[doc(hidden)]
pub mod webhook {
    pub use crate::ids::WebhookId;
    pub use crate::model::DeliveryTarget as Target;
    pub use crate::model::DisabledBy;
    pub use crate::model::Disabling;
    pub use crate::model::RetiringSecret;
    pub use crate::model::Webhook;
    pub use crate::model::WebhookHealth as Health;
    pub use crate::model::WebhookSecrets as Secrets;
    pub use crate::model::webhook::seal_context;
}
