//! The greatest number that each tenant has given a character, as far as this process saw it.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::domain::{CharacterId, CharacterKey, TenantId};

/// Tenants remembered. Of one that was forgotten the numbers kept at hand may be passed.
const MAX_TENANTS: usize = 65_536;

/// Written when a round is committed, and before anybody hears of it: whoever knows a number
/// and then asks for another one gets a greater one.
#[derive(Default)]
pub struct Numbers(Mutex<FxHashMap<TenantId, CharacterId>>);

impl Numbers {
    pub fn committed(&self, characters: impl Iterator<Item = CharacterKey>) {
        let mut greatest = self.0.lock();
        for CharacterKey { tenant, character } in characters {
            if greatest.len() >= MAX_TENANTS && !greatest.contains_key(&tenant) {
                greatest.clear();
            }
            let known = greatest.entry(tenant).or_insert(character);
            *known = character.max(*known);
        }
    }

    pub fn greatest(&self, tenant: TenantId) -> Option<CharacterId> {
        self.0.lock().get(&tenant).copied()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_tenant_has_its_own_greatest_number() {
        let key = |tenant: u128, character| CharacterKey {
            tenant: TenantId(Uuid::from_u128(tenant)),
            character: CharacterId(character),
        };
        let numbers = Numbers::default();
        numbers.committed([key(1, 5), key(1, 9), key(2, 7), key(1, 8)].into_iter());
        numbers.committed([key(1, 6)].into_iter());
        let greatest = |tenant| numbers.greatest(TenantId(Uuid::from_u128(tenant)));
        let expected = [Some(CharacterId(9)), Some(CharacterId(7)), None];
        assert_eq!([greatest(1), greatest(2), greatest(3)], expected);
    }
}
