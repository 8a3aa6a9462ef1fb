//! The pet shop: creates pets over the pets API, and looks them up there.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::config::Secret;
use crate::domain::{CharacterId, PetId, Tenant};

/// How often a pet is looked up while the service says that it cannot right now, and in between.
const MAX_TRIES: u32 = 20;
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Shorter than the time after which a service closes an idle connection, by default 5 s with actix-web:
/// a purchase sent on one that is just being closed fails, and is not to be repeated.
const IDLE_AT_MOST: Duration = Duration::from_secs(3);

/// A client of the pets API in one tenant.
#[derive(Clone)]
pub struct Shop {
    client: reqwest::Client,
    base: String,
    tenant: Tenant,
    token: Option<Secret>,
}

/// What the shop needs to know of a pet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bought {
    pub pet: PetId,
    pub owner: CharacterId,
    pub template_id: u32,
}

impl Shop {
    /// `url` is where the API stands, such as `http://127.0.0.1:8080`.
    pub fn new(url: &str, tenant: Tenant) -> Self {
        let base = url.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().pool_idle_timeout(IDLE_AT_MOST).build();
        let client = client.expect("there is nothing in it to go wrong");
        Self { client, base, tenant, token: None }
    }

    /// Sends a service's token, or a player's, with each request.
    pub fn with_token(self, token: Option<Secret>) -> Self {
        Self { token, ..self }
    }

    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        request
            .header("TENANT_ID", self.tenant.id.to_string())
            .header("REGION", &*self.tenant.region)
            .header("MAJOR_VERSION", self.tenant.major.to_string())
            .header("MINOR_VERSION", self.tenant.minor.to_string())
    }

    /// # Errors
    /// Any answer other than 201.
    pub async fn buy(
        &self,
        owner: CharacterId,
        template_id: u32,
        name: &str,
    ) -> anyhow::Result<Bought> {
        let attributes = json!({ "templateId": template_id, "ownerId": owner.0, "name": name });
        let document = json!({ "data": { "type": "pets", "attributes": attributes } });
        let path = format!("/api/characters/{owner}/pets");
        let answer = self.request(reqwest::Method::POST, &path).json(&document).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.as_u16() == 201, "creating a pet: {status}: {text}");
        let id = serde_json::from_str::<Value>(&text)?["data"]["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .context("the answer names no pet")?;
        Ok(Bought { pet: PetId(id), owner, template_id })
    }

    /// The attributes of a pet. Asked again for as long as the answer is to come again.
    ///
    /// # Errors
    /// Any answer other than 200, and 503 for too long.
    pub async fn look_up(&self, pet: PetId) -> anyhow::Result<Value> {
        let path = format!("/api/pets/{pet}");
        let mut num_tries = 0;
        let answer = loop {
            let answer = self.request(reqwest::Method::GET, &path).send().await?;
            num_tries += 1;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE || num_tries == MAX_TRIES {
                break answer;
            }
            tokio::time::sleep(RETRY_AFTER).await;
        };
        let mut document: Value = answer.error_for_status()?.json().await?;
        Ok(document["data"]["attributes"].take())
    }
}
