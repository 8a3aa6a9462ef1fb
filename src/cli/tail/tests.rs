//! Streams that are cut, end, break, fall silent and come back.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::cli::Verb as Any;
use crate::cli::admin::fake::{Answer, Fake, TENANT, verb};
use crate::cli::exit;

const IMPATIENCE: Patience = Patience {
    first_retry: Duration::from_millis(1),
    longest_retry: Duration::from_millis(4),
    silence: Duration::from_secs(20),
};

fn args(flags: &str) -> Args {
    let Any::Tail(args) = verb(&format!("tail {flags}")) else { panic!("another verb") };
    args
}

/// What it ends with, what it prints and what it says about it.
async fn follow(fake: &Fake, flags: &str, patience: Patience) -> (anyhow::Error, String, String) {
    let (args, api) = (args(flags), fake.api());
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let ended = Tail {
        api: &api,
        query: args.query(),
        is_json: args.admin.json,
        patience,
        retry: patience.first_retry,
        out: &mut out,
        notes: &mut notes,
    }
    .follow()
    .await;
    let Err(error) = ended;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (error, text(out), text(notes))
}

fn event(name: &str) -> Vec<u8> {
    let data = json!({
        "subject": "character.online", "tenant": TENANT, "character": 12345, "pet": null,
        "at": "2026-11-25T01:02:03Z", "event": { "name": name },
    });
    format!("id: 1\nevent: character.online\ndata: {data}\n\n").into_bytes()
}

/// Ends every script: a token that is no longer accepted.
fn refusal() -> Answer {
    Answer::problem(401, "unauthenticated")
}

#[tokio::test]
async fn an_event_is_a_line_wherever_the_network_cuts_it() {
    let bytes: Vec<u8> =
        [b": hello\n\n".to_vec(), event("Zoë"), b":\n".to_vec(), event("Kino")].concat();
    let in_e = bytes.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    let (one, other) = bytes.split_at(in_e);
    let fake = Fake::start([Answer::Stream(vec![one.to_vec(), other.to_vec()]), refusal()]);
    let (error, text, _) = follow(&fake, "", IMPATIENCE).await;
    assert_eq!(error.to_string(), "No: that unauthenticated (unauthenticated)");
    let line = "2026-11-25T01:02:03.000Z  character.online              character=12345 name=";
    assert_eq!(text, format!("{line}Zoë\n{line}Kino\n"));
}

#[tokio::test]
async fn what_is_asked_for_goes_to_the_process() {
    let fake = Fake::start([refusal()]);
    let flags = format!("--subject pet.> --character n:7 --pet 17 --tenant {TENANT}");
    follow(&fake, &flags, IMPATIENCE).await;
    let expected = format!("GET /admin/events?subject=pet.%3E&character=7&pet=17&tenant={TENANT}");
    assert_eq!(fake.lines(), [expected]);
    let fake = Fake::start([refusal()]);
    follow(&fake, &format!("--character {TENANT}"), IMPATIENCE).await;
    assert_eq!(fake.lines(), [format!("GET /admin/events?character={TENANT}")]);
}

#[tokio::test]
async fn as_json_a_line_is_what_the_process_says() {
    let missed = b"event: missed\ndata: {\"missed\":\ndata:  120}\n\n".to_vec();
    let odd = b"event: x\ndata: {\"z\":1,\"a\":1.50}\n\n".to_vec();
    let fake = Fake::start([Answer::Stream(vec![odd, missed]), refusal()]);
    let (_, text, _) = follow(&fake, "--json", IMPATIENCE).await;
    assert_eq!(text, "{\"z\":1,\"a\":1.50}\n{\"missed\":  120}\n");
}

#[tokio::test]
async fn what_is_missed_is_said_beside_the_events() {
    let missed = b"event: missed\ndata: {\"missed\": 120}\n\n".to_vec();
    let fake = Fake::start([Answer::Stream(vec![missed, event("Kino")]), refusal()]);
    let (_, text, notes) = follow(&fake, "", IMPATIENCE).await;
    assert_eq!(text.lines().count(), 1);
    assert!(notes.contains("menagerie: 120 events are missing"), "{notes}");
}

