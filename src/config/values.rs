//! How single values are written: durations, tenants, secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::domain::{Tenant, TenantId};

/// What stands in place of a secret wherever configuration is shown.
pub(super) const REDACTED: &str = "***";

/// The `format` a duration has in the schema.
pub(super) const DURATION_FORMAT: &str = "humantime";

/// Writes a [`Duration`] as humantime text (`#[serde(with = "Humantime")]`).
pub(super) struct Humantime;

impl Humantime {
    /// # Errors
    /// Never by itself.
    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&duration_text(*duration))
    }

    /// # Errors
    /// Text that is no duration.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text)
            .map_err(|error| D::Error::custom(format!("`{text}` is not a duration: {error}")))
    }
}

impl JsonSchema for Humantime {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": DURATION_FORMAT })
    }
}

/// A duration in its largest exact unit, as people write it: `30d`, `90s`, `250ms`.
fn duration_text(duration: Duration) -> String {
    const NANOS_PER_UNIT: [(u128, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let nanos = duration.as_nanos();
    NANOS_PER_UNIT
        .iter()
        .find(|(unit, _)| nanos >= *unit && nanos.is_multiple_of(*unit))
        .map_or_else(|| format!("{nanos}ns"), |(unit, name)| format!("{}{name}", nanos / unit))
}

/// Writes an optional [`Tenant`] as `uuid` or `uuid/REGION/MAJOR/MINOR`.
pub(super) struct TenantText;

impl TenantText {
    /// # Errors
    /// Never by itself.
    pub(super) fn serialize<S: Serializer>(
        tenant: &Option<Tenant>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match tenant {
            Some(Tenant { id, region, major, minor }) => {
                to.collect_str(&format_args!("{id}/{region}/{major}/{minor}"))
            }
            None => to.serialize_none(),
        }
    }

    /// # Errors
    /// Text of neither form.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Tenant>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        parse_tenant(&text).map(Some).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is neither `uuid` nor `uuid/REGION/MAJOR/MINOR`"))
        })
    }
}

impl JsonSchema for TenantText {
    fn schema_name() -> Cow<'static, str> {
        "Tenant".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}

/// Reads an optional collector's address as `host:port`, which is taken for http, or as an
/// http or https address.
pub(super) struct Endpoint;

impl Endpoint {
    /// # Errors
    /// Never by itself.
    pub(super) fn serialize<S: Serializer>(
        endpoint: &Option<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        endpoint.serialize(to)
    }

    /// # Errors
    /// Text of neither form.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<String>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        endpoint_address(&text).map(Some).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is neither `host:port` nor an http or https address"
            ))
        })
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}

fn endpoint_address(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => ("http", rest),
        Some(("https", rest)) => ("https", rest),
        Some(_) => return None,
        None => {
            let (_, port) = text.rsplit_once(':')?;
            port.parse::<u16>().ok()?;
            ("http", text)
        }
    };
    let has_host = !rest.is_empty() && !rest.starts_with([':', '/']);
    has_host.then(|| format!("{scheme}://{rest}"))
}

/// A share, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(transparent)]
pub struct Ratio(pub f64);

impl Default for Ratio {
    fn default() -> Self {
        Self(0.01)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    /// From a number, or from text as a variable has it.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        let number = match Written::deserialize(from)? {
            Written::Number(number) => Some(number),
            Written::Text(text) => text.trim().parse().ok(),
        };
        number
            .filter(|number| (0.0..=1.0).contains(number))
            .map(Self)
            .ok_or_else(|| D::Error::custom("must be a number from 0 to 1"))
    }
}

