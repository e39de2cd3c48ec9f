//! The port contracts: what every implementation of the ports of `hookline_core` must do, as functions over a
//! [`Service`]. They make accounts of their own, so they may run on one deployment side by side. `port_contract!`
//! makes a test of each; a new method of a port needs its scenario here.

pub mod accounts;
pub mod counts;
pub mod deliveries;
pub mod events;
pub mod lists;
pub mod others;
pub mod policies;
pub mod secrets;
pub mod skipped;
pub mod subscriptions;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{
    Account, AuditAction, AuditChanges, AuditEntry, AuditSubject, Event, EventHead, EventName, Links, Payload, Person,
    Sealed, Subscriptions, Webhook,
};
use hookline_core::ports::{CreateOutcome, WebhookLimits};
use hookline_core::service::Service;
use hookline_core::values::{EndpointUri, MailAddress, TimeZone};
use jiff::Timestamp;
use uuid::Uuid;

/// Makes a test of each scenario. The expression is a future of something whose field `service` holds the ports.
#[macro_export]
macro_rules! port_contract {
    ($start:expr) => {
        $crate::port_contract!(
            $start;
            accounts::an_account_is_created_once_and_comes_back_whole,
            accounts::accounts_are_listed_by_id,
            accounts::a_token_opens_its_account_until_it_is_revoked_or_over,
            accounts::tokens_are_listed_oldest_first_and_have_a_limit,
            accounts::many_tokens_at_once_do_not_get_past_the_limit,
            accounts::tokens_of_links_are_counted_apart,
            accounts::a_console_link_is_taken_once,
            accounts::many_console_links_at_once_do_not_get_past_the_limit,
            accounts::a_deleted_account_leaves_nothing_behind,
            webhooks::ids_are_given_once,
            webhooks::a_webhook_comes_back_whole,
            webhooks::the_largest_webhook_and_its_trail_are_kept,
            webhooks::of_fifty_conditional_writers_one_wins,
            webhooks::a_write_needs_the_version_before_it,
            webhooks::limits_hold_when_many_come_at_once,
            webhooks::failures_that_come_at_once_are_all_counted,
            webhooks::the_service_disables_a_webhook_once,
            webhooks::a_webhook_belongs_to_its_account,
            subscriptions::subscribers_are_all_that_may_match,
            subscriptions::a_change_is_seen_by_the_next_reader,
            subscriptions::a_webhook_with_several_events_is_found_once,
            subscriptions::all_events_of_a_webhook_can_be_exchanged,
            subscriptions::a_target_is_what_a_delivery_needs,
            lists::texts_sort_by_their_bytes_and_null_comes_first,
            lists::every_test_of_a_filter,
            lists::a_filter_by_event_looks_at_all_events_of_a_webhook,
            lists::a_walk_sees_what_lasts_whatever_others_do,
            lists::a_page_says_exactly_whether_it_is_the_first_or_the_last,
            events::of_fifty_claims_one_begins,
            events::a_lease_ends_and_the_work_goes_on_at_its_mark,
            events::a_payload_comes_back_byte_for_byte,
            events::the_first_content_counts,
            events::an_event_is_kept_for_its_time,
            events::what_is_put_on_the_queues_is_answered_in_order,
            deliveries::of_fifty_claims_of_an_attempt_one_wins,
            deliveries::a_final_record_ends_the_claim_and_stays,
            deliveries::a_record_comes_back_whole,
            deliveries::logs_are_listed_newest_first_with_cursors,
            deliveries::logs_are_filtered,
            deliveries::a_page_is_stable_while_newer_records_come,
            deliveries::outcomes_of_an_event,
            skipped::skipped_messages_are_recorded_together,
            skipped::skipped_messages_are_listed_among_the_others,
            skipped::skipped_messages_can_be_sent_again,
            skipped::a_search_for_skipped_messages_ends_and_goes_on,
            deliveries::a_record_is_kept_for_its_time,
            counts::counts_add_up_by_hour_whoever_counts,
            counts::the_webhooks_with_most_failures_come_first,
            counts::counts_of_skipped_messages_do_not_touch_each_other,
            counts::filtered_events_are_counted_per_webhook,
            secrets::a_sealed_value_opens_for_its_context_only,
            secrets::many_first_seals_of_an_account_at_once_all_open,
            policies::a_policy_comes_back_whole_and_by_its_name,
            policies::of_fifty_writers_of_a_policy_one_wins,
            policies::a_policy_in_use_stays,
            others::a_notice_is_admitted_once_of_fifty,
            others::silenced_failures_are_counted,
            others::mails_about_the_state_of_a_webhook_are_limited,
            others::an_entry_of_the_trail_is_there_exactly_when_its_change_is,
            others::event_types_are_unique_and_limited,
            others::of_twenty_redelivery_jobs_one_begins,
            others::a_job_does_not_go_back,
            others::of_fifty_changes_of_a_host_each_sees_the_one_before,
        );
    };
    ($start:expr; $($room:ident::$scenario:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $scenario() {
            let deployment = $start.await;
            $crate::port_contract::$room::$scenario(&deployment.service).await;
        })+
    };
}

