//! The endpoints: hosts of strangers that work, fail in every way, and change their mind.

use std::net::SocketAddr;
use std::time::Duration;

use hookline_core::model::{ErrorClass, Failure, ResponseRecord, Timings};
use hookline_core::ports::{ConnectionUse, Exchange};

use crate::chance::Chance;
use crate::world::BEGINNING;

/// How many hosts there are.
pub(crate) const HOSTS: usize = 6;
/// How many of them work all the time.
const WELL: usize = 4;

/// How a host behaves for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// 2xx.
    Well,
    /// Nothing comes.
    Dead(ErrorClass),
    /// A status that is no success.
    Status(u16),
    /// A success every other time or so.
    Flapping,
}

/// All hosts. A host has a mood until the next change.
#[derive(Debug)]
pub(crate) struct Endpoints {
    moods: Vec<Vec<(i64, Mood)>>,
}

const CLASSES: [ErrorClass; 6] = [
    ErrorClass::Dns,
    ErrorClass::Refused,
    ErrorClass::ConnectTimeout,
    ErrorClass::Tls,
    ErrorClass::Timeout,
    ErrorClass::Protocol,
];
const STATUSES: [u16; 10] = [301, 400, 404, 408, 410, 429, 500, 502, 503, 504];

impl Endpoints {
    /// Most hosts work all the time; the others change every hour or so. In a long story one of them is dead for days.
    pub(crate) fn new(chance: &mut Chance, hours: u64) -> Self {
        let moods = (0..HOSTS)
            .map(|host| {
                if host < WELL {
                    return vec![(BEGINNING, Mood::Well)];
                }
                let mut moods = Vec::new();
                let mut from = BEGINNING;
                if host == WELL && hours > 24 {
                    moods.push((from, Mood::Dead(*chance.pick(&CLASSES))));
                    from += (hours * 3_600_000).cast_signed();
                }
                for _ in 0..chance.between(1..=5) {
                    let mood = match chance.below(6) {
                        0 => Mood::Well,
                        1 | 2 => Mood::Dead(*chance.pick(&CLASSES)),
                        3 | 4 => Mood::Status(*chance.pick(&STATUSES)),
                        _ => Mood::Flapping,
                    };
                    moods.push((from, mood));
                    from += chance.millis(60_000..=7_200_000);
                }
                if !chance.one_in(20) {
                    moods.push((from, Mood::Well));
                }
                moods
            })
            .collect();
        Self { moods }
    }

    /// The name of a host.
    pub(crate) fn name(host: usize) -> String {
        format!("h{host}.endpoints.example")
    }

    /// What a host answers now, and after how many milliseconds.
    pub(crate) fn answer(
        &self,
        host: Option<&str>,
        now: i64,
        chance: &mut Chance,
        echo: &[(String, String)],
    ) -> (Exchange, i64) {
        let known = (0..HOSTS).find(|&known| host == Some(&Self::name(known)));
        let mood = known.map_or(Mood::Dead(ErrorClass::Dns), |host| {
            let moods = &self.moods[host];
            moods.iter().rev().find(|(from, _)| *from <= now).or(moods.first()).map_or(Mood::Well, |(_, mood)| *mood)
        });
        // Every other host tells what it was told.
        let echo = if known.is_some_and(|host| host % 2 == 1) { echo } else { &[] };
        let (result, millis) = match mood {
            Mood::Well => (Ok(response(200, echo)), chance.millis(1..=900)),
            Mood::Flapping if chance.one_in(2) => (Ok(response(200, echo)), chance.millis(1..=9_000)),
            Mood::Flapping => (Ok(response(503, echo)), chance.millis(1..=9_000)),
            Mood::Status(status) => {
                let mut answer = response(status, echo);
                if chance.one_in(3) {
                    let seconds = *chance.pick(&[0, 1, 20, 300, 7200]);
                    answer.headers.push(("Retry-After".to_owned(), seconds.to_string()));
                }
                (Ok(answer), chance.millis(1..=900))
            }
            Mood::Dead(class) => {
                let millis = match class {
                    ErrorClass::Timeout | ErrorClass::ConnectTimeout => 10_000,
                    _ => chance.millis(1..=5_000),
                };
                (Err(Failure::new(class, text(class))), millis)
            }
        };
        let total = Duration::from_millis(millis.unsigned_abs());
        let timings = Timings { first_byte: result.is_ok().then_some(total), total, ..Timings::default() };
        let address = result.is_ok().then(|| SocketAddr::from(([93, 184, 215, 14], 443)));
        (Exchange { result, timings, address, connection: ConnectionUse::New }, millis)
    }
}

/// An answer of an endpoint that tells everything it was told, as some do.
fn response(status: u16, echo: &[(String, String)]) -> ResponseRecord {
    let told: Vec<String> = echo.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = if (200..300).contains(&status) { String::new() } else { told.join("\n").chars().take(1024).collect() };
    ResponseRecord { status, headers: echo.iter().rev().take(2).cloned().collect(), body }
}

fn text(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Dns => "Host not found",
        ErrorClass::Refused => "Connection refused",
        ErrorClass::ConnectTimeout | ErrorClass::Timeout => "Timeout",
        ErrorClass::Tls => "TLS error: the certificate is not valid",
        ErrorClass::AddressNotAllowed => "Address not allowed",
        _ => "Connection closed",
    }
}
