//! A request as its handler gets it: authenticated, or public.

use std::sync::Arc;

use bytes::Bytes;
use hookline_core::ids::AccountId;
use hookline_core::model::{Caller, Person};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use http::{HeaderMap, Method};

use super::state::ApiState;
use super::url::RequestUrl;
use crate::response::ApiError;

/// A request with a valid token.
pub(crate) struct AuthenticatedRequest {
    /// The shared state of the router.
    pub(crate) state: Arc<ApiState>,
    /// The token, its person, and their account.
    pub(crate) caller: Caller,
    /// The id in the path; empty if it has none.
    pub(crate) id: String,
    /// The raw query string.
    pub(crate) query: String,
    /// The request headers.
    pub(crate) headers: HeaderMap,
    /// The account and path of its URL.
    pub(crate) url: RequestUrl,
    /// The body; empty if the route takes none.
    pub(crate) body: Bytes,
}

impl AuthenticatedRequest {
    /// The ports and settings.
    pub(crate) fn service(&self) -> &Service {
        &self.state.api.service
    }

    /// The person to name in the audit trail.
    pub(crate) fn person(&self) -> &Person {
        &self.caller.token.person
    }

    /// The base of links in the response: the account URL if the request used it, else the public URL.
    pub(crate) fn base_url(&self, settings: &CoreSettings) -> String {
        let Caller { account, .. } = &self.caller;
        match self.url.account {
            Some(_) => settings.account_url(&account.id),
            None => settings.public_url.trim_end_matches('/').to_owned(),
        }
    }
}

/// A request to a route that takes no token.
pub(crate) struct PublicRequest {
    /// The shared state of the router.
    pub(crate) state: Arc<ApiState>,
    /// The method.
    pub(crate) method: Method,
    /// The id in the path; empty if it has none.
    pub(crate) id: String,
    /// The raw query string.
    pub(crate) query: String,
    /// The request headers.
    pub(crate) headers: HeaderMap,
    /// The account and path of its URL.
    pub(crate) url: RequestUrl,
    /// The body; empty if the route takes none.
    pub(crate) body: Bytes,
}

impl PublicRequest {
    /// The ports and settings.
    pub(crate) fn service(&self) -> &Service {
        &self.state.api.service
    }

    /// The account in the URL. Public documents and callbacks are below an account URL; elsewhere they are 404.
    pub(crate) fn account(&self) -> Result<AccountId, ApiError> {
        self.url.account.as_deref().and_then(AccountId::parse).ok_or(ApiError::NotFound)
    }
}