impl JsonSchema for Ratio {
    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

fn parse_tenant(text: &str) -> Option<Tenant> {
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let (id, region, major, minor) = match parts[..] {
        [id] => (id, "", "0", "0"),
        [id, region, major, minor] => (id, region, major, minor),
        _ => return None,
    };
    Some(Tenant {
        id: TenantId(Uuid::try_parse(id).ok()?),
        region: region.into(),
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}

/// Text that is shown nowhere: neither by `Debug` nor by serialization.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// An address that may carry a password. `Debug` and serialization keep the user and the
/// host, and hide the rest.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The address as it was configured, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address without its password.
    pub fn redacted(&self) -> String {
        redact_url(&self.0)
    }
}

impl From<&str> for SecretUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

/// Errs towards hiding: a password need not be encoded properly, so all between the first
/// colon and the last `@` goes. A user without password is kept for PostgreSQL only; for
/// NATS that place holds a token.
fn redact_url(url: &str) -> String {
    let url = match url.split_once('?') {
        Some((address, query)) => {
            let query: Vec<Cow<'_, str>> = query.split('&').map(redact_parameter).collect();
            Cow::Owned(format!("{address}?{}", query.join("&")))
        }
        None => Cow::Borrowed(url),
    };
    let (scheme, rest) =
        url.find("://").map_or(("", &*url), |colon| url.split_at(colon + "://".len()));
    let Some((credentials, host)) = rest.rsplit_once('@') else { return url.into_owned() };
    let is_plain = |user: &str| !user.contains(['@', '/', '?']);
    let shown = match credentials.split_once(':') {
        Some((user, _)) if is_plain(user) => format!("{user}:{REDACTED}"),
        None if scheme.starts_with("postgres") && is_plain(credentials) => credentials.to_owned(),
        _ => REDACTED.to_owned(),
    };
    format!("{scheme}{shown}@{host}")
}

fn redact_parameter(parameter: &str) -> Cow<'_, str> {
    match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => {
            Cow::Owned(format!("{name}={REDACTED}"))
        }
        _ => Cow::Borrowed(parameter),
    }
}

/// librdkafka properties, by name. Values of properties that hold a credential are hidden
/// from `Debug` and serialization.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Name and value of each property, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn redacted(&self) -> impl Iterator<Item = (&str, &str)> {
        const SECRETS: [&str; 6] =
            ["password", "secret", "token", "pem", "assertion", "oauthbearer.config"];
        self.iter().map(|(name, value)| {
            let is_secret = SECRETS.iter().any(|word| name.contains(word));
            (name, if is_secret { REDACTED } else { value })
        })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(REDACTED)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.redacted())
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.redacted())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.redacted()).finish()
    }
}

/// `writeOnly` marks in the schema what is secret: it is redacted, and can be read from a
/// file named by `…_FILE`.
macro_rules! secret_schema {
    ($type:ty, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

secret_schema!(Secret, { "type": "string", "writeOnly": true });
secret_schema!(SecretUrl, { "type": "string", "writeOnly": true });
secret_schema!(Properties, {
    "type": "object",
    "additionalProperties": { "type": "string" },
    "writeOnly": true,
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_duration_is_written_in_its_largest_exact_unit() {
        let texts = ["30d", "3m", "90s", "250ms", "1500us", "7ns"]
            .map(|text| (text, duration_text(humantime::parse_duration(text).unwrap())));
        for (text, written) in texts {
            assert_eq!(written, text);
        }
    }

    #[test]
    fn a_url_keeps_user_and_host_and_hides_the_password() {
        let cases = [
            ("postgres://menagerie@db:5432/m", "postgres://menagerie@db:5432/m"),
            ("postgres://m:hunter2@db/m?sslmode=require", "postgres://m:***@db/m?sslmode=require"),
            ("postgres://m@db/m?password=hunter2&a=b", "postgres://m@db/m?password=***&a=b"),
            ("sqlite:///tmp/a.db?mode=rwc", "sqlite:///tmp/a.db?mode=rwc"),
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://u:hunter2@a:4222", "nats://u:***@a:4222"),
        ];
        for (url, shown) in cases {
            assert_eq!(redact_url(url), shown);
        }
    }

    #[test]
    fn no_badly_encoded_password_shows() {
        let urls = [
            "postgres://u:hun/ter2@db/m",
            "postgres://u:hun?ter2@db/m",
            "postgres://u:x@hunter2@db/m",
            "postgres://u@db/m?password=hunter2@x",
            "postgres://u@db:5432/m?sslpassword=hunter2@x",
            "nats://hunter2@a:4222",
            "nats://hunter2@a:4222,nats://hunter2@b:4222",
            "nats://u:hun,ter2@a:4222,u:hunter2@b:4222",
            "u:hunter2@a:4222",
        ];
        for url in urls {
            let shown = redact_url(url);
            assert!(!shown.contains("ter2"), "{url} is shown as {shown}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let properties = [("sasl.password", "hunter2"), ("client.id", "zoo")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = format!(
            "{:?} {:?} {:?}",
            Secret("hunter2".to_owned()),
            SecretUrl::from("nats://u:hunter2@a"),
            Properties(properties.into()),
        );
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("zoo"), "{shown}");
    }
}
