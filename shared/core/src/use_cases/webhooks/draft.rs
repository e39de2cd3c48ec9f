//! A webhook while an input is applied to it: the rules of the fields (section 3).

use std::collections::HashSet;

use jiff::Timestamp;

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{AccountId, WebhookId};
use crate::model::{
    EventName, MAX_SUBSCRIPTIONS, Sealed, Subscription, Subscriptions, SubscriptionsError, Webhook, WebhookSecrets,
};
use crate::rules::extra_headers::{self, HeaderError};
use crate::service::Service;
use crate::use_cases::attachments::{self, AttachmentInput};
use crate::use_cases::{event_types, policies};
use crate::values::endpoint_uri::MAX_URI;
use crate::values::{ContentFilter, EndpointUri, MailAddress, Patch, Secret};

/// The longest name, in characters.
const MAX_NAME: usize = 128;

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 65_536;

/// The longest list of mail addresses, in characters, and how many there may be.
const MAX_MAILS: (usize, usize) = (1024, 20);

/// The longest `source` and `sourceID`, in characters.
const MAX_SOURCE: (usize, usize) = (30, 128);

/// A webhook while an input is applied to it.
pub(super) struct WebhookDraft {
    /// The webhook. Its secrets are not sealed yet.
    pub(super) webhook: Webhook,
    pub(super) secrets: WebhookSecrets,
    /// The webhook exists. Of one that does not, event and URI are placeholders until an input sets them.
    is_stored: bool,
}

impl WebhookDraft {
    /// A webhook that does not exist yet.
    pub(super) fn new(account: AccountId, software: &str, secrets: WebhookSecrets, now: Timestamp) -> Self {
        let webhook = Webhook {
            id: WebhookId(0),
            account,
            events: Subscription::All.into(),
            filter: None,
            uri: EndpointUri::stored("https://placeholder.invalid").expect("a valid URI"),
            name: String::new(),
            description: None,
            attachments: Vec::new(),
            disabled: false,
            disabling: None,
            mail_exceptions_to: None,
            policy: None,
            source: Some(software.chars().take(MAX_SOURCE.0).collect()),
            source_id: None,
            openid_connect_discovery: false,
            header_names: Vec::new(),
            secrets: Sealed(Vec::new()),
            secrets_version: 0,
            verified: false,
            created_at: now,
            updated_at: now,
            version: 1,
            last_error: None,
        };
        Self { webhook, secrets, is_stored: false }
    }

    /// A stored webhook and its opened secrets.
    pub(super) fn of(stored: &Webhook, secrets: WebhookSecrets) -> Self {
        Self { webhook: stored.clone(), secrets, is_stored: true }
    }

    /// The URI that the input replaces.
    fn stored_uri(&self) -> Option<&EndpointUri> {
        self.is_stored.then_some(&self.webhook.uri)
    }

    /// Applies what the input mentions, and gathers what is wrong with it.
    pub(super) async fn apply_all(
        &mut self,
        service: &Service,
        input: &WebhookInput,
        problems: &mut ValidationErrors,
    ) -> Result<(), UseCaseError> {
        let account = self.webhook.account.clone();
        let own_events = event_types::own_names_for(service, &account, input.all_events()).await?;
        self.apply(service, input, &own_events, problems);
        match policies::resolve_policy(service, &account, &input.webhook_policy_id, self.webhook.policy).await? {
            Ok(policy) => self.webhook.policy = policy,
            Err(what) => problems.add("webhook_policy", what),
        }
        let stored = self.is_stored.then_some(self.webhook.id);
        let (own, given) = (&self.webhook.attachments, &input.description_attachments);
        self.webhook.attachments = attachments::apply_input(service, &account, stored, own, given, problems).await?;
        Ok(())
    }

