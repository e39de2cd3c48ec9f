use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn failed(id: u64) -> HostEvent {
    HostEvent::Failed { webhook: WebhookId(id), probe: false, others_due: false }
}

fn probe_failed() -> HostEvent {
    HostEvent::Failed { webhook: WebhookId(1), probe: true, others_due: true }
}

/// After these changes, one per second from second 0 on.
fn after(changes: &[HostEvent]) -> HostHealth {
    (0..).zip(changes).fold(HostHealth::default(), |host, (second, change)| host.after(change, at(second), 1.0))
}

/// Throttled in second 9.
fn throttled() -> HostHealth {
    after(&vec![failed(1); 10])
}

#[test]
fn ten_failures_in_a_row_throttle_whatever_the_webhook() {
    let nine = after(&[1, 2, 3, 1, 2, 3, 1, 2, 3].map(failed));
    assert_eq!((nine.run, nine.throttle.clone(), nine.circuit(at(9))), (9, None, CircuitState::Closed));
    let ten = nine.after(&failed(4), at(9), 1.0);
    assert_eq!(ten.throttle, Some(Throttle { since: at(9), wait: FIRST_WAIT, opens_at: at(69), probed: Vec::new() }));
    assert_eq!(ten.offenders, [1, 2, 3, 4].map(WebhookId));
    assert!(HostTransition { before: nine.clone(), after: ten.clone() }.tripped());
    assert!(!HostTransition { before: ten.clone(), after: ten.after(&failed(1), at(10), 1.0) }.tripped());

    for between in [HostEvent::Answered, HostEvent::Succeeded] {
        let host = nine.after(&between, at(9), 1.0).after(&failed(5), at(10), 1.0);
        assert_eq!((host.run, host.throttle, host.offenders), (1, None, vec![WebhookId(5)]), "{between:?}");
    }
}

#[test]
fn a_throttled_host_gets_one_probe_per_wait() {
    let host = throttled();
    assert_eq!(host.circuit(at(68)), CircuitState::Open { until: at(69) });
    assert_eq!(host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(68), 1.0), host, "too early to be won");
    assert_eq!(host.circuit(at(69)), CircuitState::HalfOpen);
    let probed = host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(69), 1.0);
    assert_eq!(probed.circuit(at(69)), CircuitState::Open { until: at(129) }, "no other attempt wins it");
    assert_eq!(probed.circuit(at(129)), CircuitState::HalfOpen, "the one who won it died");
}

#[test]
fn waits_double_to_fifteen_minutes_with_each_probe_that_fails() {
    let mut host = throttled();
    let mut now = 9;
    for minutes in [2, 4, 8, 15, 15, 15] {
        now += 3600;
        host = host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(now), 1.0).after(
            &probe_failed(),
            at(now + 10),
            1.0,
        );
        assert_eq!(host.circuit(at(now + 10)), CircuitState::Open { until: at(now + 10 + minutes * 60) });
        assert_eq!(host.throttle.as_ref().map(|throttle| throttle.since), Some(at(9)));
    }
    let scaled = throttled().after(&probe_failed(), at(1000), 0.5);
    assert_eq!(scaled.circuit(at(1000)), CircuitState::Open { until: at(1060) });
}

#[test]
fn only_probes_and_successes_move_a_throttled_host() {
    let host = throttled();
    for change in [failed(7), HostEvent::Answered] {
        assert_eq!(host.after(&change, at(20), 1.0), host, "{change:?}");
        assert!(!host.is_moved_by(&change), "{change:?}");
    }
    for change in [HostEvent::Succeeded, HostEvent::Lifted] {
        let after = host.after(&change, at(20), 1.0);
        assert!(host.is_moved_by(&change) && after.throttle.is_none() && after.run == 0, "{change:?}");
        assert!(!HostHealth::default().is_moved_by(&change), "{change:?}: a first success needs no write");
    }
    assert!(!HostHealth::default().is_moved_by(&HostEvent::Answered));
    assert!(after(&[failed(1)]).is_moved_by(&HostEvent::Answered));
    assert!(host.is_moved_by(&probe_failed()) && HostHealth::default().is_moved_by(&failed(1)));
}

#[test]
fn a_host_that_asks_for_it_is_held() {
    let held = HostHealth::default().after(&HostEvent::Held { until: at(30) }, at(0), 1.0);
    assert_eq!(held.circuit(at(29)), CircuitState::Open { until: at(30) });
    assert_eq!(held.circuit(at(30)), CircuitState::Closed);
    let shorter = held.after(&HostEvent::Held { until: at(20) }, at(1), 1.0);
    assert_eq!(shorter.held_until, Some(at(30)), "a shorter wish does not shorten it");
    assert!(
        held.is_moved_by(&HostEvent::Held { until: at(31) }) && !held.is_moved_by(&HostEvent::Held { until: at(30) })
    );
    let failing = held.after(&failed(1), at(31), 1.0);
    assert_eq!(failing.held_until, None, "a hold that has ended is removed");

    let both = throttled().after(&HostEvent::Held { until: at(600) }, at(10), 1.0);
    assert_eq!(both.circuit(at(70)), CircuitState::Open { until: at(600) });
    assert_eq!(both.circuit(at(600)), CircuitState::HalfOpen);
    assert!(both.after(&HostEvent::Lifted, at(70), 1.0).is_good());
}

