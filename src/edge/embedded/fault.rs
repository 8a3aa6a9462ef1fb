//! Faults on demand, so that tests can see what the engine does when its event log misbehaves.

use std::sync::Arc;

use tokio::sync::watch;

/// What goes wrong with a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log says no.
    Refuse,
    /// The message is lost and no acknowledgement comes.
    Silent,
    /// The message is stored and its acknowledgement is lost.
    LostAck,
    /// There is no connection. Holds for every subject.
    Disconnected,
}

type Subjects = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The fault that is set, if any. For tests; in a running system it stays empty.
pub(super) struct Switch {
    rule: watch::Sender<Option<(Fault, Subjects)>>,
}

impl Switch {
    pub(super) fn new() -> Self {
        Self { rule: watch::Sender::new(None) }
    }

    pub(super) fn set(&self, rule: Option<(Fault, Subjects)>) {
        self.rule.send_replace(rule);
    }

    /// The fault that a message on `subject` meets now.
    pub(super) fn on(&self, subject: &str) -> Option<Fault> {
        match &*self.rule.borrow() {
            Some((Fault::Disconnected, _)) => Some(Fault::Disconnected),
            Some((fault, subjects)) if subjects(subject) => Some(*fault),
            _ => None,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        connects(&self.rule.borrow())
    }

    pub(super) async fn connected(&self) {
        let mut rule = self.rule.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = rule.wait_for(connects).await;
    }
}

fn connects(rule: &Option<(Fault, Subjects)>) -> bool {
    !matches!(rule, Some((Fault::Disconnected, _)))
}
