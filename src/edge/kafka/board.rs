//! Where each partition stands, for people and for the lag.

use std::sync::Arc;

use parking_lot::Mutex;

use super::partitions::Assigned;
use crate::engine::port::PartitionState;
use crate::engine::record::{Partition, Progress};
use crate::telemetry::metrics::METRICS;

/// Written by the intake's thread, read by anybody.
#[derive(Default)]
pub struct Board(Mutex<Vec<PartitionState>>);

impl Board {
    pub fn states(&self) -> Vec<PartitionState> {
        self.0.lock().clone()
    }

    /// Takes up partitions that are not here yet.
    pub fn take_up<'p>(&self, assigned: impl Iterator<Item = &'p Assigned>) {
        let mut states = self.0.lock();
        for assigned in assigned {
            if states.iter().all(|known| known.source != assigned.source) {
                states.push(PartitionState {
                    source: Arc::clone(&assigned.source),
                    position: assigned.next_offset,
                    next_offset: assigned.next_offset,
                    end: None,
                });
                let partition = assigned.source.partition.to_string();
                let labels = [&*assigned.source.topic, &partition];
                METRICS.intake.paused.with_label_values(&labels).set(0);
            }
        }
    }

    pub fn read(&self, progress: &[Progress]) {
        for Progress { source, next_offset } in progress {
            self.note(source, |state| state.position = *next_offset);
        }
    }

    pub fn committed(&self, progress: &[Progress]) {
        for Progress { source, next_offset } in progress {
            self.note(source, |state| state.next_offset = *next_offset);
        }
    }

    /// The log no longer has what was to be read next, and ends at `end`.
    pub fn begin_again(&self, at: &Progress, end: i64) {
        self.committed(std::slice::from_ref(at));
        self.ends(&at.source, end);
    }

    /// The offsets committed in SQL, of the partitions of which anything is known.
    pub fn committed_so_far(&self) -> Vec<Progress> {
        let states = self.0.lock();
        let known = states.iter().filter(|state| state.next_offset > 0);
        let progress = known.map(|state| Progress {
            source: Arc::clone(&state.source),
            next_offset: state.next_offset,
        });
        progress.collect()
    }

    /// A partition ends there now: it was asked.
    pub fn ends(&self, source: &Partition, end: i64) {
        self.note(source, |state| {
            state.end = Some(end);
            state.show_lag();
        });
    }

    /// Where partitions ended when the client last heard of it, negative until it has.
    pub fn told(&self, mut end: impl FnMut(&Arc<Partition>) -> Option<i64>) {
        for state in &mut *self.0.lock() {
            let end = end(&state.source).filter(|end| *end >= 0);
            // Never backwards: while it is paused the end is asked for, and not told here.
            state.end = state.end.max(end);
            state.show_lag();
        }
    }

    fn note(&self, source: &Partition, change: impl FnOnce(&mut PartitionState)) {
        if let Some(state) = self.0.lock().iter_mut().find(|known| *known.source == *source) {
            change(state);
        }
    }
}