/// Limits that no test reaches.
pub const NO_LIMITS: WebhookLimits = WebhookLimits { webhooks: u64::MAX >> 1, patterns: u64::MAX >> 1 };

/// A new account with a random id.
///
/// # Panics
/// When it cannot be created.
pub async fn fresh_account(service: &Service) -> Account {
    let account = Account {
        id: AccountId::parse(&format!("t{}", Uuid::new_v4().simple())).expect("an id"),
        name: "Ada & Co <Ж>".to_owned(),
        admin_mails: MailAddress::parse_list("a@example.com,b@example.com", 2).expect("addresses"),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: service.clock.now(),
    };
    assert!(service.accounts.create_account(&account).await.expect("the store works"));
    account
}

/// A webhook that is not stored yet.
///
/// # Panics
/// When the store fails.
pub async fn draft(service: &Service, account: &AccountId, event: &str) -> Webhook {
    let id = service.webhooks.allocate_webhook_id().await.expect("the store works");
    let now = service.clock.now();
    Webhook {
        id,
        account: account.clone(),
        events: Subscriptions::stored(event).expect("an event"),
        uri: EndpointUri::stored("https://example.com/hook").expect("a URI"),
        name: event.to_owned(),
        description: None,
        attachments: Vec::new(),
        disabled: false,
        disabling: None,
        mail_exceptions_to: None,
        policy: None,
        source: None,
        source_id: None,
        filter: None,
        openid_connect_discovery: false,
        header_names: Vec::new(),
        secrets: Sealed(vec![1, 2, 3]),
        secrets_version: 1,
        verified: true,
        created_at: now,
        updated_at: now,
        version: 1,
        last_error: None,
    }
}

/// A stored webhook.
///
/// # Panics
/// When it cannot be stored.
pub async fn stored(service: &Service, account: &AccountId, event: &str) -> Webhook {
    let webhook = draft(service, account, event).await;
    create(service, &webhook).await;
    webhook
}

/// Stores a webhook.
///
/// # Panics
/// When it is refused.
pub async fn create(service: &Service, webhook: &Webhook) {
    let entry = entry(webhook, AuditAction::Create);
    let created = service.webhooks.create_webhook(webhook, NO_LIMITS, &entry).await;
    assert_eq!(created.expect("the store works"), CreateOutcome::Done);
}

/// An entry of the audit trail about a webhook.
#[must_use]
pub fn entry(webhook: &Webhook, action: AuditAction) -> AuditEntry {
    let by = Some(Person { id: 7, name: "Ada Ж".to_owned() });
    let subject = AuditSubject::Webhook(webhook.id);
    let account = webhook.account.clone();
    AuditEntry { account, subject, action, at: webhook.updated_at, by, changes: AuditChanges::default() }
}

/// The next version of a webhook, with another name.
#[must_use]
pub fn renamed(webhook: &Webhook, name: &str) -> Webhook {
    Webhook { name: name.to_owned(), version: webhook.version + 1, ..webhook.clone() }
}

/// An event of an account.
///
/// # Panics
/// When the id or the name is none.
#[must_use]
pub fn event(account: &AccountId, id: &str, name: &str, accepted_at: Timestamp, payload: &str) -> Event {
    let name = EventName::builtin(name).expect("one of the 77");
    let head = EventHead {
        id: EventId::parse(id).expect("an id"),
        account: account.clone(),
        object_id: 5,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: Some(6),
        person_name: Some("Ada Ж\u{2028}".to_owned()),
        links: Links::default(),
        webhook: None,
        accepted_at,
    };
    Event { head: Arc::new(head), payload: Payload::from_valid_json(payload.to_owned().into()) }
}

/// Does the same many times at once and gathers what came of it.
pub async fn at_once<T, F: Future<Output = T>>(times: usize, work: impl Fn(usize) -> F) -> Vec<T> {
    join_all((0..times).map(work)).await
}

/// A minute.
pub const MINUTE: Duration = Duration::from_mins(1);

/// A webhook that does not exist.
pub const NO_WEBHOOK: WebhookId = WebhookId(4_000_000_000);