#[tokio::test]
async fn a_process_that_comes_back_is_heard_again_and_both_are_said_once() {
    let fake = Fake::start([
        // What is not complete is not an event.
        Answer::Stream(vec![event("Zoë"), b"event: x\ndata: {".to_vec()]),
        Answer::Silence,
        Answer::problem(503, "not_serving"),
        Answer::Stream(vec![event("Kino")]),
        refusal(),
    ]);
    let (_, text, notes) = follow(&fake, "", IMPATIENCE).await;
    let names: Vec<_> = text.lines().map(|line| line.rsplit('=').next().unwrap()).collect();
    assert_eq!(names, ["Zoë", "Kino"]);
    let notes: Vec<_> = notes.lines().collect();
    assert_eq!(notes.len(), 3, "{notes:?}");
    let gone =
        format!("menagerie: http://{}: the stream has ended; connecting again", fake.address);
    assert_eq!([notes[0], notes[2]], [&gone, &gone]);
    assert!(notes[1].starts_with("menagerie: connected again; "), "{notes:?}");
    assert_eq!(fake.lines().len(), 5);
}

#[tokio::test]
async fn it_waits_longer_each_time_up_to_a_limit_and_not_so_after_an_event() {
    let heard = || Answer::Stream(vec![event("Zoë")]);
    let next_wait = async |answers: Vec<Answer>| {
        let api = Fake::start(answers).api();
        let mut tail = Tail {
            api: &api,
            query: Vec::new(),
            is_json: false,
            patience: IMPATIENCE,
            retry: IMPATIENCE.first_retry,
            out: &mut Vec::new(),
            notes: &mut Vec::new(),
        };
        tail.follow().await.unwrap_err();
        tail.retry.as_millis()
    };
    let silence = || Answer::Silence;
    assert_eq!(next_wait(vec![heard(), refusal()]).await, 2);
    assert_eq!(next_wait(vec![heard(), silence(), silence(), silence(), refusal()]).await, 4);
    assert_eq!(next_wait(vec![heard(), silence(), silence(), heard(), refusal()]).await, 2);
}

#[tokio::test]
async fn a_stream_without_a_sign_of_life_is_given_up() {
    let fake = Fake::start([Answer::OpenStream(vec![event("Zoë")]), refusal()]);
    let patience = Patience { silence: Duration::from_millis(100), ..IMPATIENCE };
    let (_, text, notes) = follow(&fake, "", patience).await;
    assert_eq!(text.lines().count(), 1);
    assert!(notes.contains("the stream is silent"), "{notes}");
}

#[tokio::test]
async fn a_process_that_is_not_there_at_the_start_ends_with_69() {
    let fake = Fake::start([]);
    let (error, ..) = follow(&fake, "", IMPATIENCE).await;
    assert_eq!(exit::code_of_failure(&error), Exit::Unavailable, "{error:#}");
}

#[tokio::test]
async fn a_process_that_is_not_ready_at_the_start_is_not_waited_for() {
    let fake = Fake::start([Answer::problem(503, "not_serving"), Answer::Stream(Vec::new())]);
    let (error, ..) = follow(&fake, "", IMPATIENCE).await;
    assert_eq!(exit::code_of_failure(&error), Exit::Internal);
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn a_closed_output_ends_it() {
    /// Takes one write.
    struct Once(bool);

    impl Write for Once {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match bytes.contains(&b'\n') && std::mem::replace(&mut self.0, true) {
                true => Err(io::ErrorKind::BrokenPipe.into()),
                false => Ok(bytes.len()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let fake = Fake::start([Answer::OpenStream(vec![event("Zoë"), event("Kino"), event("Momo")])]);
    let api = fake.api();
    let mut tail = Tail {
        api: &api,
        query: Vec::new(),
        is_json: false,
        patience: IMPATIENCE,
        retry: IMPATIENCE.first_retry,
        out: &mut Once(false),
        notes: &mut io::sink(),
    };
    let Err(error) = tail.follow().await;
    let kind = error.downcast_ref().map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::BrokenPipe), "{error:#}");
}
