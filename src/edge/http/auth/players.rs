//! JWTs of players (RFC 7519, with the advice of RFC 8725).

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use uuid::Uuid;

use super::{provider, unknown_token};
use crate::config::Jwt;
use crate::config::jwt::{Key, KeyError, load};
use crate::edge::http::error::{Code, Error};

/// Verifies tokens, and reads its keys again when it is told to.
pub struct Players {
    config: Jwt,
    keys: ArcSwap<Vec<Key>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
}

impl Players {
    /// None if no key is configured.
    ///
    /// # Errors
    /// See [`load`].
    pub fn new(config: &Jwt) -> Result<Option<Self>, KeyError> {
        provider::install();
        let keys = load(config)?;
        let has_keys = !keys.is_empty();
        Ok(has_keys.then(|| Self { config: config.clone(), keys: ArcSwap::from_pointee(keys) }))
    }

    /// Reads the key file again, and says whether there is one.
    ///
    /// # Errors
    /// See [`load`]; the old keys stay.
    pub fn reload(&self) -> Result<bool, KeyError> {
        if self.config.secret.is_some() {
            return Ok(false);
        }
        self.keys.store(Arc::new(load(&self.config)?));
        Ok(true)
    }

    /// The user whom a token is for.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`]. Only who sent a token with a good signature hears what else
    /// is wrong with it.
    pub fn user(&self, token: &str) -> Result<Uuid, Error> {
        let header = decode_header(token).map_err(|_| unknown_token())?;
        // What must be understood and is not (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(unknown_token());
        }
        let keys = self.keys.load();
        let candidates = keys.iter().filter(|key| {
            // A key without an id, or a token that names none, leaves the choice open.
            let is_meant = match (&key.id, &header.kid) {
                (Some(id), Some(named)) => id == named,
                _ => true,
            };
            is_meant && key.algorithm == header.alg
        });
        let mut answer = Err(unknown_token());
        for key in candidates {
            match decode::<Claims>(token, &key.key, &self.validation(key)) {
                Ok(token) => return user(&token.claims),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                Err(error) => answer = Err(refusal(error.kind())),
            }
        }
        answer
    }

    /// One algorithm, the key's; never the token's choice.
    fn validation(&self, key: &Key) -> Validation {
        let Jwt { issuer, audience, leeway, .. } = &self.config;
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = leeway.as_secs();
        validation.validate_nbf = true;
        validation.validate_aud = audience.is_some();
        // Set is not enough: without these, a token that lacks the claim would do.
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// Nil stands for no user in the database, so nobody may be it.
fn user(claims: &Claims) -> Result<Uuid, Error> {
    let user = claims.sub.as_deref().and_then(|sub| Uuid::try_parse(sub).ok());
    let user = user.filter(|user| !user.is_nil());
    user.ok_or_else(|| Error::new(Code::Unauthenticated, "`sub` of the token is not a user's id"))
}

fn refusal(kind: &ErrorKind) -> Error {
    let detail = match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks a claim, or has a wrong one",
        _ => return unknown_token(),
    };
    Error::new(Code::Unauthenticated, detail)
}

#[cfg(test)]
mod tests;
