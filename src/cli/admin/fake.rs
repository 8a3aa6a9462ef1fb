//! A process that answers as the contract has it, one scripted answer a connection.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use clap::Parser;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{AdminArgs, Api};
use crate::cli::Verb;

pub(in crate::cli) const TENANT: &str = "083839c6-c47c-42a6-9585-76492795d123";

/// What it says to one request, and then closes.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Answer {
    Full {
        status: u16,
        content_type: &'static str,
        body: String,
    },
    /// Pieces of a stream, sent one by one, which then ends.
    Stream(Vec<Vec<u8>>),
    /// The same, but open until the client goes.
    OpenStream(Vec<Vec<u8>>),
    /// Nothing: the connection is closed.
    Silence,
}

/// What it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Asked {
    /// Such as `GET /admin/outbox`.
    pub(in crate::cli) line: String,
    pub(in crate::cli) authorization: Option<String>,
    pub(in crate::cli) body: String,
}

pub(in crate::cli) struct Fake {
    pub(in crate::cli) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Answer {
    pub(in crate::cli) fn ok(body: &Value) -> Self {
        Self::raw(&body.to_string())
    }

    pub(in crate::cli) fn raw(body: &str) -> Self {
        Self::Full { status: 200, content_type: "application/json", body: body.to_owned() }
    }

    pub(in crate::cli) fn nothing() -> Self {
        Self::Full { status: 204, content_type: "application/json", body: String::new() }
    }

    /// A problem whose detail is `that <code>`.
    pub(in crate::cli) fn problem(status: u16, code: &str) -> Self {
        let problem = json!({
            "type": "about:blank", "title": "No", "status": status, "detail": format!("that {code}"),
            "code": code, "request_id": "r",
        });
        let content_type = "application/problem+json";
        Self::Full { status, content_type, body: problem.to_string() }
    }

    /// Whether the connection ends with it.
    fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::Full { status, content_type, body } => {
                let length = match status {
                    204 => String::new(),
                    _ => format!(
                        "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
                        body.len()
                    ),
                };
                let head = format!("HTTP/1.1 {status} X\r\n{length}Connection: close\r\n\r\n");
                stream.write_all((head + body).as_bytes())
            }
            Self::Stream(pieces) | Self::OpenStream(pieces) => {
                stream.set_nodelay(true)?;
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
                )?;
                pieces.iter().try_for_each(|piece| stream.write_all(piece))?;
                match self {
                    Self::OpenStream(_) => stream.read_to_end(&mut Vec::new()).map(drop),
                    _ => Ok(()),
                }
            }
            Self::Silence => Ok(()),
        }
    }
}

impl Fake {
    /// Answers with these in turn; afterwards nobody is there any more.
    pub(in crate::cli) fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Vec<_> = answers.into_iter().collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let book = Arc::clone(&asked);
        thread::spawn(move || {
            let mut answers = answers.into_iter().peekable();
            let mut listener = Some(listener);
            while let Some(answer) = answers.next() {
                let mut stream = listener.as_ref().unwrap().accept().unwrap().0;
                if answers.peek().is_none() {
                    listener = None;
                }
                book.lock().push(read(&mut stream));
                // The client may be gone already.
                let _ = answer.write(&mut stream);
            }
        });
        Self { address, asked }
    }

    pub(in crate::cli) fn api(&self) -> Api {
        Api::new(&self.address.to_string(), None).unwrap()
    }

    pub(in crate::cli) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Asked { line, authorization, body: String::from_utf8(body).unwrap() }
}

/// The verb a command line means. Nothing of the environment is asked for.
pub(in crate::cli) fn verb(line: &str) -> Verb {
    let words = ["menagerie"].into_iter().chain(line.split_whitespace());
    crate::cli::Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).verb
}

/// The arguments that verbs share, from a line of flags.
pub(in crate::cli) fn admin_args(flags: &str) -> AdminArgs {
    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        admin: AdminArgs,
    }
    let words = ["menagerie"].into_iter().chain(flags.split_whitespace());
    Only::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).admin
}
