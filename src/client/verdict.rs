//! What a handler says of an event.

use std::fmt::Display;
use std::time::Duration;

/// What becomes of an event that was handed to a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is acknowledged and does not come again.
    Done,
    /// It comes again after the subscription's [`Backoff`], or after `after`.
    Retry { reason: String, after: Option<Duration> },
    /// It is told to the hook for abandoned events and does not come again.
    GiveUp { reason: String },
}

/// What handlers may return: nothing, a [`Verdict`], or a result. An error means
/// [`Verdict::Retry`].
pub trait IntoVerdict {
    fn into_verdict(self) -> Verdict;
}

impl IntoVerdict for () {
    fn into_verdict(self) -> Verdict {
        Verdict::Done
    }
}

impl IntoVerdict for Verdict {
    fn into_verdict(self) -> Verdict {
        self
    }
}

impl<T: IntoVerdict, E: Display> IntoVerdict for Result<T, E> {
    fn into_verdict(self) -> Verdict {
        match self {
            Ok(value) => value.into_verdict(),
            // The alternate form shows the causes of those errors that know them.
            Err(error) => Verdict::Retry { reason: format!("{error:#}"), after: None },
        }
    }
}

/// The wait before an event is delivered again: doubled at each delivery, up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first delivery. At least a nanosecond is waited.
    pub first: Duration,
    pub max: Duration,
}

impl Default for Backoff {
    /// From half a second to half a minute.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), max: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The same wait each time.
    pub fn constant(wait: Duration) -> Self {
        Self { first: wait, max: wait }
    }

    /// The wait after delivery number `num_deliveries`, from 1.
    pub fn after(&self, num_deliveries: u64) -> Duration {
        let doublings = u32::try_from(num_deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max).max(Duration::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(5) };
        let waits = [1, 2, 3, 4, 1_000_000].map(|delivery| backoff.after(delivery).as_secs());
        assert_eq!(waits, [1, 2, 4, 5, 5]);
    }

    #[test]
    fn handlers_answer_as_they_like() {
        assert_eq!(().into_verdict(), Verdict::Done);
        assert_eq!(Ok::<_, &str>(()).into_verdict(), Verdict::Done);
        let reason = || "no room".to_owned();
        let retry = Verdict::Retry { reason: reason(), after: None };
        assert_eq!(Err::<(), _>("no room").into_verdict(), retry);
        let give_up = Verdict::GiveUp { reason: reason() };
        assert_eq!(Ok::<_, &str>(give_up.clone()).into_verdict(), give_up);
    }
}