/// Throttled in second 9, and working again since second 69.
fn reopened() -> HostHealth {
    throttled().after(&HostEvent::Succeeded, at(69), 1.0)
}

/// How many of these messages have a permit in this second, and the host then.
fn take(host: &HostHealth, wanted: u32, second: i64) -> (u32, HostHealth) {
    let after = host.after(&HostEvent::PermitsTaken { wanted }, at(second), 1.0);
    (HostTransition { before: host.clone(), after: after.clone() }.permits(wanted, at(second)), after)
}

#[test]
fn the_first_success_reopens_the_host_with_one_request_then_two() {
    let host = reopened();
    assert_eq!((host.run, host.throttle.clone()), (0, None));
    assert!(matches!(host.circuit(at(69)), CircuitState::Reopening(_)) && !host.is_good());
    let (first, host) = take(&host, 5, 70);
    let (none, same) = take(&host, 5, 78);
    assert_eq!((first, none, &same), (1, 0, &host), "nothing is written when no permit is left");
    let (second, host) = take(&host, 1, 79);
    let (third, host) = take(&host, 7, 80);
    assert_eq!((second, third), (1, 1));
    assert_eq!(take(&host, 100, 119).0, 32);
    assert_eq!((take(&host, 100, 3600).0, host.circuit(at(3600))), (100, CircuitState::Closed), "over");
    assert_eq!(take(&HostHealth::default(), 3, 0).0, 3);
    assert_eq!((take(&throttled(), 3, 10).0, take(&throttled(), 3, 100).0), (0, 0));

    let good = host.after(&HostEvent::Succeeded, at(81), 1.0);
    assert_eq!(good, host, "further successes change nothing");
    assert!(!host.is_moved_by(&HostEvent::Succeeded) && host.is_moved_by(&HostEvent::Lifted));
    assert!(host.after(&HostEvent::Lifted, at(81), 1.0).is_good());
    let mut failing = host;
    for _ in 0..10 {
        assert!(failing.ramp.is_some());
        failing = failing.after(&failed(1), at(82), 1.0);
    }
    assert!(failing.throttle.is_some() && failing.ramp.is_none(), "throttled again");
}

#[test]
fn a_waiting_message_tries_again_within_the_next_wait_and_not_with_all_others() {
    let seconds = |host: &HostHealth, until, now, chance| {
        host.try_again_at(at(until), at(now), false, chance, 1.0).duration_since(at(0)).as_millis()
    };
    let host = throttled();
    assert_eq!([0.0, 0.5].map(|chance| seconds(&host, 69, 9, chance)), [69_000, 76_500]);
    let long = after(&[vec![failed(1); 10], vec![probe_failed(); 4]].concat());
    assert_eq!(long.throttle.as_ref().unwrap().opens_at, at(913));
    assert_eq!([0.0, 0.5].map(|chance| seconds(&long, 913, 300, chance)), [913_000, 1_025_500]);
    assert_eq!([0.0, 0.8].map(|chance| seconds(&long, 913, 100, chance)), [1_000_000, 977_500], "at most 15 minutes");
    assert_eq!(long.try_again_at(at(913), at(100), true, 0.8, 1.0), at(820), "spread at first");
    let held = HostHealth::default();
    assert_eq!([0.0, 0.5].map(|chance| seconds(&held, 120, 0, chance)), [120_000, 135_000]);
    assert_eq!(seconds(&held, 3600, 0, 0.0), 900_000, "a part of a long wait");
    assert_eq!(seconds(&held, 5, 10, 0.5), 5_000, "it is over");
}

/// The next of a few numbers that look random.
fn chance(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    f64::from(u32::try_from(*state >> 32).unwrap()) / 4_294_967_296.0
}

