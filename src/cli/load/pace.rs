//! The open loop: records are sent when they are due, whatever the service does; those that come
//! due while the broker has others to acknowledge, together after that. Latencies count from due.

use std::time::{Duration, Instant};

use super::report::{Latency, Report};
use super::{Load, Sent};
use crate::sim::{Crowd, Reader};

impl Load<'_> {
    /// Sends at a rate and reads the events back as they come.
    pub(super) fn pace(&self, crowd: &mut Crowd, rate: u32) -> anyhow::Result<(Report, Reader)> {
        let reader = self.read_from(&self.announced()?)?;
        let started = Instant::now();
        let mut sent = Sent::default();
        let num_records = (self.args.duration.as_secs_f64() * f64::from(rate)) as u64;
        for number in 0..num_records {
            let due = started + Duration::from_secs_f64(number as f64 / f64::from(rate));
            // What is due by now goes out together, as of a producer that batches.
            if Instant::now() < due {
                self.sender.settle();
                self.sender.serve_until(due);
            }
            self.send_one(crowd, due, &mut sent)?;
        }
        let sending = started.elapsed();
        self.sender.flush()?;
        self.await_books();
        let is_stalled = sent.num_steps > 0 && self.await_lag()?.is_stalled;
        let report = Report {
            mode: "paced",
            awards: sent.num_awards,
            spawns: sent.num_moves,
            tricks: sent.num_tricks,
            steps: sent.num_steps,
            seconds: sending.as_secs_f64(),
            records_per_second: num_records as f64 / sending.as_secs_f64(),
            latency_ms: (sent.num_awards > 0).then(|| Latency::from(&*self.books.lock())),
            is_stalled,
            ..Report::default()
        };
        Ok((report, reader))
    }
}
