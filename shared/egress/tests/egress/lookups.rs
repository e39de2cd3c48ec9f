//! DNS that changes its mind, mixes its answers, fails or never answers.

use std::time::Duration;

use hookline_core::model::ErrorClass::{AddressNotAllowed, Dns, Refused};
use hookline_egress::{Egress, EgressSettings};
use tokio::net::TcpListener;

use crate::server::{Full, OK, Server};
use crate::{Answer, Names, addresses, failure, post, settings};

async fn answering_at(address: &str) -> Server {
    Server::start_at(address, |mut peer| async move { while peer.request().await && peer.say(OK).await {} }).await
}

/// Servers at 127.0.0.1 and 127.0.0.2, on the same port.
async fn two_servers() -> (Server, Server) {
    let first = answering_at("127.0.0.1:0").await;
    let second = answering_at(&format!("127.0.0.2:{}", first.address.port())).await;
    (first, second)
}

fn hook(server: &Server) -> String {
    format!("http://hook.example:{}/x", server.address.port())
}

#[tokio::test]
async fn while_a_lookup_is_valid_a_changed_answer_does_not_count() {
    let names = Names::script("hook.example", &[addresses(&["127.0.0.1"], 60), addresses(&["169.254.169.254"], 60)]);
    let egress = Egress::with_resolver(settings(), names.clone()).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    let first = post(&egress, &hook(&server)).await;
    assert!(first.timings.dns.is_some());
    for _ in 0..5 {
        let exchange = post(&egress, &hook(&server)).await;
        assert_eq!((exchange.address, exchange.timings.dns), (Some(server.address), None));
    }
    assert_eq!((names.queries(), server.requests().len()), (1, 6));
}

#[tokio::test]
async fn the_next_lookup_decides_anew_and_old_connections_are_not_used() {
    let (first, second) = two_servers().await;
    let script = [addresses(&["127.0.0.1"], 0), addresses(&["127.0.0.2"], 0), addresses(&["169.254.169.254"], 0)];
    let names = Names::script("hook.example", &script);
    let egress = Egress::with_resolver(settings(), names.clone()).unwrap();
    assert_eq!(post(&egress, &hook(&first)).await.address, Some(first.address));
    assert_eq!(post(&egress, &hook(&first)).await.address, Some(second.address));
    let refused = post(&egress, &hook(&first)).await;
    assert_eq!(refused.result.unwrap_err(), failure(AddressNotAllowed, "Address not allowed"));
    assert_eq!((refused.address, refused.timings.connect), (None, None));
    assert_eq!((first.requests().len(), second.requests().len(), names.queries()), (1, 1, 3));
}

