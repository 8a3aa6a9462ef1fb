//! Claims: what an open round decides about, and the requests that wait for it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::Ask;
use crate::engine::request::{Claim, Claims};

/// The claims of all requests between their gathering and their commit. Bounded, as the
/// requests are.
#[derive(Default)]
pub struct Book {
    held: FxHashMap<Claim, VecDeque<Ask>>,
}

impl Book {
    /// Lays the request's claims, or lets it wait for the first of them that is held.
    pub fn lay(&mut self, ask: Ask) -> Option<Ask> {
        let is_held = |claim: &&Claim| self.held.contains_key(*claim);
        match ask.errand.claims.iter().find(is_held).cloned() {
            Some(claim) => {
                self.held.entry(claim).or_default().push_back(ask);
                None
            }
            None => {
                for claim in &ask.errand.claims {
                    self.held.insert(claim.clone(), VecDeque::new());
                }
                Some(ask)
            }
        }
    }

    /// Gives claims back. Answers with who waited for them, in order.
    pub fn release(&mut self, claims: Claims) -> VecDeque<Ask> {
        let waiting = claims.iter().filter_map(|claim| self.held.remove(claim));
        waiting.flatten().collect()
    }
}
