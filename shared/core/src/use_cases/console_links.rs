//! Console links (section 13). An administrator makes one for a person, who gets a token for the console with its code.
//!
//! The code is used once, within five minutes. The token goes with the creator's token, cannot make links, and is counted
//! among the tokens of links only.

use std::time::Duration;

use jiff::Timestamp;

use super::access_token::AccessTokenGrant;
use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::WebhookId;
use crate::model::token::new_token;
use crate::model::{Caller, ConsoleLink, Role, Token, TokenHash, TokenScope, console_link};
use crate::ports::CreateTokenOutcome;
use crate::service::Service;
use crate::values::{Patch, Secret};

/// How long a link can be used.
const LINK_WORKS_FOR: Duration = Duration::from_mins(5);

/// The most minutes that the token of a link works, and its default.
const MAX_MINUTES: u64 = 60;

/// How many unused links of an account there may be at once, and how many tokens of the links of one creator.
const MAX_LIVE: u64 = 1000;

/// What a link is made of.
#[derive(Debug, Clone, Default)]
pub struct ConsoleLinkInput {
    /// `role`: what its token may do.
    pub role: Patch<String>,
    /// `webhook_id`: the only webhook that its token opens.
    pub webhook_id: Patch<u64>,
    /// `minutes`: how long its token works, at most 60.
    pub minutes: Patch<u64>,
}

/// A link that was made.
#[derive(Debug)]
pub struct NewConsoleLink {
    /// The code, which only the answer shows.
    pub code: Secret<String>,
    /// When it can no longer be used.
    pub expires_at: Timestamp,
}

/// Makes a link.
pub async fn create(
    service: &Service,
    caller: &Caller,
    input: &ConsoleLinkInput,
) -> Result<NewConsoleLink, UseCaseError> {
    let account = &caller.account.id;
    let (role, webhook, minutes) = check(service, caller, input).await?;
    let now = service.clock.now();
    let link = ConsoleLink {
        parent: caller.token.parent.unwrap_or(caller.token.id),
        person: caller.token.person.clone(),
        role,
        webhook,
        minutes,
        parent_ends_at: caller.token.expires_at,
        created_at: now,
        expires_at: now + LINK_WORKS_FOR,
    };
    let code = console_link::new_code(account, &*service.entropy);
    match service.accounts.create_console_link(account, &TokenHash::of(code.expose()), &link, MAX_LIVE).await? {
        CreateTokenOutcome::Done => Ok(NewConsoleLink { code, expires_at: link.expires_at }),
        CreateTokenOutcome::TooMany => {
            let what = format!("has reached its limit of {MAX_LIVE}");
            Err(ValidationErrors::of("console_links", what).into())
        }
        CreateTokenOutcome::Gone => Err(UseCaseError::Forbidden),
    }
}

/// Reads the input.
async fn check(
    service: &Service,
    caller: &Caller,
    input: &ConsoleLinkInput,
) -> Result<(Role, Option<WebhookId>, u32), UseCaseError> {
    let mut problems = ValidationErrors::new();
    let role = match &input.role {
        Patch::Absent | Patch::Null => Err("can't be blank"),
        Patch::WrongType => Err("is invalid"),
        Patch::Value(name) => Role::parse(name).ok_or("is not included in the list"),
    };
    let role = role.map_err(|what| problems.add("role", what)).unwrap_or(Role::Publisher);
    let webhook = match input.webhook_id {
        Patch::Absent | Patch::Null => None,
        Patch::WrongType => {
            problems.add("webhook_id", "is invalid");
            None
        }
        Patch::Value(id) => {
            let id = WebhookId(id);
            if role == Role::Publisher && problems.is_empty() {
                problems.add("webhook_id", "is not allowed for publishers");
            } else if service.webhooks.webhook(&caller.account.id, id).await?.is_none() {
                problems.add("webhook_id", "is invalid");
            }
            Some(id)
        }
    };
    let minutes = match input.minutes {
        Patch::Absent | Patch::Null => MAX_MINUTES,
        Patch::Value(minutes @ 1..=MAX_MINUTES) => minutes,
        Patch::Value(_) | Patch::WrongType => {
            problems.add("minutes", "must be between 1 and 60");
            MAX_MINUTES
        }
    };
    problems.check()?;
    Ok((role, webhook, u32::try_from(minutes).unwrap_or(1)))
}

/// What a code gave: the token, or why there is none, and what the token opens.
#[derive(Debug)]
pub struct RedeemedLink {
    /// The token.
    pub grant: AccessTokenGrant,
    /// Its role.
    pub role: Role,
    /// The only webhook that it opens.
    pub webhook: Option<WebhookId>,
}

/// Uses up a link; `None` if no link has this code any more. `account` is the account that the request's URL names.
pub async fn redeem(service: &Service, account: Option<&str>, code: &str) -> PortResult<Option<RedeemedLink>> {
    let now = service.clock.now();
    let Some((id, hash)) = console_link::parse_code(code) else { return Ok(None) };
    if account.is_some_and(|named| named != id.as_str()) {
        return Ok(None);
    }
    let is_open = service.accounts.account(&id).await?.is_some_and(|account| !account.disabled);
    let Some(link) = service.accounts.take_console_link(&id, &hash, now).await?.filter(|_| is_open) else {
        return Ok(None);
    };
    let ConsoleLink { parent, person, role, webhook, minutes, parent_ends_at, created_at: _, expires_at: _ } = link;
    let end = now + Duration::from_mins(minutes.into());
    let end = parent_ends_at.map_or(end, |parent| parent.min(end));
    if end <= now {
        return Ok(None);
    }
    let secret = new_token(&*service.entropy);
    let token = Token {
        id: service.entropy.uuid(),
        hash: TokenHash::of(secret.expose()),
        person,
        role,
        created_at: now,
        expires_at: Some(end),
        parent: Some(parent),
        scope: webhook.map_or(TokenScope::Console, TokenScope::Webhook),
    };
    let grant = match service.accounts.create_token(&id, &token, MAX_LIVE).await? {
        CreateTokenOutcome::Done => {
            AccessTokenGrant::Granted { token: secret, expires_in: end.duration_since(now).as_secs() }
        }
        CreateTokenOutcome::TooMany => AccessTokenGrant::TooMany,
        CreateTokenOutcome::Gone => return Ok(None),
    };
    Ok(Some(RedeemedLink { grant, role, webhook }))
}