    /// Applies the fields that need no store. `own_events` are the account's own event types, if the event may be one.
    fn apply(
        &mut self,
        service: &Service,
        input: &WebhookInput,
        own_events: &[EventName],
        problems: &mut ValidationErrors,
    ) {
        let WebhookInput {
            event,
            events,
            filter,
            uri,
            name,
            description,
            description_attachments: _,
            disabled,
            mail_exceptions_to,
            webhook_policy_id: _,
            source,
            source_id,
            openid_connect_discovery,
            headers,
        } = input;
        self.apply_events(event, events, own_events, problems);
        match filter {
            Patch::Absent => {}
            Patch::Null => self.webhook.filter = None,
            Patch::WrongType => problems.add("filter", "is invalid"),
            Patch::Value(text) => match ContentFilter::parse(text) {
                Ok(filter) => self.webhook.filter = Some(filter),
                Err(error) => problems.add("filter", error.to_string()),
            },
        }
        let moved = self.apply_uri(service, uri, problems);
        self.apply_headers(headers, moved, problems);
        self.apply_name(name, problems);
        match description {
            Patch::Absent => {}
            Patch::Null => self.webhook.description = None,
            Patch::WrongType => problems.add("description", "is invalid"),
            Patch::Value(text) if text.len() > MAX_DESCRIPTION => problems.too_long("description", MAX_DESCRIPTION),
            Patch::Value(text) => self.webhook.description = Some(text.clone()),
        }
        match disabled {
            Patch::Absent => {}
            Patch::Null | Patch::WrongType => problems.add("disabled", "is invalid"),
            Patch::Value(disabled) => self.webhook.disabled = *disabled,
        }
        match mail_exceptions_to {
            Patch::Absent => {}
            Patch::Null => self.webhook.mail_exceptions_to = None,
            Patch::WrongType => problems.add("mail_exceptions_to", "is invalid"),
            Patch::Value(text) if text.trim().is_empty() => self.webhook.mail_exceptions_to = None,
            Patch::Value(text) if text.chars().count() > MAX_MAILS.0 => {
                problems.too_long("mail_exceptions_to", MAX_MAILS.0);
            }
            Patch::Value(text) if MailAddress::parse_list(text, MAX_MAILS.1).is_none() => {
                problems.add("mail_exceptions_to", "is invalid");
            }
            Patch::Value(text) => self.webhook.mail_exceptions_to = Some(text.clone()),
        }
        text(source, "source", MAX_SOURCE.0, &mut self.webhook.source, problems);
        text(source_id, "sourceID", MAX_SOURCE.1, &mut self.webhook.source_id, problems);
        match openid_connect_discovery {
            Patch::Absent => {}
            Patch::Null => self.webhook.openid_connect_discovery = false,
            Patch::WrongType => problems.add("openid_connect_discovery", "is invalid"),
            Patch::Value(on) => self.webhook.openid_connect_discovery = *on,
        }
        if self.webhook.name.is_empty() {
            self.webhook.name = self.webhook.events.first().to_string();
        }
    }

    /// `event` alone replaces all events; `events` begin with the `event`; null `events` leave the first.
    fn apply_events(
        &mut self,
        event: &Patch<String>,
        events: &Patch<Vec<String>>,
        own_events: &[EventName],
        problems: &mut ValidationErrors,
    ) {
        let known = problems.pairs().len();
        let mut first = None;
        match event {
            Patch::Absent => {}
            Patch::WrongType => problems.add("event", "is invalid"),
            Patch::Value(text) if !text.is_empty() => match subscription(text, own_events) {
                Some(subscription) => first = Some(subscription),
                None => problems.add("event", "is not included in the list"),
            },
            Patch::Null | Patch::Value(_) => problems.add("event", "can't be blank"),
        }
        let mut all = None;
        match events {
            Patch::Absent | Patch::Null => {}
            Patch::WrongType => problems.add("events", "is invalid"),
            Patch::Value(texts) => match subscriptions(texts, own_events) {
                Ok(subscriptions) => all = Some(subscriptions),
                Err(error) => problems.add("events", error),
            },
        }
        if problems.pairs().len() > known {
            return;
        }
        match (first, all) {
            (Some(first), Some(all)) if *all.first() != first => {
                problems.add("events", "is invalid: the first one must be the event");
            }
            (_, Some(all)) => self.webhook.events = all,
            (Some(first), None) => self.webhook.events = first.into(),
            (None, None) if *events == Patch::Null => self.webhook.events = self.webhook.events.first().clone().into(),
            (None, None) => {}
        }
    }

