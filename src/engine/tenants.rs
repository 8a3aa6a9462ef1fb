//! One allocation per tenant, however many records and characters name it.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use crate::domain::Tenant;

/// Tenants remembered. Whoever sends more is sending nonsense, and pays with allocations.
const MAX_TENANTS: usize = 4_096;

/// The tenants seen by this process, as far as they are few.
#[derive(Default)]
pub struct Tenants {
    seen: Mutex<FxHashSet<Arc<Tenant>>>,
}

impl Tenants {
    /// The one shared copy of this tenant.
    pub fn intern(&self, tenant: Tenant) -> Arc<Tenant> {
        let mut seen = self.seen.lock();
        if let Some(known) = seen.get(&tenant) {
            return Arc::clone(known);
        }
        if seen.len() >= MAX_TENANTS {
            seen.clear();
        }
        let tenant = Arc::new(tenant);
        seen.insert(Arc::clone(&tenant));
        tenant
    }
}
