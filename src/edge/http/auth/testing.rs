//! Tokens, and keys to sign them with. The RSA keys in `testing/` are for tests only, ring
//! makes none; P-256 keys are made anew in each test.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub const SECRET: &str = "a secret of players, test-only, not short";
pub const RSA_PUBLIC: &str = include_str!("testing/test-only-rsa-public.pem");
pub const RSA_PUBLIC_PKCS1: &str = include_str!("testing/test-only-rsa-public-pkcs1.pem");
pub const RSA_PRIVATE: &str = include_str!("testing/test-only-rsa-private.pem");
pub const USER: &str = "6f1b9c0e-8d65-4d0e-9f5c-3a8a4c2f7b11";

/// What DER puts before the point of a P-256 key (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What signs a token.
pub enum Signer {
    Hs256(Vec<u8>),
    Rs256(Box<RsaKeyPair>),
    Es256(Box<EcdsaKeyPair>),
}

impl Signer {
    pub fn hs256() -> Self {
        Self::Hs256(SECRET.into())
    }

    pub fn rs256() -> Self {
        let body: String = RSA_PRIVATE.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        Self::Rs256(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
    }

    /// With a key of its own.
    pub fn es256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
        Self::Es256(Box::new(key))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
        }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256(key) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
            }
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// A token with this header.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({"alg": self.algorithm(), "typ": "JWT"}), claims)
    }

    /// A token that names its key.
    pub fn sign_with_id(&self, id: &str, claims: &Value) -> String {
        self.sign_as(&json!({"alg": self.algorithm(), "kid": id}), claims)
    }

    /// The public key as PEM.
    pub fn pem(&self) -> String {
        let Self::Es256(key) = self else { return RSA_PUBLIC.to_owned() };
        let mut der = P256_PREFIX.to_vec();
        der.extend_from_slice(key.public_key().as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    /// The public key as a JWK. RSA's modulus has the sign that some issuers leave in.
    pub fn jwk(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Hs256(key) => json!({"kty": "oct", "kid": id, "k": text(key)}),
            Self::Rs256(key) => {
                // RSAPublicKey of 2048 bits: two headers, the modulus, a header, the exponent.
                let der = key.public_key().as_ref();
                let (n, e) = (text(&der[8..265]), text(&der[267..]));
                json!({"kty": "RSA", "kid": id, "use": "sig", "n": n, "e": e})
            }
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "kid": id, "crv": "P-256", "x": text(x), "y": text(y)})
            }
        }
    }
}

/// Seconds since 1970, these from now.
pub fn in_seconds(seconds: i64) -> i64 {
    Utc::now().timestamp() + seconds
}

/// Of a user's token that is good for a while.
pub fn claims() -> Value {
    json!({"sub": USER, "exp": in_seconds(600)})
}

/// An entry of `auth.tokens`; the token is the name.
pub fn entry(name: &str, role: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:{role}:{hash}")
}
