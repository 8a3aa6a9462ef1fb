//! A sidecar before it has connected to anything.

#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::config::Sources;

/// Takes connections and never says a word.
fn silent_service() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn config(flags: &[(&str, &str)]) -> Arc<Config> {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let sources = Sources { flags: flags.collect(), ..Sources::default() };
    Arc::new(Config::load(sources).unwrap().config)
}

#[actix_rt::test]
async fn the_game_api_answers_while_the_sidecar_is_still_connecting() {
    let (_silent, database) = silent_service();
    let config = config(&[
        ("database.url", &format!("postgres://{database}/zoo")),
        ("database.connect_timeout", "60s"),
        ("http.listen", "127.0.0.1:0"),
        ("admin.listen", "127.0.0.1:0"),
        ("tenancy.default", "083839c6-c47c-42a6-9585-76492795d123"),
    ]);
    let sidecar = Sidecar::open(config, Runtime::current()).unwrap();
    let game = sidecar.game_address().unwrap();
    let (orders, ordered) = watch::channel(Order::Run);
    let running = actix_rt::spawn(sidecar.run(ordered));

    // A connection that was kept fails in another way than one that is refused.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0);
    let client = client.timeout(Duration::from_secs(10)).build().unwrap();
    let answer = client.get(format!("http://{game}/api/pets/1")).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "not_serving");

    orders.send_replace(Order::Drain);
    running.await.unwrap().unwrap();
    // Not over the connection from before, which ends in its own way.
    let refused = reqwest::get(format!("http://{game}/api/pets/1")).await.unwrap_err();
    assert!(refused.is_connect(), "{refused}");
}

#[actix_rt::test]
async fn a_port_that_is_taken_is_named_with_what_changes_it() {
    let (_taken, address) = silent_service();
    let config = config(&[("http.listen", &address.to_string()), ("admin.listen", "127.0.0.1:0")]);
    let error = Sidecar::open(config, Runtime::current()).err().unwrap().to_string();
    for part in ["http.listen", &address.to_string(), "REST_PORT", "--set http.listen="] {
        assert!(error.contains(part), "`{part}` is missing in: {error}");
    }
}

#[actix_rt::test]
async fn the_first_signal_after_a_drain_by_the_api_hurries_nobody() {
    let (signals, from) = watch::channel(Order::Run);
    let (to, mut orders) = watch::channel(Order::Run);
    let drain = to.clone();
    actix_rt::spawn(forward(from, to));
    drain.send_replace(Order::Drain);
    orders.mark_unchanged();
    signals.send_replace(Order::Drain);
    // Whoever passes orders on has had its turn by then.
    for _ in 0..10 {
        actix_rt::task::yield_now().await;
    }
    assert!(!orders.has_changed().unwrap());
    signals.send_replace(Order::Quit);
    orders.changed().await.unwrap();
    assert_eq!(*orders.borrow(), Order::Quit);
    assert!(!orders.has_changed().unwrap());
}
