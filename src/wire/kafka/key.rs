//! Keys of the records we produce.

/// The key of a record about number `id` (pet status: the owner's): its low 32 bits
/// little-endian, then four zero bytes (`spec/rules.md` section 4).
pub fn key(id: u32) -> [u8; 8] {
    u64::from(id).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_little_endian_and_padded_with_zeros() {
        assert_eq!(key(12_345), [0x39, 0x30, 0, 0, 0, 0, 0, 0]);
        assert_eq!(key(u32::MAX), [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    }
}
