//! `menagerie healthcheck`: asks the running process, without a shell or curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::ConfigArgs;
use super::exit::{Exit, Failure};

/// Time for connecting, asking and reading the answer, all in all.
const DEADLINE: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read at most; what matters stands in the first line.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  menagerie healthcheck --set admin.listen=127.0.0.1:9090

Exits with 0 if /readyz on admin.listen answers 200, else with 69.")]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Exits with 0 exactly if `/readyz` on `admin.listen` answers 200.
///
/// # Errors
/// A bad configuration; any other answer, or none in time.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let address = admin_address(&args.config)?;
    match probe(address, DEADLINE) {
        Ok(200) => Ok(Exit::Done),
        Ok(status) => {
            Err(Failure::Unavailable(format!("{address}/readyz answers {status}")).into())
        }
        Err(error) => {
            let what = Failure::Unavailable(format!("{address}/readyz does not answer"));
            Err(anyhow::Error::new(error).context(what))
        }
    }
}

/// Where the process that has this configuration is asked.
///
/// # Errors
/// A bad configuration, or one that leaves the port to chance.
pub(super) fn admin_address(config: &ConfigArgs) -> anyhow::Result<SocketAddr> {
    let listen = config.load()?.config.admin.listen;
    if listen.port() == 0 {
        let reason = "admin.listen has port 0, so nobody knows where to ask".to_owned();
        return Err(Failure::Usage(reason).into());
    }
    Ok(reachable(listen))
}

/// Where to reach a listener on this machine: one on all addresses is on loopback too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status of `GET /readyz`.
fn probe(address: SocketAddr, deadline: Duration) -> io::Result<u16> {
    let end = Instant::now() + deadline;
    let left = || {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;

    let mut answer = Vec::new();
    let mut chunk = [0; 512];
    let mut stream = stream.take(MAX_ANSWER_BYTES);
    while !answer.contains(&b'\n') {
        // Set anew each time, so that a server that drips bytes cannot stretch the deadline.
        stream.get_ref().set_read_timeout(Some(left()?))?;
        match stream.read(&mut chunk)? {
            0 => break,
            num_bytes => answer.extend_from_slice(&chunk[..num_bytes]),
        }
    }
    status(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not HTTP"))
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::cli::exit;

    /// A server for one request, which it returns; `None` takes the request and is silent
    /// until the client has gone.
    fn serve(answer: Option<&'static str>) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            let mut rest = String::new();
            while stream.read_line(&mut rest).unwrap() > 2 {}
            match answer {
                Some(answer) => stream.get_mut().write_all(answer.as_bytes()).unwrap(),
                None => drop(stream.read_to_end(&mut Vec::new())),
            }
            request
        });
        (address, server)
    }

    fn healthcheck(address: SocketAddr) -> anyhow::Result<Exit> {
        let flags = vec![("admin.listen".to_owned(), address.to_string())];
        run(&Args { config: ConfigArgs { config: None, flags } })
    }

    #[test]
    fn a_ready_process_is_healthy() {
        let (address, server) = serve(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(healthcheck(address).unwrap(), Exit::Done);
        assert_eq!(server.join().unwrap(), "GET /readyz HTTP/1.1\r\n");
    }

    #[test]
    fn a_process_that_is_not_ready_is_not_healthy() {
        let (address, server) = serve(Some("HTTP/1.1 503 Service Unavailable\r\n\r\nstandby"));
        let error = healthcheck(address).unwrap_err();
        assert_eq!(exit::code_of_failure(&error), Exit::Unavailable);
        assert!(error.to_string().contains("503"), "{error}");
        server.join().unwrap();
    }

    #[test]
    fn a_process_that_is_not_there_is_not_healthy() {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let error = healthcheck(address).unwrap_err();
        assert_eq!(exit::code_of_failure(&error), Exit::Unavailable);
    }

    #[test]
    fn what_is_not_http_is_not_healthy() {
        let (address, server) = serve(Some("220 200 smtp ready\r\n"));
        assert_eq!(probe(address, DEADLINE).unwrap_err().kind(), io::ErrorKind::InvalidData);
        server.join().unwrap();
    }

    #[test]
    fn a_silent_process_is_given_up_at_the_deadline() {
        let (address, server) = serve(None);
        let (done, answer) = mpsc::channel();
        thread::spawn(move || done.send(probe(address, Duration::from_millis(50))).unwrap());
        let error = answer.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock));
        server.join().unwrap();
    }

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.0.0.7:1", "10.0.0.7:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
