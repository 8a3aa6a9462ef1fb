//! Requests that a browser makes for a page that is not ours.
//!
//! Where nobody needs credentials, whoever reaches loopback may do everything; and any page that is
//! open in a browser on this host reaches loopback. Such a page may send, but not read; unless it
//! brings a name of its own to point at loopback (DNS rebinding).

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, Uri, uri};

use crate::edge::http::error::{Code, Error};

const SEC_FETCH_SITE: &str = "Sec-Fetch-Site";

/// # Errors
/// [`Code::Forbidden`] for a change that a page of another origin asks for; what does not come
/// from a browser says of no origin.
pub(super) fn refuse_other_origins(method: &Method, headers: &HeaderMap) -> Result<(), Error> {
    if method.is_safe() {
        return Ok(());
    }
    let is_other_site =
        text(headers, SEC_FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let is_other_origin = headers.contains_key(header::ORIGIN) && origin(headers) != host(headers);
    match is_other_site || is_other_origin {
        true => Err(Error::new(Code::Forbidden, "a page of another origin asked for this")),
        false => Ok(()),
    }
}

/// # Errors
/// [`Code::Forbidden`] for a name in `Host` that is not loopback's.
pub(super) fn refuse_other_names(headers: &HeaderMap) -> Result<(), Error> {
    if !headers.contains_key(header::HOST) || host(headers).is_some_and(|host| is_loopback(&host)) {
        return Ok(());
    }
    let detail = "without credentials, Host has to be localhost or an address of loopback";
    Err(Error::new(Code::Forbidden, detail))
}

fn is_loopback(authority: &uri::Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let name = host.to_ascii_lowercase();
    address.is_ok_and(|address| address.is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

fn host(headers: &HeaderMap) -> Option<uri::Authority> {
    text(headers, header::HOST.as_str())?.parse().ok()
}

fn origin(headers: &HeaderMap) -> Option<uri::Authority> {
    let origin: Uri = text(headers, header::ORIGIN.as_str())?.parse().ok()?;
    origin.into_parts().authority
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_page_of_another_origin_may_not_change_anything() {
        let host = ("host", "127.0.0.1:9090");
        for others in [
            [host, ("origin", "https://evil.example")],
            [host, ("origin", "null")],
            [host, ("origin", "http://127.0.0.1:8000")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "same-site")],
        ] {
            let headers = headers(&others);
            assert!(refuse_other_origins(&Method::POST, &headers).is_err(), "{others:?}");
            assert!(refuse_other_origins(&Method::DELETE, &headers).is_err(), "{others:?}");
            // It could not read the answer.
            assert!(refuse_other_origins(&Method::GET, &headers).is_ok(), "{others:?}");
        }
    }

    #[test]
    fn our_own_page_and_what_is_no_browser_may() {
        let host = ("host", "localhost:9090");
        for ours in [
            vec![],
            vec![host],
            vec![host, ("origin", "http://localhost:9090"), ("sec-fetch-site", "same-origin")],
            vec![host, ("sec-fetch-site", "none")],
        ] {
            assert!(refuse_other_origins(&Method::POST, &headers(&ours)).is_ok(), "{ours:?}");
        }
    }

    #[test]
    fn only_names_of_loopback_lead_here() {
        for name in ["localhost", "LOCALHOST:80", "127.0.0.1:9090", "[::1]:9090", "zoo.localhost"] {
            assert!(refuse_other_names(&headers(&[("host", name)])).is_ok(), "{name}");
        }
        for name in ["evil.example", "localhost.evil.example:9090", "10.0.0.1:9090", "", "a b"] {
            assert!(refuse_other_names(&headers(&[("host", name)])).is_err(), "{name:?}");
        }
        assert!(refuse_other_names(&HeaderMap::new()).is_ok());
    }
}