    /// True if the webhook moves to another endpoint host: stored header values must not follow it there.
    fn apply_uri(&mut self, service: &Service, uri: &Patch<String>, problems: &mut ValidationErrors) -> bool {
        let text = match uri {
            Patch::Absent => return false,
            Patch::WrongType => {
                problems.add("uri", "is invalid");
                return false;
            }
            Patch::Null => "",
            Patch::Value(text) => text.trim_matches(' '),
        };
        if text.is_empty() {
            problems.add("uri", "can't be blank");
            return false;
        }
        if text.chars().count() > MAX_URI {
            problems.too_long("uri", MAX_URI);
            return false;
        }
        let given = match EndpointUri::parse(text) {
            Ok(given) => given,
            Err(error) => {
                problems.add("uri", error.to_string());
                return false;
            }
        };
        let keeps_login = self.stored_uri().is_some_and(|stored| stored.same_login(&given.uri));
        let stored_password = self.secrets.uri_password.is_some();
        if given.keeps_password && !(keeps_login && stored_password)
            || service.settings.require_https && given.uri.url().scheme() != "https"
        {
            problems.add("uri", "is invalid");
            return false;
        }
        if !service.transport.permits(&given.uri) || service.settings.is_own(given.uri.host()) {
            problems.add("uri", "is not allowed");
            return false;
        }
        let moved = self.stored_uri().is_some_and(|stored| stored.host() != given.uri.host());
        if !given.keeps_password {
            self.secrets.uri_password = given.password;
        }
        self.webhook.uri = given.uri;
        moved
    }

    fn apply_headers(
        &mut self,
        given: &Patch<Vec<(String, Secret<String>)>>,
        moved: bool,
        problems: &mut ValidationErrors,
    ) {
        if moved {
            self.webhook.header_names.clear();
            self.secrets.header_values.clear();
        }
        match given {
            Patch::Absent => {}
            Patch::Null => {
                self.webhook.header_names.clear();
                self.secrets.header_values.clear();
            }
            Patch::WrongType => problems.add("headers", "is invalid"),
            Patch::Value(pairs) => match self.checked_headers(pairs) {
                Ok((names, values)) => {
                    self.webhook.header_names = names;
                    self.secrets.header_values = values;
                }
                Err(error) => problems.add("headers", error.to_string()),
            },
        }
        let with_user = self.webhook.uri.has_user();
        let authorization = self.webhook.header_names.iter().find(|name| name.eq_ignore_ascii_case("authorization"));
        if let Some(name) = authorization.filter(|_| with_user) {
            problems.add("headers", HeaderError::BesideUserInfo(name.clone()).to_string());
        }
    }

    /// The names and values of the given headers, masked values replaced by the stored ones. `Err` says which header is
    /// not acceptable.
    fn checked_headers(
        &self,
        pairs: &[(String, Secret<String>)],
    ) -> Result<(Vec<String>, Vec<Secret<String>>), HeaderError> {
        let mut seen = HashSet::new();
        let (mut names, mut values, mut total) = (Vec::new(), Vec::new(), 0);
        for (name, value) in pairs {
            extra_headers::check_name(name)?;
            if !seen.insert(name.to_ascii_lowercase()) {
                return Err(HeaderError::Repeated(name.clone()));
            }
            let value = if extra_headers::is_mask(value.expose()) {
                let at = self.webhook.header_names.iter().position(|stored| stored.eq_ignore_ascii_case(name));
                let stored = at.and_then(|at| self.secrets.header_values.get(at));
                stored.ok_or_else(|| HeaderError::NothingStored(name.clone()))?
            } else {
                value
            };
            extra_headers::check_value(name, value.expose())?;
            total += name.len() + value.expose().len();
            names.push(name.clone());
            values.push(value.clone());
        }
        if names.len() > extra_headers::MAX_HEADERS {
            return Err(HeaderError::TooMany);
        }
        if total > extra_headers::MAX_TOTAL { Err(HeaderError::TooLarge) } else { Ok((names, values)) }
    }

