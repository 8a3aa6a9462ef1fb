//! Ports for the processes under test.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that the kernel gives to connections, one of which might be there first.
const FIRST: u32 = 10_000;
const NUM: u32 = 10_000;

/// A port that nobody listens at, another one each time.
pub fn free_port() -> u16 {
    // Test binaries that run beside each other begin in different places.
    static NEXT: LazyLock<AtomicU32> =
        LazyLock::new(|| AtomicU32::new(std::process::id().wrapping_mul(97) % NUM));
    loop {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % NUM;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
