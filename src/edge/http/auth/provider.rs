//! Verifies signatures for `jsonwebtoken` with ring, which is in the process for TLS anyway:
//! of the crate's own choices one is a second library in C (aws-lc), the other brings the RSA
//! of RUSTSEC-2023-0071.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// For verification alone; nothing here signs.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the provider of the process, unless it is already.
pub fn install() {
    let _ = RING.install_default();
}

enum Check {
    Hs256(hmac::Key),
    Rs256(DecodingKey),
    Es256(DecodingKey),
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let check = match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => {
            Check::Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa) => Check::Rs256(key.clone()),
        (Algorithm::ES256, AlgorithmFamily::Ec) => Check::Es256(key.clone()),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(check))
}

impl Verifier<Vec<u8>> for Check {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let verified = match self {
            Self::Hs256(key) => hmac::verify(key, message, signature),
            Self::Rs256(key) => match key.kind() {
                DecodingKeyKind::RsaModulusExponent { n, e } => {
                    let key = RsaPublicKeyComponents { n: positive(n), e: positive(e) };
                    key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                }
                DecodingKeyKind::SecretOrDer(der) => {
                    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
                        .verify(message, signature)
                }
            },
            Self::Es256(key) => match key.kind() {
                DecodingKeyKind::SecretOrDer(point) => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .verify(message, signature)
                }
                DecodingKeyKind::RsaModulusExponent { .. } => Err(ring::error::Unspecified),
            },
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::HS256,
            Self::Rs256(_) => Algorithm::RS256,
            Self::Es256(_) => Algorithm::ES256,
        }
    }
}

/// Some issuers write a sign into what has none (RFC 7518, section 6.3.1.1), and ring minds.
fn positive(number: &[u8]) -> &[u8] {
    let num_zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[num_zeros..]
}
