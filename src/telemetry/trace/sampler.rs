//! Which inputs are traced.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::telemetry::metrics::METRICS;
use crate::wire::trace::TraceParent;

/// Inputs traced in a second at most, however many their senders want traced: each has about
/// five spans.
const MAX_PER_SECOND: u32 = 512;
const SAMPLED: u8 = 1;
/// The trace id is random (W3C Trace Context Level 2).
const RANDOM: u8 = 2;

/// Parent based: a sender's decision holds, and a share of what begins here is traced.
pub(super) struct Sampler {
    /// Of 2^63; what is drawn below it is traced.
    threshold: u64,
    /// Since when the present second runs, and how many it has had.
    second: Mutex<(Instant, u32)>,
}

impl Sampler {
    /// `ratio`: 0 for nothing, 1 for everything that comes without a decision.
    pub fn new(ratio: f64) -> Self {
        let threshold = (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
        Self { threshold, second: Mutex::new((Instant::now(), 0)) }
    }

    pub fn sample(&self, incoming: Option<TraceParent>) -> Option<TraceParent> {
        let context = match incoming {
            Some(parent) if parent.is_sampled() => parent.child(span_id()),
            Some(_) => return None,
            None => {
                let id = rand::random::<u128>();
                // As OpenTelemetry's samplers do: by the low half of the trace's id.
                let lot = id as u64 >> 1;
                let context = TraceParent {
                    trace_id: (id | 1 << 127).to_be_bytes(),
                    span_id: span_id(),
                    flags: SAMPLED | RANDOM,
                };
                (lot < self.threshold).then_some(context)?
            }
        };
        let is_admitted = self.admit(Instant::now());
        if !is_admitted {
            METRICS.trace.dropped.with_label_values(&["rate"]).inc();
        }
        is_admitted.then_some(context)
    }

    fn admit(&self, now: Instant) -> bool {
        let mut second = self.second.lock();
        if now.saturating_duration_since(second.0) >= Duration::from_secs(1) {
            *second = (now, 0);
        }
        second.1 += 1;
        second.1 <= MAX_PER_SECOND
    }
}

/// A new one; never all zero.
pub(crate) fn span_id() -> [u8; 8] {
    rand::random::<u64>().max(1).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SENT: TraceParent = TraceParent { trace_id: [7; 16], span_id: [8; 8], flags: 1 };

    #[test]
    fn a_senders_decision_holds_whatever_the_ratio() {
        let sampled = Sampler::new(0.0).sample(Some(SENT)).unwrap();
        assert_eq!((sampled.trace_id, sampled.flags), (SENT.trace_id, 1));
        assert_ne!(sampled.span_id, SENT.span_id);
        assert_eq!(Sampler::new(1.0).sample(Some(TraceParent { flags: 2, ..SENT })), None);
    }

    #[test]
    fn the_ratio_is_the_share_of_new_traces() {
        assert_eq!(Sampler::new(0.0).sample(None), None);
        let root = Sampler::new(1.0).sample(None).unwrap();
        assert!(root.is_sampled() && TraceParent::parse(&root.to_bytes()) == Some(root));
        let sampler = Sampler::new(0.1);
        let drawn = (0..2_000).filter(|_| sampler.sample(None).is_some()).count();
        assert!((100..=320).contains(&drawn), "{drawn} of 2,000");
    }

    #[test]
    fn no_more_than_a_bound_is_traced_in_a_second() {
        let sampler = Sampler::new(1.0);
        let begin = Instant::now();
        let admitted = (0..2 * MAX_PER_SECOND).filter(|_| sampler.admit(begin)).count();
        assert_eq!(admitted, MAX_PER_SECOND as usize);
        assert!(sampler.admit(begin + Duration::from_secs(2)));
    }
}
