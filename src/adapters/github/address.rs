//! Where the API is, and which addresses belong to it.
//!
//! GitHub names the next page and the new place of a renamed repository by absolute addresses. Only the path is ever taken from
//! them, and only when they stand on our own host: a token never leaves it.

use http::Uri;

use super::SetupFault;

/// The REST and GraphQL addresses of one GitHub.
#[derive(Debug, Clone)]
pub(super) struct Address {
    scheme: String,
    host: String,
    port: Option<u16>,
    /// Empty, or `/api/v3`: no slash at the end.
    base: String,
}

impl Address {
    /// Parses `https://api.github.com`, `https://HOST/api/v3`, or `http://` on loopback (a stand-in).
    pub(super) fn parse(text: &str) -> Result<Self, SetupFault> {
        let wrong = |why| SetupFault::Address { address: text.chars().take(200).collect(), why };
        let uri: Uri = text.trim().parse().map_err(|_| wrong("it is no address"))?;
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?.to_ascii_lowercase();
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("it holds a user name"));
        }
        if uri.query().is_some() {
            return Err(wrong("it holds a query"));
        }
        match scheme.as_str() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(wrong("tokens are sent over https only (http is for loopback)")),
            _ => return Err(wrong("it does not start with https://")),
        }
        Ok(Self { scheme, port: uri.port_u16(), base: uri.path().trim_end_matches('/').to_owned(), host })
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Domain of the "no reply" e-mail addresses this GitHub gives to accounts.
    pub(super) fn noreply_domain(&self) -> String {
        if self.base.is_empty() {
            "users.noreply.github.com".to_owned()
        } else {
            format!("users.noreply.{}", self.host)
        }
    }

    fn origin(&self) -> String {
        match self.port {
            Some(port) => format!("{}://{}:{port}", self.scheme, self.host),
            None => format!("{}://{}", self.scheme, self.host),
        }
    }

    /// Full address of a REST path such as `/repos/acme/app`.
    pub(super) fn rest(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin(), self.base)
    }

    /// Full address of GraphQL: beside the REST API, not below it, on GitHub Enterprise Server.
    pub(super) fn graphql(&self) -> String {
        match self.base.strip_suffix("/v3") {
            Some(base) => format!("{}{base}/graphql", self.origin()),
            None => format!("{}{}/graphql", self.origin(), self.base),
        }
    }

    /// The REST path (and query) of an address GitHub named; `None` when it is not ours.
    pub(super) fn own_path(&self, target: &str) -> Option<String> {
        let uri: Uri = target.parse().ok()?;
        if let Some(host) = uri.host() {
            let scheme = uri.scheme_str()?.to_ascii_lowercase();
            let port = |port: Option<u16>| port.unwrap_or(if scheme == "https" { 443 } else { 80 });
            let ours = scheme == self.scheme
                && host.eq_ignore_ascii_case(&self.host)
                && port(uri.port_u16()) == port(self.port)
                && !uri.authority()?.as_str().contains('@');
            if !ours {
                return None;
            }
        }
        let path = uri.path_and_query()?.as_str();
        let rest = path.strip_prefix(&self.base)?;
        (rest.starts_with('/') && !rest.starts_with("//")).then(|| rest.to_owned())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The `next` target of a `Link` header.
pub(super) fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let parameters = after.split_once('<').map_or(after, |(parameters, _)| parameters);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            parameter.trim().strip_prefix("rel=").is_some_and(|value| value.trim_matches('"') == "next")
        });
        if is_next {
            return Some(target);
        }
        rest = after;
    }
    None
}

/// Percent-encodes one path segment or query value.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes everything");
        }
    }
    encoded
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn graphql_stands_beside_the_rest_api_on_an_enterprise_server() {
        for (api, rest, graphql) in [
            ("https://api.github.com", "https://api.github.com/app", "https://api.github.com/graphql"),
            ("https://api.github.com/", "https://api.github.com/app", "https://api.github.com/graphql"),
            ("https://ghe.acme.io/api/v3", "https://ghe.acme.io/api/v3/app", "https://ghe.acme.io/api/graphql"),
            ("https://ghe.acme.io/api/v3/", "https://ghe.acme.io/api/v3/app", "https://ghe.acme.io/api/graphql"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/app", "http://127.0.0.1:4000/graphql"),
            ("http://127.0.0.1:4000/api/v3", "http://127.0.0.1:4000/api/v3/app", "http://127.0.0.1:4000/api/graphql"),
        ] {
            let address = Address::parse(api).unwrap();
            assert_eq!(address.rest("/app"), rest);
            assert_eq!(address.graphql(), graphql);
        }
    }

    #[test]
    fn addresses_that_would_carry_a_token_in_the_clear_are_refused() {
        for api in ["http://api.github.com", "ftp://x", "api.github.com", "https://u:p@x.io", "https://x.io/?a=b", ""] {
            assert!(Address::parse(api).is_err(), "{api}");
        }
    }

    #[test]
    fn only_addresses_of_our_own_host_give_a_path() {
        let address = Address::parse("https://ghe.acme.io/api/v3").unwrap();
        for (target, path) in [
            ("https://ghe.acme.io/api/v3/repos/a/b?page=2", Some("/repos/a/b?page=2")),
            ("https://GHE.acme.io:443/api/v3/repos/a/b", Some("/repos/a/b")),
            ("/api/v3/repositories/7", Some("/repositories/7")),
            ("https://evil.io/api/v3/repos/a/b?page=2", None),
            ("http://ghe.acme.io/api/v3/repos/a/b?page=2", None),
            ("https://ghe.acme.io:444/api/v3/repos/a/b", None),
            ("https://x@ghe.acme.io/api/v3/repos/a/b", None),
            ("https://ghe.acme.io/other", None),
            ("https://ghe.acme.io/api/v3evil", None),
            ("//evil.io/api/v3/repos", None),
        ] {
            assert_eq!(address.own_path(target).as_deref(), path, "{target}");
        }
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let header = r#"<https://x/a?page=1>; rel="prev", <https://x/a?b=1,2&page=3>; rel="next", <https://x/a?page=9>; rel="last""#;
        assert_eq!(next_link(header), Some("https://x/a?b=1,2&page=3"));
        assert_eq!(next_link(r#"<https://x/a?page=9>; rel="last""#), None);
        assert_eq!(next_link("<https://x"), None);
        assert_eq!(next_link("nonsense"), None);
    }

    #[test]
    fn queries_keep_their_meaning_when_encoded() {
        assert_eq!(encode("acme:feature/a b&c[bot]"), "acme%3Afeature%2Fa%20b%26c%5Bbot%5D");
    }
}
