//! A delivery record as a row: numbers instead of names, and nothing that its event contains.

use std::time::Duration;

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{
    Delivery, ErrorClass, Failure, Jwt, MessageKind, Outcome, RequestRecord, ResponseRecord, Timings,
};
use hookline_core::ports::RecordOutcome;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::values::{account_number, event_id, event_name, millis, time};
use crate::queue::unit_of_work::EventOrigin;
use crate::store::sqlite::errors::corrupt;

/// The columns of a record `d` with its event `e`.
pub(crate) const DELIVERY: &str = "d.id, d.webhook, d.webhook_name, d.custom_url, coalesce(d.event_name, e.name), \
     coalesce(d.event_id, e.id), d.message, e.accepted_at, d.run, d.attempt, d.kind, d.outcome, d.created_at, \
     d.retry_of, d.redelivery_of, d.next_attempt_at, d.error_class, d.error, d.uri, d.header_names, d.sent_at, \
     d.status, d.response_headers, d.response_body, d.timings, d.address, d.jwt";

const KINDS: [MessageKind; 3] = [MessageKind::Event, MessageKind::Test, MessageKind::Verify];

/// The number of an outcome. Waiting and succeeded are at most 1.
pub(crate) fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Waiting => 0,
        Outcome::Succeeded => 1,
        Outcome::Failed => 2,
        Outcome::Dropped => 3,
        Outcome::Cancelled => 4,
        Outcome::Skipped => 5,
    }
}

/// The value with a stored number.
fn numbered<T: Copy>(all: &[T], number: i64, what: &'static str) -> rusqlite::Result<T> {
    usize::try_from(number).ok().and_then(|at| all.get(at)).copied().ok_or_else(|| corrupt(what))
}

/// The outcome with this number.
pub(crate) fn outcome_from(number: i64) -> rusqlite::Result<Outcome> {
    numbered(&Outcome::ALL, number, "outcome")
}

/// The 16 bytes of a message id.
pub(crate) fn message_bytes(message: &MessageId) -> [u8; 16] {
    let hex = message.as_str().trim_start_matches("msg_");
    u128::from_str_radix(hex, 16).unwrap_or_default().to_be_bytes()
}

/// See [`message_bytes`].
pub(crate) fn message_from(bytes: [u8; 16]) -> rusqlite::Result<MessageId> {
    MessageId::parse(&format!("msg_{:032x}", u128::from_be_bytes(bytes))).ok_or_else(|| corrupt("message id"))
}

/// Writes a record. A final record stays; a waiting one is replaced by a final one. Nothing is written for a deleted
/// account.
pub(crate) fn insert(
    connection: &Connection,
    delivery: &Delivery,
    origin: Option<&EventOrigin>,
) -> rusqlite::Result<RecordOutcome> {
    let Some((account, event)) = place(connection, &delivery.account, &delivery.event_id, origin)? else {
        return Ok(RecordOutcome::Written);
    };
    let Delivery {
        id,
        account: account_id,
        webhook,
        webhook_name,
        custom_url,
        event: name,
        event_id,
        message,
        run,
        attempt,
        kind,
        outcome,
        created_at,
        retry_of,
        redelivery_of,
        next_attempt_at,
        failure,
        request,
        response,
        timings,
        address,
    } = delivery;
    let derived = event.is_some_and(|(_, accepted_at)| {
        time(accepted_at).is_ok_and(|at| MessageId::derive(account_id, event_id, at, *webhook) == *message)
    });
    let headers = response.as_ref().map(|response| headers_to(&response.headers)).transpose()?;
    let written = connection
        .prepare_cached(
            "INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event,
                event_id, event_name, message, custom_url, retry_of, redelivery_of, next_attempt_at, error_class, error,
                status, response_headers, response_body, uri, sent_at, header_names, timings, address, jwt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                ?23, ?24, ?25, ?26, ?27, ?28)
             ON CONFLICT DO UPDATE SET outcome = excluded.outcome, created_at = excluded.created_at,
                next_attempt_at = excluded.next_attempt_at, error_class = excluded.error_class, error = excluded.error,
                status = excluded.status, response_headers = excluded.response_headers,
                response_body = excluded.response_body, uri = excluded.uri, sent_at = excluded.sent_at,
                header_names = excluded.header_names, timings = excluded.timings, address = excluded.address, jwt = excluded.jwt
             WHERE outcome = 0 AND excluded.outcome <> 0",
        )?
        .execute(params![
            account,
            webhook.0.cast_signed(),
            id.uuid().as_bytes(),
            outcome_number(*outcome),
            run.cast_signed(),
            attempt,
            match kind {
                MessageKind::Event => 0,
                MessageKind::Test => 1,
                MessageKind::Verify => 2,
            },
            millis(*created_at),
            webhook_name,
            event.map(|(number, _)| number),
            event.is_none().then(|| event_id.as_str()),
            event.is_none().then(|| name.as_str()),
            (!derived).then(|| message_bytes(message)),
            custom_url,
            retry_of.map(|id| id.uuid().into_bytes()),
            redelivery_of.map(|id| id.uuid().into_bytes()),
            next_attempt_at.map(millis),
            failure.as_ref().map(|failure| class_number(failure.class)),
            failure.as_ref().map(|failure| &failure.text),
            response.as_ref().map(|response| response.status),
            headers,
            response.as_ref().map(|response| &response.body).filter(|body| !body.is_empty()),
            request.as_ref().map(|request| &request.uri),
            request.as_ref().map(|request| request.sent_at),
            request.as_ref().map(|request| names_to(&request.header_names)).filter(|names| !names.is_empty()),
            timings.as_ref().map(timings_to),
            address.map(|address| address.to_string()),
            request.as_ref().and_then(|request| request.jwt.as_ref()).map(jwt_to).transpose()?,
        ])?;
    if written == 0 {
        // A waiting record that is written again counts as standing, too.
        return Ok(standing(connection, account, *id)?.unwrap_or(RecordOutcome::Stands { next_attempt_at: None }));
    }
    if (*attempt > 1 || *run != 0) && *outcome != Outcome::Waiting {
        connection
            .prepare_cached("UPDATE claims SET final = 1 WHERE message = ?1 AND run = ?2 AND attempt = ?3")?
            .execute(params![message_bytes(message), run.cast_signed(), attempt])?;
    }
    Ok(RecordOutcome::Written)
}

