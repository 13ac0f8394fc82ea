//! What a `postgres://` address means here: which options are understood, and that nobody listens in on the way.
//!
//! Never repeats the address: it may hold a password. Variables of libpq fill what it leaves out.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::adapters::store::OpenError;

/// Options that may stand behind the `?`. Others are refused: the driver would only log them, with their values.
const OPTIONS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// How to connect. Across a network the server's certificate is verified, unless the address says otherwise.
pub(super) fn parse(text: &str) -> Result<PgConnectOptions, OpenError> {
    let url = url::Url::parse(text).map_err(|_| OpenError::Address)?;
    if url.query_pairs().any(|(name, _)| !OPTIONS.contains(&name.as_ref())) {
        return Err(OpenError::Address);
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| OpenError::Address)?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("countersign"),
    };
    let told = url.query_pairs().any(|(name, _)| name == "sslmode");
    Ok(if told || is_here(&options) { options } else { options.ssl_mode(PgSslMode::VerifyFull) })
}

/// Whether the way to the server leaves this machine.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || loopback
}

/// Where the server is, for people: never user or password.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    match options.get_database() {
        Some(database) => format!("{place}, database `{database}`"),
        None => place,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn across_a_network_the_certificate_is_verified_unless_told_otherwise() {
        let mode = |url: &str| format!("{:?}", parse(url).unwrap().get_ssl_mode());
        assert_eq!(mode("postgres://app:hunter2@db.example/app"), "VerifyFull");
        assert_eq!(mode("postgresql://db.example:5433/app"), "VerifyFull");
        assert_eq!(mode("postgres://10.0.0.7/app"), "VerifyFull");
        assert_eq!(mode("postgres://db.example/app?sslmode=disable"), "Disable");
        assert_eq!(mode("postgres://db.example/app?sslmode=require"), "Require");
        for here in ["localhost", "127.0.0.1", "[::1]", "%2Fvar%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://app@{here}/app")), "Prefer", "{here}");
        }
        assert_eq!(mode("postgres:///app?host=/run/postgresql"), "Prefer");
    }

    #[test]
    fn an_address_says_where_and_never_who() {
        let told = |url: &str| place(&parse(url).unwrap());
        assert_eq!(told("postgres://ann:hunter2@db.example:5433/app"), "db.example:5433, database `app`");
        assert_eq!(told("postgres://ann:hunter2@x/app?host=/tmp/db&port=6000"), "/tmp/db, database `app`");
    }

    #[test]
    fn what_nobody_would_read_is_refused() {
        for url in [
            "postgres://db/app?pasword=hunter2",
            "postgres://db/app?sslmode=hunter2",
            "postgres://db:hunter2/app",
            "postgres://db/app?hostaddr=hunter2",
        ] {
            let fault = parse(url).map(|_| ()).unwrap_err();
            assert_eq!(fault, OpenError::Address, "{url}");
            assert!(fault.to_string().contains("\nhelp: ") && !fault.to_string().contains("hunter2"));
        }
    }
}
