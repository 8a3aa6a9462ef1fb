//! The clockwork: tells the supervisor whose hunger or expiry is due, and when to tend the
//! lease and the idle.
//!
//! Each character is due on its own, so the work is spread over the interval. It holds
//! hints only: what is due is decided by the owner's step, from what stands in SQL.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle};
use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use super::supervisor::{Due, Tend};
use crate::domain::CharacterKey;
use crate::telemetry::mailbox::{Envelope, Kind, MessageKind};
use crate::telemetry::metrics::METRICS;

/// Longest sleep: what is due later is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Most characters woken at once; the rest follow at the next turn of the loop.
const MAX_DUE: usize = 1_024;

/// Where the clock's hints go.
#[derive(Clone)]
pub struct Strikes {
    pub due: Recipient<Due>,
    pub tend: Recipient<Tend>,
}

#[derive(Default)]
pub struct Clockwork {
    strikes: Option<Strikes>,
    due: BTreeSet<(DateTime<Utc>, CharacterKey)>,
    /// The instant each key stands under in `due`.
    instants: FxHashMap<CharacterKey, DateTime<Utc>>,
    alarm: Option<(DateTime<Utc>, SpawnHandle)>,
}

/// Starts the clock. Until then it only listens, so that a restore fires nothing early.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wind {
    pub strikes: Strikes,
    pub tend_every: Duration,
    pub renew_after: Duration,
    pub envelope: Envelope,
}

/// When each of these characters is due; `None` takes it off the clock.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Schedule {
    pub due: Vec<(CharacterKey, Option<DateTime<Utc>>)>,
    pub envelope: Envelope,
}

impl Clockwork {
    fn set(&mut self, key: CharacterKey, at: Option<DateTime<Utc>>) {
        if let Some(before) = self.instants.remove(&key) {
            self.due.remove(&(before, key));
        }
        if let Some(at) = at {
            self.instants.insert(key, at);
            self.due.insert((at, key));
        }
    }

    /// Sets the alarm to the earliest instant, if it is not set to it already.
    fn set_alarm(&mut self, context: &mut Context<Self>) {
        let Some((earliest, _)) = self.due.first().copied() else { return };
        if self.strikes.is_none() || self.alarm.is_some_and(|(at, _)| at <= earliest) {
            return;
        }
        if let Some((_, alarm)) = self.alarm.take() {
            context.cancel_future(alarm);
        }
        let sleep = (earliest - Utc::now()).to_std().unwrap_or_default().min(LONGEST_SLEEP);
        let alarm = context.run_later(sleep, |this, context| {
            this.alarm = None;
            this.strike();
            this.set_alarm(context);
        });
        self.alarm = Some((earliest, alarm));
    }

    fn strike(&mut self) {
        let now = Utc::now();
        let mut keys = Vec::new();
        while let Some((at, key)) = self.due.first().copied()
            && at <= now
            && keys.len() < MAX_DUE
        {
            if keys.is_empty() {
                let late = (now - at).as_seconds_f64();
                METRICS.tick_lag_seconds.set(late);
            }
            self.set(key, None);
            keys.push(key);
        }
        if let Some(strikes) = &self.strikes
            && !keys.is_empty()
        {
            strikes.due.do_send(Due { keys, envelope: Envelope::seal(Kind::Supervisor) });
        }
    }
}

impl Actor for Clockwork {
    type Context = Context<Self>;
}

impl Handler<Wind> for Clockwork {
    type Result = ();

    fn handle(&mut self, message: Wind, context: &mut Context<Self>) {
        let Wind { strikes, tend_every, renew_after, mut envelope } = message;
        let _handling = envelope.open(MessageKind::Wind);
        let tend = strikes.tend.clone();
        context.run_interval(tend_every, move |_, _| {
            tend.do_send(Tend { renew_after, envelope: Envelope::seal(Kind::Supervisor) });
        });
        self.strikes = Some(strikes);
        self.set_alarm(context);
    }
}

impl Handler<Schedule> for Clockwork {
    type Result = ();

    fn handle(&mut self, mut message: Schedule, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Schedule);
        for (key, at) in message.due {
            self.set(key, at);
        }
        self.set_alarm(context);
    }
}
