//! Who may (`spec/interface.md`, section 2): credentials become a [`Principal`] on the game's
//! listener and a [`Staff`] on the operator's.
//!
//! | file | what |
//! |---|---|
//! | `tokens` | service, viewer and operator tokens, known by their hashes |
//! | `players` | JWTs of players |
//! | `provider` | the signatures, by ring |
//!
//! Both listeners have a middleware of it ([`callers`], [`staff`]) around all routes, so that
//! none can be forgotten. A handler takes what it found as an argument, or by `of(&request)`;
//! where no middleware ran, that is a refusal. A game route asks [`Principal::acts_for`]
//! before it shows or changes what a user owns, and answers 404 if not. An operator's route has
//! nothing to ask: its method says whether it changes anything, and [`Staff::require`] is for
//! one whose method does not. Nothing here is logged.

mod browser;
mod players;
mod provider;
mod tokens;

#[cfg(test)]
pub mod testing;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use uuid::Uuid;

use self::players::Players;
use self::tokens::Tokens;
use super::console;
use super::error::{Code, Error};
use super::openapi::pages;
use crate::config::jwt::KeyError;
use crate::config::{Auth, Role};

/// What the operator's listener answers without credentials: orchestrators have none.
const OPEN: [&str; 4] = ["/livez", "/readyz", "/startupz", "/metrics"];

/// On whose behalf a game request is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Principal {
    /// Nobody needs credentials here; acts for any user.
    Anonymous,
    /// Acts for any user.
    Service { name: Arc<str> },
    /// Acts for this user alone; the id is not nil.
    Player { user: Uuid },
}

/// Who asks the operator's API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staff {
    /// Of the token. None: nobody needs credentials here.
    pub name: Option<Arc<str>>,
    /// [`Role::Viewer`] or [`Role::Operator`].
    pub role: Role,
}

/// All credentials there are; put into the data of both apps.
#[derive(Default)]
pub struct Authority {
    tokens: Tokens,
    players: Option<Players>,
    guards_game: bool,
    guards_admin: bool,
    /// Nobody has credentials for the operator's listener, and yet not everybody may use it: it is
    /// within others' reach, or the game's needs credentials.
    closes_admin: bool,
    /// Who needs no credentials has to name loopback in `Host`.
    is_local: bool,
}

impl Authority {
    /// # Errors
    /// The keys of `auth.jwt` cannot be used.
    pub fn new(auth: &Auth) -> Result<Self, KeyError> {
        Ok(Self {
            tokens: Tokens::new(&auth.tokens),
            players: Players::new(&auth.jwt)?,
            guards_game: auth.guards_game(),
            guards_admin: auth.guards_admin(),
            closes_admin: auth.guards_game() && !auth.guards_admin(),
            is_local: true,
        })
    }

    /// The same, where the operator's listener may be reached from beyond loopback: without
    /// credentials it answers the probes and the metrics, and nothing else.
    pub fn exposed(self) -> Self {
        Self { closes_admin: !self.guards_admin, ..self }
    }

    /// The same, where everybody was said to be welcome, by whatever name.
    pub fn welcoming(self) -> Self {
        Self { is_local: false, ..self }
    }

    /// Reads the key file again, and says whether there is one.
    ///
    /// # Errors
    /// It cannot be used; the old keys stay.
    pub fn reload(&self) -> Result<bool, KeyError> {
        self.players.as_ref().map_or(Ok(false), Players::reload)
    }

    /// Who makes a game request.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], or [`Code::Forbidden`] for a token of another listener.
    pub(in crate::edge) fn caller(&self, headers: &HeaderMap) -> Result<Principal, Error> {
        if !self.guards_game {
            return Ok(Principal::Anonymous);
        }
        let token = bearer(headers)?;
        match (self.tokens.find(token), &self.players) {
            (Some((name, Role::Service)), _) => Ok(Principal::Service { name }),
            (Some(_), _) => {
                Err(Error::new(Code::Forbidden, "this token is for the operator's API"))
            }
            (None, Some(players)) => players.user(token).map(|user| Principal::Player { user }),
            (None, None) => Err(unknown_token()),
        }
    }