#[tokio::test]
async fn a_connection_goes_on_when_the_address_is_in_the_next_lookup_too() {
    let names = Names::script("hook.example", &[addresses(&["127.0.0.1"], 0)]);
    let egress = Egress::with_resolver(settings(), names.clone()).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    for _ in 0..50 {
        post(&egress, &hook(&server)).await.result.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!((names.queries(), server.requests().len()), (50, 50));
    assert!(server.connections() <= 10, "{}", server.connections());
}

#[tokio::test]
async fn forbidden_addresses_are_removed_from_a_mixed_answer() {
    let mixed = ["10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "127.0.0.1", "fd00:ec2::254"];
    let names = Names::script("hook.example", &[addresses(&mixed, 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    let exchange = post(&egress, &hook(&server)).await;
    assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(server.address)));
}

#[tokio::test]
async fn the_next_address_is_tried_only_while_nothing_was_sent() {
    let names = Names::script("hook.example", &[addresses(&["127.0.0.3", "127.0.0.2", "127.0.0.1"], 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let (first, second) = two_servers().await;
    let exchange = post(&egress, &hook(&first)).await;
    assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(second.address)), "127.0.0.3 refuses");
    // The address that answered is the first one from now on, also if a server listens at 127.0.0.3 by now.
    let _late = TcpListener::bind(format!("127.0.0.3:{}", first.address.port())).await.unwrap();
    assert_eq!(post(&egress, &hook(&first)).await.address, Some(second.address));
    // One that takes the request and closes has had it.
    let names = Names::script("hook.example", &[addresses(&["127.0.0.1", "127.0.0.2"], 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let closing = Server::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let other = answering_at(&format!("127.0.0.2:{}", closing.address.port())).await;
    let exchange = post(&egress, &hook(&closing)).await;
    assert!(exchange.result.is_err());
    assert_eq!((exchange.address, other.connections()), (Some(closing.address), 0));
}

#[tokio::test]
async fn an_address_that_does_not_connect_leaves_time_for_the_next() {
    let names = Names::script("hook.example", &[addresses(&["127.0.0.4", "127.0.0.1"], 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    let _full = Full::start_at(&format!("127.0.0.4:{}", server.address.port())).await;
    let exchange = post(&egress, &hook(&server)).await;
    assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(server.address)));
    assert_eq!(server.requests().len(), 1);
}

/// Many dead addresses before the living one: each costs a quarter of a second, not its share of the deadline.
#[tokio::test]
async fn addresses_are_raced() {
    let dead = ["127.0.0.4", "127.0.0.5"];
    let names = Names::script("hook.example", &[addresses(&[dead[0], dead[1], "127.0.0.1"], 60)]);
    let patient = EgressSettings { deadline: Duration::from_mins(10), ..settings() };
    let egress = Egress::with_resolver(patient, names).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    let port = server.address.port();
    let _full =
        (Full::start_at(&format!("{}:{port}", dead[0])).await, Full::start_at(&format!("{}:{port}", dead[1])).await);
    let exchange = post(&egress, &hook(&server)).await;
    assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(server.address)));
    assert!(exchange.timings.connect.unwrap() >= Duration::from_millis(500), "two head starts: {:?}", exchange.timings);
    assert!(exchange.timings.connect.unwrap() < Duration::from_secs(200), "{:?}", exchange.timings);
}

/// The preference outlasts the lookup. It does not outlast the address.
#[tokio::test]
async fn the_address_that_connected_is_tried_first_after_the_next_lookup_too() {
    let (first, second) = two_servers().await;
    let script = [
        addresses(&["127.0.0.3", "127.0.0.2", "127.0.0.1"], 0),
        addresses(&["127.0.0.1", "127.0.0.2"], 0),
        addresses(&["127.0.0.1", "127.0.0.3"], 0),
        addresses(&["127.0.0.2", "127.0.0.1"], 0),
    ];
    let idle_off = EgressSettings { idle_timeout: Duration::ZERO, ..settings() };
    let egress = Egress::with_resolver(idle_off, Names::script("hook.example", &script)).unwrap();
    let mut reached = Vec::new();
    for _ in 0..4 {
        reached.push(post(&egress, &hook(&first)).await.address);
    }
    assert_eq!(reached, [second.address, second.address, first.address, first.address].map(Some));
}

#[tokio::test]
async fn when_no_address_connects_the_first_one_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let names = Names::script("hook.example", &[addresses(&["127.0.0.6", "127.0.0.7"], 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let exchange = post(&egress, &format!("http://hook.example:{}/", closed.port())).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Refused, "Connection refused"));
    assert_eq!(exchange.address, Some(format!("127.0.0.6:{}", closed.port()).parse().unwrap()));
}

#[tokio::test]
async fn no_address_is_a_failure_of_dns() {
    for (answer, text) in
        [(Answer::Unresolved, "Host not found"), (addresses(&[], 60), "Host not found"), (Answer::Silence, "Timeout")]
    {
        let egress = Egress::with_resolver(settings(), Names::script("hook.example", &[answer])).unwrap();
        let exchange = post(&egress, "http://hook.example/").await;
        assert_eq!(exchange.result.unwrap_err(), failure(Dns, text));
        assert!(exchange.address.is_none() && exchange.timings.dns.is_some());
    }
}

#[tokio::test]
async fn the_system_resolver_knows_the_hosts_file() {
    let egress = Egress::new(settings()).unwrap();
    let server = answering_at("127.0.0.1:0").await;
    let exchange = post(&egress, &format!("http://localhost:{}/x", server.address.port())).await;
    assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(server.address)));
}