#[test]
fn a_hundred_thousand_waiting_messages_come_back_one_by_one_and_not_in_steps() {
    const MESSAGES: u32 = 100_000;
    let mut host = after(&[vec![failed(1); 10], vec![probe_failed(); 4]].concat());
    let opens_at = |host: &HostHealth| host.throttle.as_ref().unwrap().opens_at;
    let mut seed = 7;
    // All of them came while the host was throttled, and had many waits since.
    let mut queue: BTreeSet<(Timestamp, u32)> = BTreeSet::new();
    for message in 0..MESSAGES {
        queue.insert((host.try_again_at(opens_at(&host), at(14), true, chance(&mut seed), 1.0), message));
    }
    let (mut probes, mut rounds, mut works_since) = (0, 0_u32, None);
    let (mut came, mut sent) = (BTreeMap::<i64, u32>::new(), BTreeMap::<i64, u32>::new());
    while let Some((now, message)) = queue.pop_first() {
        if works_since.is_none() {
            rounds += 1;
            *came.entry(now.as_second() / 10).or_default() += 1;
        }
        let back = match host.circuit(now) {
            CircuitState::Closed => None,
            CircuitState::Open { until } => Some(host.try_again_at(until, now, false, chance(&mut seed), 1.0)),
            CircuitState::HalfOpen => {
                probes += 1;
                let claimed = host.after(&HostEvent::Probed { webhook: WebhookId(1) }, now, 1.0);
                let works = probes == 6;
                works_since = works_since.or(works.then_some(now));
                let event = if works { HostEvent::Succeeded } else { probe_failed() };
                host = claimed.after(&event, now + Duration::from_secs(1), 1.0);
                (!works).then(|| host.try_again_at(opens_at(&host), now, false, chance(&mut seed), 1.0))
            }
            CircuitState::Reopening(window) => {
                let before = host.clone();
                host = host.after(&HostEvent::PermitsTaken { wanted: 1 }, now, 1.0);
                let permits = HostTransition { before, after: host.clone() }.permits(1, now);
                (permits == 0).then(|| window.try_again_at(chance(&mut seed)))
            }
        };
        match (back, works_since) {
            (Some(back), _) => {
                assert!(back <= now + MAX_WAIT && back > now, "{now}: {back}");
                queue.insert((back, message));
            }
            (None, Some(since)) => {
                *sent.entry(now.duration_since(since).as_secs().max(0) / 10).or_default() += 1;
            }
            (None, None) => panic!("sent while it was throttled"),
        }
    }
    assert_eq!(sent.values().sum::<u32>(), MESSAGES);
    // One window may lie in two of these: its permits and those of the one before, and the probe.
    for (window, count) in &sent {
        let permits = 1_u32 << window.clamp(&0, &16);
        assert!(*count <= permits + permits / 2 + 1, "{count} in window {window}");
    }
    assert!(sent.keys().max().is_some_and(|window| window * 10 <= 900), "all within one wait: {sent:?}");
    let peak = came.values().max().copied().unwrap();
    assert!(peak <= MESSAGES / 10, "no moment that many share: {peak} in ten seconds");
    assert!(rounds < 9 * MESSAGES, "one and a half rounds a wait: {rounds}");
}

#[test]
fn one_webhook_does_not_speak_for_the_host_while_others_have_messages_due() {
    let alone = |others_due| HostEvent::Failed { webhook: WebhookId(1), probe: false, others_due };
    let nine = after(&vec![failed(1); 9]);
    assert!(nine.asks_for_others(WebhookId(1)) && !nine.asks_for_others(WebhookId(2)));
    let eleven = nine.after(&alone(true), at(9), 1.0).after(&alone(true), at(10), 1.0);
    assert_eq!((eleven.run, eleven.throttle.clone()), (11, None));
    assert!(eleven.after(&alone(false), at(11), 1.0).throttle.is_some(), "the others have nothing due any more");
    let second = HostEvent::Failed { webhook: WebhookId(2), probe: false, others_due: true };
    assert!(eleven.after(&second, at(11), 1.0).throttle.is_some(), "a second webhook fails too");
}

#[test]
fn a_webhook_that_was_probed_yields_to_others_for_a_part_of_the_wait() {
    let mut host = throttled();
    let claim = |host: &HostHealth, webhook, now| host.circuit_for(WebhookId(webhook), at(now), 1.0);
    for (webhook, now) in [(1, 100), (2, 200)] {
        assert_eq!(claim(&host, webhook, now), CircuitState::HalfOpen, "not probed lately");
        host = host.after(&HostEvent::Probed { webhook: WebhookId(webhook) }, at(now), 1.0);
    }
    assert_eq!(claim(&host, 3, 259), CircuitState::Open { until: at(260) });
    assert_eq!(claim(&host, 3, 260), CircuitState::HalfOpen, "never probed: first");
    assert_eq!(claim(&host, 1, 259), CircuitState::Open { until: Timestamp::from_millisecond(267_500).unwrap() });
    assert_eq!(claim(&host, 1, 268), CircuitState::HalfOpen);
    assert_eq!(claim(&host, 2, 268), CircuitState::Open { until: at(275) }, "the latest: last");
    assert_eq!(claim(&host, 2, 275), CircuitState::HalfOpen, "nothing else waits");
    for webhook in 1..=40 {
        let now = at(1000 * i64::try_from(webhook).unwrap());
        host = host.after(&HostEvent::Probed { webhook: WebhookId(webhook) }, now, 1.0);
    }
    assert_eq!(host.throttle.unwrap().probed.len(), MAX_PROBED);
}

#[test]
fn a_run_names_a_hundred_webhooks_at_most() {
    let mut host = after(&[1, 1].map(failed));
    for id in 0..1000 {
        let event = HostEvent::Failed { webhook: WebhookId(id), probe: false, others_due: true };
        host.throttle = None;
        host = host.after(&event, at(3), 1.0);
    }
    assert_eq!(host.offenders.len(), MAX_OFFENDERS);
}