/// The final record with that id, if there is one: what it says about the next attempt.
pub(crate) fn standing(
    connection: &Connection,
    account: i64,
    id: DeliveryId,
) -> rusqlite::Result<Option<RecordOutcome>> {
    connection
        .prepare_cached(
            "SELECT next_attempt_at FROM deliveries WHERE account = ?1 AND webhook = ?2 AND id = ?3 AND outcome <> 0",
        )?
        .query_row(params![account, id.webhook().0.cast_signed(), id.uuid().as_bytes()], |row| {
            let next: Option<Timestamp> = row.get::<_, Option<i64>>(0)?.map(time).transpose()?;
            Ok(RecordOutcome::Stands { next_attempt_at: next })
        })
        .optional()
}

/// The number of the account, and number and acceptance of the event if it is stored. `None` if the account is gone.
#[expect(clippy::type_complexity, reason = "two numbers, the second with its time")]
pub(crate) fn place(
    connection: &Connection,
    account: &AccountId,
    event_id: &EventId,
    origin: Option<&EventOrigin>,
) -> rusqlite::Result<Option<(i64, Option<(i64, i64)>)>> {
    if let Some(origin) = origin.filter(|origin| origin.is(account, event_id)) {
        return Ok(Some((origin.account, Some((origin.event, origin.accepted_at)))));
    }
    let Some(account) = account_number(connection, account)? else { return Ok(None) };
    let event = connection
        .prepare_cached("SELECT num, accepted_at FROM events WHERE account = ?1 AND id = ?2")?
        .query_row((account, event_id.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(Some((account, event)))
}

fn class_number(class: ErrorClass) -> i64 {
    match class {
        ErrorClass::Dns => 0,
        ErrorClass::Refused => 1,
        ErrorClass::ConnectTimeout => 2,
        ErrorClass::Tls => 3,
        ErrorClass::Timeout => 4,
        ErrorClass::Protocol => 5,
        ErrorClass::AddressNotAllowed => 6,
        ErrorClass::HttpStatus => 7,
        ErrorClass::Expired => 8,
        ErrorClass::Cancelled => 9,
    }
}

/// Header names, which are tokens of RFC 9110 and contain no space.
fn names_to(names: &[String]) -> String {
    names.join(" ")
}

/// See [`names_to`].
fn names_from(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn headers_to(headers: &[(String, String)]) -> rusqlite::Result<String> {
    serde_json::to_string(headers).map_err(|_| corrupt("response headers"))
}

fn jwt_to(jwt: &Jwt) -> rusqlite::Result<String> {
    serde_json::to_string(jwt).map_err(|_| corrupt("JWT"))
}

fn jwt_from(text: &str) -> rusqlite::Result<Jwt> {
    serde_json::from_str(text).map_err(|_| corrupt("JWT"))
}

/// The mark of a request that was sent again on a new connection.
const RECONNECTED: &str = " again";

/// The microseconds of the five phases, with a dash for a phase that did not happen; and the mark.
fn timings_to(timings: &Timings) -> String {
    let Timings { dns, connect, tls, first_byte, total, reconnected } = timings;
    let phases = [*dns, *connect, *tls, *first_byte, Some(*total)];
    let phase = |phase: Option<Duration>| phase.map_or_else(|| "-".to_owned(), |phase| phase.as_micros().to_string());
    phases.map(phase).join(" ") + if *reconnected { RECONNECTED } else { "" }
}

fn timings_from(text: &str) -> rusqlite::Result<Timings> {
    let (text, reconnected) = text.strip_suffix(RECONNECTED).map_or((text, false), |text| (text, true));
    let mut phases = text.split(' ').map(|phase| phase.parse().ok().map(Duration::from_micros));
    let mut next = || phases.next().ok_or_else(|| corrupt("timings"));
    let (dns, connect, tls, first_byte, total) = (next()?, next()?, next()?, next()?, next()?);
    Ok(Timings { dns, connect, tls, first_byte, total: total.ok_or_else(|| corrupt("timings"))?, reconnected })
}

pub(crate) fn delivery_id(bytes: [u8; 16]) -> rusqlite::Result<DeliveryId> {
    DeliveryId::from_uuid(Uuid::from_bytes(bytes)).ok_or_else(|| corrupt("delivery id"))
}

/// Reads the columns of [`DELIVERY`].
pub(crate) fn delivery_from(row: &Row<'_>, account: &AccountId) -> rusqlite::Result<Delivery> {
    let event_id: EventId = event_id(row.get_ref(5)?.as_str()?)?;
    let webhook = WebhookId(row.get::<_, i64>(1)?.cast_unsigned());
    let message = match row.get::<_, Option<[u8; 16]>>(6)? {
        Some(bytes) => message_from(bytes)?,
        None => MessageId::derive(account, &event_id, time(row.get(7)?)?, webhook),
    };
    let failure = match row.get::<_, Option<i64>>(16)? {
        Some(class) => Some(Failure { class: numbered(&ErrorClass::ALL, class, "error class")?, text: row.get(17)? }),
        None => None,
    };
    let request = match row.get::<_, Option<String>>(18)? {
        Some(uri) => Some(RequestRecord {
            uri,
            header_names: row.get_ref(19)?.as_str_or_null()?.map(names_from).unwrap_or_default(),
            sent_at: row.get(20)?,
            jwt: row.get_ref(26)?.as_str_or_null()?.map(jwt_from).transpose()?,
        }),
        None => None,
    };
    let response = match row.get::<_, Option<u16>>(21)? {
        Some(status) => Some(ResponseRecord {
            status,
            headers: serde_json::from_str(row.get_ref(22)?.as_str()?).map_err(|_| corrupt("response headers"))?,
            body: row.get::<_, Option<String>>(23)?.unwrap_or_default(),
        }),
        None => None,
    };
    let address = row.get_ref(25)?.as_str_or_null()?;
    let address = address.map(|text| text.parse().map_err(|_| corrupt("address"))).transpose()?;
    Ok(Delivery {
        id: delivery_id(row.get(0)?)?,
        account: account.clone(),
        webhook,
        webhook_name: row.get(2)?,
        custom_url: row.get(3)?,
        event: event_name(row.get_ref(4)?.as_str()?)?,
        event_id,
        message,
        run: row.get::<_, i64>(8)?.cast_unsigned(),
        attempt: row.get(9)?,
        kind: numbered(&KINDS, row.get(10)?, "kind")?,
        outcome: outcome_from(row.get(11)?)?,
        created_at: time(row.get(12)?)?,
        retry_of: row.get::<_, Option<[u8; 16]>>(13)?.map(delivery_id).transpose()?,
        redelivery_of: row.get::<_, Option<[u8; 16]>>(14)?.map(delivery_id).transpose()?,
        next_attempt_at: row.get::<_, Option<i64>>(15)?.map(time).transpose()?,
        failure,
        request,
        response,
        timings: row.get_ref(24)?.as_str_or_null()?.map(timings_from).transpose()?,
        address,
    })
}
