//! Reads the keys that `auth.jwt` names.
//!
//! The kind of a key fixes the algorithm, whatever the header of a token says: a secret is for
//! HS256, an RSA key for RS256, a P-256 key for ES256 (RFC 8725, section 3.1).

use std::fmt;
use std::path::Path;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};

use super::Jwt;

/// RFC 7518, section 3.2.
const MIN_SECRET_BYTES: usize = 32;
/// RFC 7518, section 3.3: 2048 bits. The upper end is what the verifier takes.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// An uncompressed point on P-256.
const POINT_BYTES: usize = 65;

/// A key that tokens of players are verified with.
#[derive(Clone)]
pub struct Key {
    /// Its `kid`, which only a JWKS has.
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// Why there are no keys. Whoever reloads keeps those it has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct KeyError {
    /// The configuration's key.
    pub key: &'static str,
    /// Quotes no key material.
    pub reason: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.algorithm, self.id)
    }
}

/// The keys that are configured; none if players have no tokens.
///
/// # Errors
/// A file that cannot be read, or that holds no key that can be used; a secret that is too
/// short.
pub fn load(jwt: &Jwt) -> Result<Vec<Key>, KeyError> {
    if let Some(secret) = &jwt.secret {
        let secret = secret.expose().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            let reason = format!("must have at least {MIN_SECRET_BYTES} bytes");
            return Err(KeyError { key: "auth.jwt.secret", reason });
        }
        let key = DecodingKey::from_secret(secret);
        return Ok(vec![Key { id: None, algorithm: Algorithm::HS256, key }]);
    }
    if let Some(path) = &jwt.public_key_file {
        return read("auth.jwt.public_key_file", path, |text| pem(text).map(|key| vec![key]));
    }
    if let Some(path) = &jwt.jwks_file {
        return read("auth.jwt.jwks_file", path, jwks);
    }
    Ok(Vec::new())
}

fn read(
    key: &'static str,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<Vec<Key>, String>,
) -> Result<Vec<Key>, KeyError> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| parse(&text))
        .map_err(|reason| KeyError { key, reason: format!("{}: {reason}", path.display()) })
}

fn pem(text: &str) -> Result<Key, String> {
    if text.contains("PRIVATE KEY-----") {
        return Err("is a private key; only its public half belongs here".to_owned());
    }
    // Not a certificate: in one the parser would take whatever comes first for the key.
    if !["PUBLIC", "RSA PUBLIC"]
        .iter()
        .any(|kind| text.contains(&format!("-----BEGIN {kind} KEY-----")))
    {
        return Err("has no `-----BEGIN PUBLIC KEY-----`".to_owned());
    }
    let (algorithm, key) = match DecodingKey::from_rsa_pem(text.as_bytes()) {
        Ok(key) => (Algorithm::RS256, key),
        Err(_) => match DecodingKey::from_ec_pem(text.as_bytes()) {
            Ok(key) => (Algorithm::ES256, key),
            Err(_) => return Err("is no key of RS256 (RSA) or ES256 (P-256)".to_owned()),
        },
    };
    sound(algorithm, &key)?;
    Ok(Key { id: None, algorithm, key })
}

/// Keys of other kinds and for other uses are none of our business (RFC 7517, section 5);
/// a key that should be ours and is broken is.
fn jwks(text: &str) -> Result<Vec<Key>, String> {
    let set: JwkSet =
        serde_json::from_str(text).map_err(|error| format!("is not a JWKS: {error}"))?;
    let mut keys = Vec::new();
    for (index, jwk) in set.keys.iter().enumerate() {
        let Some(algorithm) = algorithm(jwk) else { continue };
        let key = DecodingKey::from_jwk(jwk).map_err(|error| error.to_string());
        let key = key.and_then(|key| sound(algorithm, &key).map(|()| key));
        let key = key.map_err(|reason| format!("key {} {reason}", index + 1))?;
        keys.push(Key { id: jwk.common.key_id.clone(), algorithm, key });
    }
    match keys.is_empty() {
        true => Err("has no key of RS256 (RSA) or ES256 (P-256) for signatures".to_owned()),
        false => Ok(keys),
    }
}

/// What a key of a set is for, if it is for what we verify. Never a secret: a set is public.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|stated| stated == named).then_some(algorithm)
}

/// Sizes are looked at here, the rest shows at the first token.
fn sound(algorithm: Algorithm, key: &DecodingKey) -> Result<(), String> {
    match (algorithm, key.kind()) {
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) if point.len() == POINT_BYTES => {
            Ok(())
        }
        (Algorithm::ES256, _) => Err("is not an uncompressed point on P-256".to_owned()),
        (_, DecodingKeyKind::RsaModulusExponent { n, .. }) if MODULUS_BYTES.contains(&n.len()) => {
            Ok(())
        }
        // Two integers, a few bytes of framing: the modulus is nearly all of it.
        (_, DecodingKeyKind::SecretOrDer(der)) if der.len() >= *MODULUS_BYTES.start() + 10 => {
            Ok(())
        }
        _ => Err("is an RSA key of less than 2048 bits".to_owned()),
    }
}

#[cfg(test)]
mod tests;