    /// Who asks the operator's API.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], or [`Code::Forbidden`] for a service's token. A player is
    /// nobody here.
    fn staff(&self, headers: &HeaderMap) -> Result<Staff, Error> {
        if self.closes_admin {
            let detail = "this needs the token of a viewer or operator, and auth.tokens has none";
            return Err(Error::new(Code::Unauthenticated, detail));
        }
        if !self.guards_admin {
            return Ok(Staff { name: None, role: Role::Operator });
        }
        match self.tokens.find(bearer(headers)?) {
            Some((_, Role::Service)) => {
                Err(Error::new(Code::Forbidden, "this token is for the game API"))
            }
            Some((name, role)) => Ok(Staff { name: Some(name), role }),
            None => Err(unknown_token()),
        }
    }

    /// Where nobody needs credentials, browsers bring requests that nobody here wanted.
    fn refuse_other_pages(&self, request: &ServiceRequest) -> Result<(), Error> {
        browser::refuse_other_origins(request.method(), request.headers())?;
        if self.is_local {
            browser::refuse_other_names(request.headers())?;
        }
        Ok(())
    }
}

impl Principal {
    /// The only user it acts for; none: it acts for any.
    pub fn player(&self) -> Option<Uuid> {
        match self {
            Self::Player { user } => Some(*user),
            Self::Anonymous | Self::Service { .. } => None,
        }
    }

    /// Whether it sees and changes what belongs to `owner`; None or nil: to nobody yet.
    pub fn acts_for(&self, owner: Option<Uuid>) -> bool {
        acts_for(self.player(), owner)
    }
}

/// As [`Principal::acts_for`]; `player` as [`Principal::player`] gives it.
pub fn acts_for(player: Option<Uuid>, owner: Option<Uuid>) -> bool {
    player.is_none_or(|user| !user.is_nil() && owner == Some(user))
}

impl Staff {
    /// For a route that needs more than its method says. An operator may all a viewer may.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn require(&self, role: Role) -> Result<(), Error> {
        match (role, self.role) {
            (Role::Viewer, Role::Viewer | Role::Operator) | (Role::Operator, Role::Operator) => {
                Ok(())
            }
            _ => Err(Error::new(Code::Forbidden, "this needs the token of an operator")),
        }
    }
}

/// Middleware of the game's listener: finds the [`Principal`] of each request. What describes
/// the API is for everyone.
pub async fn callers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !pages::is_open(request.path()) {
        let authority = authority(&request);
        let caller = authority.caller(request.headers())?;
        if caller == Principal::Anonymous {
            authority.refuse_other_pages(&request)?;
        }
        request.extensions_mut().insert(caller);
    }
    next.call(request).await
}

/// Middleware of the operator's listener: finds the [`Staff`] of each request. Whoever wants
/// to change something has to be an operator; the probes, the metrics and the empty page of the
/// console are for everyone.
pub async fn staff(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !OPEN.contains(&request.path()) && !console::is_open(request.path()) {
        let authority = authority(&request);
        let staff = authority.staff(request.headers())?;
        if staff.name.is_none() {
            authority.refuse_other_pages(&request)?;
        }
        let is_reading = request.method().is_safe();
        staff.require(if is_reading { Role::Viewer } else { Role::Operator })?;
        request.extensions_mut().insert(staff);
    }
    next.call(request).await
}

fn authority(request: &ServiceRequest) -> &Authority {
    let authority = request.app_data::<web::Data<Authority>>();
    authority.expect("both apps have the authority in their data")
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let missing = || Error::new(Code::Unauthenticated, "header Authorization: Bearer is missing");
    let mut given = headers.get_all(header::AUTHORIZATION);
    let value = match (given.next(), given.next()) {
        (Some(value), None) => value.to_str().map_err(|_| missing())?,
        _ => return Err(missing()),
    };
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        true => Ok(token),
        false => Err(missing()),
    }
}

fn unknown_token() -> Error {
    Error::new(Code::Unauthenticated, "this token is not accepted")
}

/// As an argument of a handler, or by `extract`.
macro_rules! found_by_the_middleware {
    ($($found:ty),+) => {
        $(impl $found {
            /// # Errors
            /// [`Code::Unauthenticated`] where the middleware has not run.
            pub fn of(request: &HttpRequest) -> Result<Self, Error> {
                request.extensions().get::<Self>().cloned().ok_or_else(unknown_token)
            }
        }

        impl FromRequest for $found {
            type Error = Error;
            type Future = std::future::Ready<Result<Self, Error>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                std::future::ready(Self::of(request))
            }
        })+
    };
}

found_by_the_middleware!(Principal, Staff);

#[cfg(test)]
pub mod tests;
