//! The cookies of a session: taken at login, refreshed when the Controller sends new values.

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
use std::collections::BTreeMap;

const CSRF: &str = "csrftoken";

/// Cookies by name. Holds secrets, so it has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes what a reply sets. The text `None` and empty values are no cookies: the Controller
    /// sends them when it has no session.
    pub(crate) fn absorb(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let parsed = value
                .to_str()
                .ok()
                .and_then(|text| Cookie::parse(text).ok());
            let Some(cookie) = parsed else { continue };
            if !matches!(cookie.value(), "" | "None") {
                self.0
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    /// Whether there is a session: the CSRF token and at least one other cookie.
    pub(crate) fn is_session(&self) -> bool {
        self.0.contains_key(CSRF) && self.0.len() > 1
    }

    /// Sets the headers that carry the session; `false` if a value cannot be sent.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) -> bool {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let token = self.0.get(CSRF).map_or("", String::as_str);
        insert_secret(headers, header::COOKIE, &pairs.join("; "))
            && insert_secret(
                headers,
                header::HeaderName::from_static("x-csrftoken"),
                token,
            )
    }
}

fn insert_secret(headers: &mut HeaderMap, name: header::HeaderName, value: &str) -> bool {
    let Ok(mut value) = HeaderValue::from_str(value) else {
        return false;
    };
    value.set_sensitive(true);
    headers.insert(name, value);
    true
}

#[cfg(test)]
mod tests {
    use super::Jar;
    use http::{HeaderMap, header};

    #[test]
    fn a_cookie_named_none_does_not_end_the_session() {
        let mut jar = Jar::default();
        let mut reply = HeaderMap::new();
        reply.append(header::SET_COOKIE, "csrftoken=c1; Secure".parse().unwrap());
        reply.append(
            header::SET_COOKIE,
            "sessionid=s1; HttpOnly".parse().unwrap(),
        );
        jar.absorb(&reply);
        assert!(jar.is_session());
        let mut later = HeaderMap::new();
        later.append(header::SET_COOKIE, "sessionid=None".parse().unwrap());
        later.append(header::SET_COOKIE, "csrftoken=c2".parse().unwrap());
        jar.absorb(&later);
        let mut request = HeaderMap::new();
        assert!(jar.sign(&mut request));
        assert_eq!(request[header::COOKIE], "csrftoken=c2; sessionid=s1");
        assert_eq!(request["x-csrftoken"], "c2");
        assert!(!format!("{request:?}").contains("s1"));
    }
}
