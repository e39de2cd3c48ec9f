//! A request as a handler gets it: with its caller, or from a caller without a token.

use std::sync::Arc;

use bytes::Bytes;
use hookline_core::account::AccountId;
use hookline_core::ports::Service;
use hookline_core::settings::Settings;
use hookline_core::token::{Caller, Person};
use http::{HeaderMap, Method};

use super::state::Shared;
use super::url::Place;
use crate::response::Refusal;

/// A request whose caller is known.
pub(crate) struct Call {
    /// What the router was built with.
    pub(crate) shared: Arc<Shared>,
    /// Who calls.
    pub(crate) caller: Caller,
    /// The record that the path names; empty if it names none.
    pub(crate) id: String,
    /// The query as it came.
    pub(crate) query: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// Where the request went.
    pub(crate) place: Place,
    /// The body; empty for a route that reads none.
    pub(crate) body: Bytes,
}

impl Call {
    /// The ports and settings.
    pub(crate) fn service(&self) -> &Service {
        &self.shared.api.service
    }

    /// Whose doing it is, for the audit trail.
    pub(crate) fn person(&self) -> &Person {
        &self.caller.token.person
    }

    /// The URL below which the request reached the API: the account's if the request named it, else the public one.
    pub(crate) fn base_url(&self, settings: &Settings) -> String {
        let Caller { account, .. } = &self.caller;
        match self.place.account {
            Some(_) => settings.account_url(&account.id),
            None => settings.public_url.trim_end_matches('/').to_owned(),
        }
    }
}

/// A request to a route that needs no token.
pub(crate) struct Visit {
    /// What the router was built with.
    pub(crate) shared: Arc<Shared>,
    /// How it came.
    pub(crate) method: Method,
    /// The record that the path names; empty if it names none.
    pub(crate) id: String,
    /// The query as it came.
    pub(crate) query: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// Where the request went.
    pub(crate) place: Place,
    /// The body; empty for a route that reads none.
    pub(crate) body: Bytes,
}

impl Visit {
    /// The ports and settings.
    pub(crate) fn service(&self) -> &Service {
        &self.shared.api.service
    }

    /// The account that the URL names: what needs no token is always reached below an account URL.
    pub(crate) fn account(&self) -> Result<AccountId, Refusal> {
        self.place.account.as_deref().and_then(AccountId::parse).ok_or(Refusal::NotFound)
    }
}