    fn apply_name(&mut self, name: &Patch<String>, problems: &mut ValidationErrors) {
        match name {
            Patch::Absent => {}
            Patch::Null => self.webhook.name.clear(),
            Patch::WrongType => problems.add("name", "is invalid"),
            Patch::Value(text) if text.chars().count() > MAX_NAME => problems.too_long("name", MAX_NAME),
            Patch::Value(text) if text.contains(char::is_control) => problems.add("name", "is invalid"),
            Patch::Value(text) => text.trim().clone_into(&mut self.webhook.name),
        }
    }
}

/// A pattern, an event of every account, or one of the account's own.
fn subscription(text: &str, own_events: &[EventName]) -> Option<Subscription> {
    let own = || own_events.iter().find(|own| own.as_str() == text).cloned();
    let event = || EventName::builtin(text).or_else(own).map(Subscription::Event);
    Subscription::pattern(text).or_else(event)
}

/// Several of them; `Err` says what is wrong with which.
fn subscriptions(texts: &[String], own_events: &[EventName]) -> Result<Subscriptions, String> {
    if texts.len() > MAX_SUBSCRIPTIONS {
        return Err(SubscriptionsError::TooMany.to_string());
    }
    let known = |text: &String| {
        let unknown = || format!("is not included in the list: {}", extra_headers::quoted(text));
        subscription(text, own_events).ok_or_else(unknown)
    };
    let all = texts.iter().map(known).collect::<Result<_, _>>()?;
    Subscriptions::new(all).map_err(|error| error.to_string())
}

/// A short optional text without control characters; an empty one leaves the field as it would be without it.
fn text(given: &Patch<String>, field: &str, most: usize, slot: &mut Option<String>, problems: &mut ValidationErrors) {
    match given {
        Patch::Absent => {}
        Patch::Null => *slot = None,
        Patch::WrongType => problems.add(field, "is invalid"),
        Patch::Value(text) if text.chars().count() > most => problems.too_long(field, most),
        Patch::Value(text) if text.contains(char::is_control) => problems.add(field, "is invalid"),
        Patch::Value(text) if text.is_empty() => {}
        Patch::Value(text) => *slot = Some(text.clone()),
    }
}

/// What an administrator says about a webhook. Unknown and read-only fields never get here.
#[derive(Debug, Clone, Default)]
pub struct WebhookInput {
    /// `event`
    pub event: Patch<String>,
    /// `events`
    pub events: Patch<Vec<String>>,
    /// `filter`, as its JSON text
    pub filter: Patch<String>,
    /// `uri`
    pub uri: Patch<String>,
    /// `name`
    pub name: Patch<String>,
    /// `description`
    pub description: Patch<String>,
    /// `description_attachments`
    pub description_attachments: Patch<Vec<AttachmentInput>>,
    /// `disabled`
    pub disabled: Patch<bool>,
    /// `mail_exceptions_to`
    pub mail_exceptions_to: Patch<String>,
    /// `webhook_policy_id`
    pub webhook_policy_id: Patch<u64>,
    /// `source`
    pub source: Patch<String>,
    /// `sourceID`
    pub source_id: Patch<String>,
    /// `openid_connect_discovery`
    pub openid_connect_discovery: Patch<bool>,
    /// `headers`, in the order given.
    pub headers: Patch<Vec<(String, Secret<String>)>>,
}

impl WebhookInput {
    /// All names and patterns that it mentions.
    fn all_events(&self) -> impl Iterator<Item = &String> {
        self.event.value().into_iter().chain(self.events.value().into_iter().flatten().take(MAX_SUBSCRIPTIONS))
    }
}
