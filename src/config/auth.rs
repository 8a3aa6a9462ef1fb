//! The section about who may call. Tokens are known by their hashes only.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::values::{Humantime, REDACTED, Secret};

/// Longest name of a token; names stand in the log of what operators did.
const MAX_NAME_BYTES: usize = 64;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Tokens for `Authorization: Bearer`: a list of `{ name = "shop", role = "service", sha256
    /// = "…" }`. The role `service` is for the game API and acts for any user; `viewer` reads
    /// on the operator's API, `operator` changes there too. The hash is SHA-256 of the token in
    /// hexadecimal, as `printf %s "$TOKEN" | sha256sum` gives it; the token has to be a long
    /// random one. In an environment variable: `name:role:sha256` separated by commas or line
    /// ends.
    pub tokens: Tokens,
    /// Tokens of players (JWT): who sends one sees and changes the characters of the user in
    /// `sub` only. `exp` is required, and `nbf` is heeded.
    pub jwt: Jwt,
}

impl Auth {
    /// Whether callers of the game API need credentials.
    pub fn guards_game(&self) -> bool {
        let Jwt { secret, public_key_file, jwks_file, .. } = &self.jwt;
        secret.is_some()
            || public_key_file.is_some()
            || jwks_file.is_some()
            || self.tokens.iter().any(|token| token.role == Role::Service)
    }

    /// Whether callers of the operator's API need credentials.
    pub fn guards_admin(&self) -> bool {
        self.tokens.iter().any(|token| token.role != Role::Service)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// Key of HS256 tokens, at least 32 bytes.
    #[schemars(example = &"a secret of 32 bytes, or longer.")]
    pub secret: Option<Secret>,
    /// PEM file with the public key of RS256 tokens (RSA, 2048 bits or more) or of ES256
    /// tokens (P-256); instead of a secret. Read again on SIGHUP.
    #[schemars(example = &"/etc/menagerie/players.pem")]
    pub public_key_file: Option<PathBuf>,
    /// JWKS file with such public keys, of which `kid` chooses; instead of a secret. Other
    /// keys in it are left out. Read again on SIGHUP.
    #[schemars(example = &"/etc/menagerie/players.jwks.json")]
    pub jwks_file: Option<PathBuf>,
    /// What `iss` must be. Unset: anything.
    #[schemars(example = &"https://login.example.com")]
    pub issuer: Option<String>,
    /// What `aud` must be, or contain. Unset: anything.
    #[schemars(example = &"menagerie")]
    pub audience: Option<String>,
    /// How far the clock of the issuer may be off, at most 1h.
    #[serde(with = "Humantime")]
    pub leeway: Duration,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            secret: None,
            public_key_file: None,
            jwks_file: None,
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(30),
        }
    }
}

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The game API, for any user.
    Service,
    /// Reading on the operator's API.
    Viewer,
    /// Reading and changing on the operator's API.
    Operator,
}

/// SHA-256 of a token. Shown nowhere: a token that is too short could be found from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Token {
    /// Unique; 1 to 64 of `a-z A-Z 0-9 . _ -`.
    pub name: String,
    pub role: Role,
    pub sha256: Digest,
}

/// Tokens with distinct names and distinct hashes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.0.iter()
    }
}

impl Digest {
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(REDACTED)
    }
}

/// A token as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    List(Vec<Entry>),
}

const NO_LIST: &str =
    "is neither a list of { name, role, sha256 } nor `name:role:sha256` separated by commas";

/// Nothing but names is quoted in the errors: whoever swaps two fields must not find the
/// token in a log.
impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let entries = match Written::deserialize(from) {
            Ok(Written::List(entries)) => Some(entries),
            Ok(Written::Text(text)) => parse(text.trim()),
            Err(_) => None,
        };
        let entries = entries.ok_or_else(|| D::Error::custom(NO_LIST))?;
        let mut tokens = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let token = entry.check(index + 1, &tokens).map_err(D::Error::custom)?;
            tokens.push(token);
        }
        Ok(Self(tokens))
    }
}

/// The text of a variable: an inline list as in the file, or the short form.
fn parse(text: &str) -> Option<Vec<Entry>> {
    #[derive(Deserialize)]
    struct Inline {
        tokens: Vec<Entry>,
    }
    if text.starts_with('[') {
        return toml::from_str(&format!("tokens = {text}")).ok().map(|Inline { tokens }| tokens);
    }
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let mut fields = entry.splitn(3, ':').map(|field| field.trim().to_owned());
            Some(Entry { name: fields.next()?, role: fields.next()?, sha256: fields.next()? })
        })
        .collect()
}

impl Entry {
    fn check(self, number: usize, earlier: &[Token]) -> Result<Token, String> {
        let Self { name, role, sha256 } = self;
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_legal) {
            return Err(format!("the name of token {number} is not 1 to 64 of a-z A-Z 0-9 . _ -"));
        }
        let role = match &*role {
            "service" => Role::Service,
            "viewer" => Role::Viewer,
            "operator" => Role::Operator,
            _ => {
                return Err(format!(
                    "the role of token {number} is none of service, viewer, operator"
                ));
            }
        };
        let Some(sha256) = Digest::parse(&sha256) else {
            return Err(format!("the sha256 of token {number} is not 64 hexadecimal digits"));
        };
        match earlier.iter().position(|token| token.name == name || token.sha256 == sha256) {
            Some(index) if earlier[index].name == name => {
                Err(format!("tokens {} and {number} are both named `{name}`", index + 1))
            }
            Some(index) => Err(format!("tokens {} and {number} have the same hash", index + 1)),
            None => Ok(Token { name, role, sha256 }),
        }
    }
}

impl JsonSchema for Tokens {
    fn schema_name() -> Cow<'static, str> {
        "Tokens".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["array", "string"],
            "items": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" },
                    "role": { "enum": ["service", "viewer", "operator"] },
                    "sha256": { "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" },
                },
                "required": ["name", "role", "sha256"],
                "additionalProperties": false,
            },
            "writeOnly": true,
        })
    }
}
