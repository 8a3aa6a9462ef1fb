//! The operator's API of a running process (`docs/admin-api.md`), as the verbs that ask it
//! share it: where it stands, whose token is sent, and what the answers mean.

mod error;
#[cfg(test)]
pub(super) mod fake;
mod list;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ConfigArgs;
use super::exit::Failure;
use super::healthcheck;
use crate::config::Secret;
use crate::domain::{CharacterId, CharacterKey, TenantId};
pub(super) use error::Error;
pub(super) use list::{List, PageArgs};

/// Longest wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// Longest wait for a whole answer. Publishing what was parked takes longer than reading.
const PATIENCE: Duration = Duration::from_secs(30);

const EVENT_STREAM: &str = "text/event-stream";

#[derive(Clone, Debug, clap::Args)]
pub struct AdminArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The process to ask; without it, the one on admin.listen of the configuration
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// A viewer's or an operator's token. Every user of the machine sees a flag: rather set
    /// the variable, or name a file
    #[arg(long, env = "MENAGERIE_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// A file with the token
    #[arg(
        long,
        value_name = "FILE",
        env = "MENAGERIE_ADMIN_TOKEN_FILE",
        value_parser = super::file()
    )]
    token_file: Option<PathBuf>,
    /// Print the API's JSON as it is, of lists one object a line
    #[arg(long)]
    pub(super) json: bool,
}

impl AdminArgs {
    /// The API these arguments name. Nothing is asked yet.
    ///
    /// # Errors
    /// An address or a token that cannot be used; without an address, a bad configuration.
    pub(super) fn api(&self) -> anyhow::Result<Api> {
        let base = match &self.admin {
            Some(url) => url.clone(),
            None => format!("http://{}", healthcheck::admin_address(&self.config)?),
        };
        Api::new(&base, self.token()?.as_ref())
    }

    /// An empty one counts as unset, as in the configuration.
    fn token(&self) -> anyhow::Result<Option<Secret>> {
        let token = self.token.clone().filter(|token| !token.expose().is_empty());
        let file = self.token_file.as_ref().filter(|file| !file.as_os_str().is_empty());
        match (token, file) {
            (Some(_), Some(_)) => {
                let reason = "MENAGERIE_ADMIN_TOKEN (--token) and MENAGERIE_ADMIN_TOKEN_FILE \
                              (--token-file) are set, and only one of the two can count";
                Err(Failure::Usage(reason.to_owned()).into())
            }
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    let what = "MENAGERIE_ADMIN_TOKEN_FILE (--token-file)";
                    Failure::Usage(format!("{what}: cannot read {}", file.display()))
                })?;
                Ok(Some(Secret::from(text.trim_end_matches(['\r', '\n']))))
            }
            (token, None) => Ok(token),
        }
    }
}

/// A client of one process's API.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    base: Url,
}

impl Api {
    /// `base` is where the listener stands, such as `http://127.0.0.1:9090`.
    fn new(base: &str, token: Option<&Secret>) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
            // The cause would say nothing, and must not say the token.
            let mut value =
                value.map_err(|_| Failure::Usage("the token is no header's value".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_PATIENCE)
            // The token is for this process, not for whom an answer or the environment names.
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, base: base_url(base)? })
    }

    /// The address of a route below `/admin`.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an address with http has a path")
            .pop_if_empty()
            .push("admin")
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// # Errors
    /// No answer, or one that refuses.
    pub(super) async fn get(&self, path: &[&str]) -> Result<String, Error> {
        self.answer(self.client.get(self.url(path, &[]))).await
    }

    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn post(&self, path: &[&str], body: Option<&Value>) -> Result<String, Error> {
        let request = self.client.post(self.url(path, &[]));
        self.answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Error> {
        self.answer(self.client.request(Method::DELETE, self.url(path, &[]))).await.map(drop)
    }

    /// Begins to listen. However long nothing comes, the answer stays open.
    ///
    /// # Errors
    /// As [`get`](Self::get), or an answer that is no stream of events.
    pub(super) async fn events(&self, query: &[(&str, String)]) -> Result<Response, Error> {
        let request =
            self.client.get(self.url(&["events"], query)).header(ACCEPT, EVENT_STREAM).send();
        let answer = tokio::time::timeout(PATIENCE, request)
            .await
            .map_err(|_| self.away(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|error| self.lost(&error))?;
        if !answer.status().is_success() {
            let status = answer.status();
            let text = tokio::time::timeout(PATIENCE, answer.text()).await;
            return Err(Error::refused(status, text.ok().and_then(Result::ok).as_deref()));
        }
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        match content_type {
            Some(text) if text.starts_with(EVENT_STREAM) => Ok(answer),
            other => {
                let what = format!("{} instead of a stream", other.unwrap_or("nothing known"));
                Err(self.foreign(&what))
            }
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<String, Error> {
        let request = request.timeout(PATIENCE).build().map_err(|error| self.lost(&error))?;
        let is_change = *request.method() != Method::GET;
        let lost = |error: reqwest::Error| match is_change && !error.is_connect() {
            true => {
                let cause = error::cause_of(&error);
                self.away(format!("{cause}; what was asked may be done all the same"))
            }
            false => self.lost(&error),
        };
        let answer = self.client.execute(request).await.map_err(lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(lost)?;
        if status.is_success() { Ok(text) } else { Err(Error::refused(status, Some(&text))) }
    }

    /// Reads an answer's JSON.
    ///
    /// # Errors
    /// What the contract does not allow.
    pub(super) fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| self.foreign(&error.to_string()))
    }

    fn away(&self, reason: String) -> Error {
        Error::Away { base: self.base(), reason }
    }

    fn foreign(&self, what: &str) -> Error {
        Error::Foreign { base: self.base(), what: what.to_owned() }
    }

    fn lost(&self, error: &reqwest::Error) -> Error {
        self.away(error::cause_of(error))
    }

    /// Where it stands, for people.
    pub(super) fn base(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }
}

/// The scheme may be left out.
fn base_url(text: &str) -> Result<Url, Failure> {
    let unusable = |reason: &str| Failure::Usage(format!("--admin: `{text}`: {reason}"));
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&url).map_err(|error| unusable(&error.to_string()))?;
    match url.scheme() {
        "http" if url.query().is_none() && url.fragment().is_none() => Ok(url),
        "http" => Err(unusable("it ends with the path")),
        _ => Err(unusable("the API speaks plain HTTP")),
    }
}

/// A number as the games have it, or `n:12345` as the characters API writes it.
pub(super) fn number(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("n:").unwrap_or(text);
    digits.parse().map_err(|_| "expected a number of 32 bits, such as 12345".to_owned())
}

/// The actor that `TENANT/NUMBER` names.
pub(super) fn character_key(text: &str) -> Result<CharacterKey, String> {
    let expected = || "expected TENANT/NUMBER".to_owned();
    let (tenant, character) = text.split_once('/').ok_or_else(expected)?;
    let tenant = tenant.parse().map_err(|_| format!("the tenant is no UUID; {}", expected()))?;
    Ok(CharacterKey { tenant: TenantId(tenant), character: CharacterId(number(character)?) })
}

#[cfg(test)]
mod tests;
