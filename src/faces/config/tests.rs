//! Precedence, origins, refusals; and that a secret never shows.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use secrecy::ExposeSecret as _;

use super::*;
use crate::engine::ports::Place;

const RSA: &str = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n";

fn ed25519() -> String {
    SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

/// Enough to start.
fn whole() -> Vec<(&'static str, String)> {
    vec![
        ("COUNTERSIGN_APP_ID", "12".to_owned()),
        ("COUNTERSIGN_PRIVATE_KEY", RSA.to_owned()),
        ("COUNTERSIGN_WEBHOOK_SECRET", "canary-1 canary-2".to_owned()),
        ("COUNTERSIGN_SIGNING_KEY", ed25519()),
    ]
}

fn sources(variables: &[(&str, String)], file: &str) -> Sources {
    Sources {
        flags: BTreeMap::new(),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        file: (!file.is_empty()).then(|| ConfigFile { path: "c.toml".into(), text: file.into() }),
    }
}

fn resolve(sources: &Sources) -> Result<Settings, Faults> {
    Settings::resolve(sources, &|path| match path.to_str() {
        Some("canary.pem") => Ok(format!("{RSA}\n")),
        Some("empty") => Ok("\n".to_owned()),
        Some("secret") => Ok("from-file\r\n".to_owned()),
        Some(_) | None => Err(io::ErrorKind::NotFound.into()),
    })
}

fn serve(variables: &[(&str, String)], file: &str) -> Result<ServeConfig, Faults> {
    ServeConfig::read(&resolve(&sources(variables, file))?)
}

/// What is wrong when one variable is set (or, empty, unset) on top of a whole configuration.
fn wrong(name: &str, value: &str) -> String {
    let mut variables = whole();
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value.to_owned()));
    serve(&variables, "").err().map(|faults| faults.to_string()).unwrap_or_default()
}

#[test]
fn a_whole_configuration_has_the_documented_defaults() {
    let config = serve(&whole(), "").unwrap();
    assert_eq!(
        (config.listen.to_string(), config.admin_listen.to_string()),
        ("127.0.0.1:8080".into(), "127.0.0.1:8081".into())
    );
    assert_eq!((config.github_api.as_str(), config.github.as_str()), ("https://api.github.com", "https://github.com"));
    assert_eq!(config.github_api.graphql(), "https://api.github.com/graphql");
    assert_eq!((config.reconcile_interval.seconds(), config.quiet.seconds()), (120, 10));
    assert_eq!((config.app_id, config.webhook_secrets.count(), config.adopt), (12, 2, Adopt::Explicit));
    assert!(matches!(config.database, Database::Sqlite(url) if url == "sqlite:countersign.db"));
    assert_eq!(config.ledger.as_str(), "refs/heads/countersign/ledger");
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Auto));
    assert!(config.trust.is_empty());
}

#[test]
fn an_enterprise_server_has_its_graphql_beside_its_rest() {
    let mut variables = whole();
    variables.push(("COUNTERSIGN_GITHUB_API_URL", "https://ghe.acme.example/api/v3/".to_owned()));
    let config = serve(&variables, "").unwrap();
    assert_eq!(config.github_api.as_str(), "https://ghe.acme.example/api/v3");
    assert_eq!(config.github_api.graphql(), "https://ghe.acme.example/api/graphql");
}

#[test]
fn flag_beats_environment_beats_file_beats_default_and_each_says_so() {
    let mut sources = sources(&[], "");
    let now = |sources: &Sources| {
        let settings = resolve(sources).unwrap();
        (settings.text(Key::Listen).unwrap().to_owned(), settings.origin(Key::Listen).unwrap().to_string())
    };
    let is = |text: &str, origin: &str| (text.to_owned(), origin.to_owned());
    assert_eq!(now(&sources), is("127.0.0.1:8080", "default"));
    sources.file = Some(ConfigFile { path: "c.toml".into(), text: "listen = '127.0.0.1:1'".into() });
    assert_eq!(now(&sources), is("127.0.0.1:1", "file c.toml"));
    sources.variables.insert("COUNTERSIGN_LISTEN".to_owned(), " ".to_owned());
    assert_eq!(now(&sources), is("127.0.0.1:1", "file c.toml"));
    sources.variables.insert("COUNTERSIGN_LISTEN".to_owned(), "127.0.0.1:2".to_owned());
    assert_eq!(now(&sources), is("127.0.0.1:2", "environment COUNTERSIGN_LISTEN"));
    sources.flags.insert(Key::Listen, "127.0.0.1:3".to_owned());
    assert_eq!(now(&sources), is("127.0.0.1:3", "flag --listen"));
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let settings = resolve(&sources(
        &[("COUNTERSIGN_WEBHOOK_SECRET_FILE", "secret".to_owned())],
        "private_key_file = 'canary.pem'\napp_id = 12\ntrust = ['a', 'b']",
    ))
    .unwrap();
    assert_eq!(settings.secret(Key::WebhookSecret).unwrap().expose_secret(), "from-file");
    assert_eq!(settings.origin(Key::WebhookSecret).unwrap().to_string(), "environment COUNTERSIGN_WEBHOOK_SECRET_FILE");
    assert_eq!(settings.secret(Key::PrivateKey).unwrap().expose_secret(), RSA.trim_end());
    assert_eq!((settings.text(Key::AppId), settings.text(Key::Trust)), (Some("12"), Some("a b")));
    assert_eq!(settings.text(Key::PrivateKey), None, "a secret is never handed out as text");
}

#[test]
fn a_pem_survives_a_single_line() {
    let mut variables = whole();
    variables.retain(|(name, _)| *name != "COUNTERSIGN_SIGNING_KEY");
    variables.push(("COUNTERSIGN_SIGNING_KEY", ed25519().replace('\n', "\\n")));
    assert_eq!(serve(&variables, "").unwrap().signing_key.expose_secret(), ed25519());
}

#[test]
fn a_server_does_not_start_on_a_doubt() {
    let cases = [
        ("COUNTERSIGN_WEBHOOK_SECRET", " ", "the webhook secret is empty"),
        ("COUNTERSIGN_SIGNING_KEY", "", "the ledger has no signing key"),
        ("COUNTERSIGN_SIGNING_KEY", RSA, "`signing_key` is not an Ed25519"),
        ("COUNTERSIGN_PRIVATE_KEY", "", "the GitHub App has no private key"),
        ("COUNTERSIGN_PRIVATE_KEY", "canary", "`private_key` is not an RSA"),
        ("COUNTERSIGN_APP_ID", "", "the GitHub App has no number"),
        ("COUNTERSIGN_APP_ID", "Iv1.x", "is not a number (environment COUNTERSIGN_APP_ID)"),
        ("COUNTERSIGN_LISTEN", "8080", "is not an address"),
        ("COUNTERSIGN_GITHUB_API_URL", "api.github.com", "is not an http address"),
        ("COUNTERSIGN_GITHUB_API_URL", "ftp://x", "is not an http address"),
        ("COUNTERSIGN_GITHUB_API_URL", "https://u:canary@x", "is not an http address"),
        ("COUNTERSIGN_GITHUB_URL", "http://github.acme.example", "is not safe for tokens"),
        ("COUNTERSIGN_QUIET", "10", "is not a span of time"),
        ("COUNTERSIGN_QUIET", "1.5h", "is not a span of time"),
        ("COUNTERSIGN_RECONCILE_INTERVAL", "0s", "is not a span between sweeps"),
        ("COUNTERSIGN_DATABASE_URL", "postgres://u:canary@h", "names no database of PostgreSQL"),
        ("COUNTERSIGN_DATABASE_URL", "postgres://u:canary@h:port/d", "names no database of PostgreSQL"),
        ("COUNTERSIGN_DATABASE_URL", "countersign.db", "names no database"),
        ("COUNTERSIGN_LEDGER_REF", "main", "is not a full reference"),
        ("COUNTERSIGN_ADOPT", "yes", "is not a way to adopt"),
        ("COUNTERSIGN_LOG", "a=b=c", "is not a tracing filter"),
        ("COUNTERSIGN_LOG_FORMAT", "xml", "is not a format"),
        ("COUNTERSIGN_SMTP_URL", "smtp://u:canary@h", "`mail_from` is not"),
        ("COUNTERSIGN_PRIVATE_KEY_FILE", "canary.pem", "are both set in the environment"),
    ];
    for (name, value, expected) in cases {
        let told = wrong(name, value);
        assert!(told.contains(expected) && told.contains("\nhelp: "), "{name}={value}: {told}");
        assert!(!told.replace("canary.pem", "").contains("canary"), "{told}");
    }
    assert_eq!(wrong("COUNTERSIGN_GITHUB_URL", "http://[::1]:3000"), "");
    assert_eq!(wrong("COUNTERSIGN_LISTEN", "localhost:0"), "");
    for url in ["postgres://u:canary@h/d", "postgresql:///d?host=/run/postgresql", "postgres://h?dbname=d"] {
        assert_eq!(wrong("COUNTERSIGN_DATABASE_URL", url), "");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    assert_eq!(serve(&[], "").err().unwrap().list().len(), 4);
    let faults = serve(&[("COUNTERSIGN_QUIET", "soon".to_owned())], "").err().unwrap();
    assert_eq!(
        faults.list().last().unwrap().what(),
        "`quiet` is `soon`, which is not a span of time (environment COUNTERSIGN_QUIET)"
    );
}

#[test]
fn a_file_is_refused_for_what_nobody_would_read() {
    let cases = [
        ("lisen = 'x'", "`c.toml` has an unknown name `lisen`\nhelp: did you mean `listen`?"),
        ("webhook_secret_fil = 'x'", "help: did you mean `webhook_secret_file`?"),
        ("colour = 'x'", "help: remove it"),
        ("listen_file = 'x'", "has an unknown name `listen_file`"),
        ("quiet = true", "`quiet` in `c.toml` is not a text"),
        ("[repositories.'acme/app'.environments.production]\nidentity = 'canary'", "has an unknown name `identity`"),
        ("[repositories.'acme/app'.environments.production]\nage_identity_file = ' '", "names no file of an identity"),
        ("[repositories.'acme/app'.environments.Prod]\nage_identity_file = 'x'", "names no environment"),
        (
            "[repositories.'acme/app'.environments]\na = {age_identity_file = 'x'}\nb = {age_identity_file = 'x'}",
            "environments.b` in `c.toml` names the file of `a` in acme/app\nhelp: give each environment",
        ),
        ("repositories = 'x'", "`repositories` in `c.toml` is not a table"),
        ("[repositories.acme.secrets]", "`repositories.\"acme\"` in `c.toml` names no repository"),
        ("[repositories.'acme/app'.secret]", "`repositories.\"acme/app\".secret` in `c.toml` has an unknown name"),
        ("[repositories.'acme/app'.secrets]\n[repositories.'Acme/App'.secrets]", "is there in another spelling"),
        ("[repositories.'acme/app'.secrets]\nhook = {value = 'canary'}", "secrets.hook` in `c.toml` is no alias"),
        (
            "[repositories.'acme/app'.secrets]\nHOOK = 'canary'",
            "secrets.HOOK` in `c.toml` is not a table\nhelp: write it as {",
        ),
        ("[repositories.'acme/app'.secrets]\nHOOK = {hosts = ['x']}", "says nowhere what the secret is"),
        ("[repositories.'acme/app'.secrets]\nHOOK = {file = 'x', value = 'canary'}", "has more than one of `file`"),
        ("[repositories.'acme/app'.secrets]\nHOOK = {value = ' '}", "secrets.HOOK.value` in `c.toml` is empty"),
        ("[repositories.'acme/app'.secrets]\nHOOK = {value = 7}", "secrets.HOOK.value` in `c.toml` is not a text"),
        ("[repositories.'acme/app'.secrets]\nHOOK = {env = 'GONE'}", "names the variable `GONE`, which is not set"),
        ("[repositories.'acme/app'.secrets]\nHOOK = {value = 'canary', host = 'x'}", "has an unknown name `host`"),
        (
            "[repositories.'acme/app'.secrets]\nHOOK = {value = 'canary', hosts = 'x'}",
            "hosts` in `c.toml` is not a list",
        ),
        (
            "[repositories.'acme/app'.secrets]\nHOOK = {value = 'canary', hosts = ['https://x']}",
            "`https://x` is not a host",
        ),
        ("[repositories.'acme/app'.secrets]\nHOOK = {value = 'canary', allow_private = 1}", "is not true or false"),
        ("a = 1\nwebhook_secret = 'canary", "`c.toml` is not valid TOML (line 2"),
        (
            "private_key = 'canary'\nprivate_key_file = 'x'",
            "`private_key` and `private_key_file` are both set in `c.toml`",
        ),
        ("private_key_file = 'gone'", "`private_key_file` names `gone`, which cannot be read"),
        ("signing_key_file = 'empty'", "which is empty"),
    ];
    for (file, expected) in cases {
        let told = resolve(&sources(&[], file)).err().map(|faults| faults.to_string()).unwrap_or_default();
        assert!(told.contains(expected), "{file}: {told}");
        assert!(!told.contains("canary"), "{told}");
    }
}

#[test]
fn a_misspelt_variable_is_worth_a_warning() {
    let settings = resolve(&sources(
        &[("COUNTERSIGN_WEBHOOK_SECERT", "x".to_owned()), ("COUNTERSIGN_TEST_REQUIRE_ALL", "1".to_owned())],
        "",
    ))
    .unwrap();
    let told: Vec<_> = settings.warnings().iter().map(Fault::to_string).collect();
    assert_eq!(
        told,
        ["`COUNTERSIGN_WEBHOOK_SECERT` is not read by anything\nhelp: did you mean `COUNTERSIGN_WEBHOOK_SECRET`?"]
    );
}

#[test]
fn a_runner_knows_its_github() {
    let url = |variables: &[(&str, &str)]| {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        resolve(&sources(&variables, "")).unwrap().text(Key::GithubApiUrl).unwrap().to_owned()
    };
    let (actions, api) = (("GITHUB_ACTIONS", "true"), ("GITHUB_API_URL", "https://ghe.acme.example/api/v3"));
    assert_eq!(url(&[actions, api]), "https://ghe.acme.example/api/v3");
    assert_eq!(url(&[api]), "https://api.github.com");
    assert_eq!(url(&[actions, api, ("COUNTERSIGN_GITHUB_API_URL", "https://x.example")]), "https://x.example");
}

#[test]
fn what_config_prints_holds_no_secret() {
    let mut variables = whole();
    variables.push(("COUNTERSIGN_DATABASE_URL", "postgres://app:canary@db/x?sslkey=canary".to_owned()));
    let rows = resolve(&sources(&variables, "")).unwrap().rows();
    assert_eq!(rows.len(), Key::ALL.len());
    let text = serde_json::to_string(&rows).unwrap();
    assert!(!text.contains("canary") && !text.contains("PRIVATE KEY"), "{text}");
    let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap().clone();
    assert_eq!(row("database_url").value.unwrap(), "postgres://app:********@db/x");
    assert_eq!(row("webhook_secret").value.unwrap(), "********");
    assert_eq!((row("adopt").value, row("adopt").origin), (None, None));
    assert_eq!(row("listen").origin.unwrap(), "default");
}

#[test]
fn only_a_program_built_for_it_can_be_told_to_crash() {
    let told = |value: &str, available| {
        let mut variables = whole();
        variables.push(("COUNTERSIGN_CRASH_AT", value.to_owned()));
        let settings = resolve(&sources(&variables, "")).unwrap();
        assert_eq!(settings.warnings(), []);
        super::serve::crash_at(&settings, available).map(|passing| passing.is_some()).map_err(|fault| fault.to_string())
    };
    assert_eq!(told("", false), Ok(false));
    assert_eq!(told("merge-moved:2", true), Ok(true));
    assert!(told("merge-moved", false).unwrap_err().starts_with("`COUNTERSIGN_CRASH_AT` is set, and this program"));
    assert!(
        told("merge", true)
            .unwrap_err()
            .contains("`merge` is no crash point\nhelp: write `<name>[:<n>]` with one of delivery-verified, ")
    );
}

#[test]
fn a_grant_says_where_the_secret_is_and_what_it_may_be_used_with() {
    let file = "[repositories.'acme/app'.secrets]\n\
        HOOK_URL = {file = '/run/hook-canary', hosts = ['Hooks.example.com', '*.example.org']}\n\
        HOOK_SECRET = {env = 'HOOK', allow_private = true}\n\
        [repositories.'acme/web'.secrets]\n\
        HOOK_URL = {value = 'https://canary', hosts = []}\n";
    let settings = resolve(&sources(&[("HOOK", "whsec_canary\n".to_owned())], file)).unwrap();
    let grant = |repo: &str, alias: &str| {
        let name = (repo.parse().unwrap(), alias.parse().unwrap());
        let grant = settings.grants().get(&name).unwrap();
        let place = match &grant.place {
            Place::File(path) => path.display().to_string(),
            Place::Variable { value, .. } | Place::Here(value) => value.expose_secret().to_owned(),
        };
        (place, grant.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(), grant.allow_private)
    };
    let hosts = vec!["hooks.example.com".to_owned(), "*.example.org".to_owned()];
    assert_eq!(grant("acme/app", "HOOK_URL"), ("/run/hook-canary".to_owned(), hosts, false));
    assert_eq!(grant("acme/app", "HOOK_SECRET"), ("whsec_canary".to_owned(), vec![], true));
    assert_eq!(grant("acme/web", "HOOK_URL"), ("https://canary".to_owned(), vec![], false));
    let rows = serde_json::to_value(settings.grant_rows()).unwrap();
    assert_eq!(rows[1]["name"], "repositories.\"acme/app\".secrets.HOOK_URL");
    assert_eq!(rows[1]["origin"], "file /run/hook-canary, by file c.toml");
    assert_eq!(rows[0]["origin"], "environment HOOK, by file c.toml");
    assert_eq!((&rows[2]["origin"], &rows[2]["value"]), (&"file c.toml".into(), &"********".into()));
    assert!(!rows.to_string().replace("hook-canary", "").contains("canary"), "{rows}");
    assert!(resolve(&sources(&[], "")).unwrap().grants().is_empty(), "nothing is granted by itself");
}

#[test]
fn variables_of_sops_are_taken_as_they_are_and_shown_masked() {
    let given: Vec<_> =
        ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"].map(|name| (name, "canary".to_owned())).into();
    let settings = resolve(&sources(&given, "")).unwrap();
    let names: Vec<_> = settings.identity_rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD"]);
    assert!(settings.identity_rows().iter().all(|row| !row.value.contains("canary") && !row.origin.contains("canary")));
    let sops = settings.sops();
    assert!(sops.key.as_ref().is_some_and(|key| key.expose_secret() == "canary"));
    assert!(sops.file.is_some() && sops.command.as_deref() == Some("canary"));
    assert!(resolve(&sources(&[("SOPS_AGE_KEY", " ".to_owned())], "")).unwrap().identity_rows().is_empty());
}

#[test]
fn a_cluster_is_granted_to_one_environment_with_its_namespaces() {
    let place = "[repositories.'acme/app'.environments.production.kubernetes]\n";
    let file = format!(
        "{place}server = 'https://10.0.0.1:6443/'\nca_file = '/run/ca.crt'\ntoken_file = '/run/token'\n\
         namespaces = ['payments', 'web-2']\nallow_private = true\n"
    );
    let settings = resolve(&sources(&[], &file)).unwrap();
    let grant = settings.clusters().values().next().unwrap();
    assert_eq!((grant.server.as_str(), grant.host.to_string().as_str()), ("https://10.0.0.1:6443", "10.0.0.1"));
    assert_eq!(
        (grant.namespaces.as_slice(), grant.allow_private),
        (["payments".to_owned(), "web-2".to_owned()].as_slice(), true)
    );
    assert!(settings.identities().is_empty());
    let rows = serde_json::to_value(settings.cluster_rows()).unwrap();
    assert_eq!(rows[0]["name"], "repositories.\"acme/app\".environments.production.kubernetes");
    assert_eq!(rows[0]["origin"], "file /run/token, by file c.toml");
    for (from, to, told) in [
        (
            "https://10.0.0.1:6443/",
            "https://u:canary@10.0.0.1",
            "kubernetes.server` in `c.toml` is no address of an API server",
        ),
        ("https://10.0.0.1:6443/", "canary", "is no address of an API server"),
        ("['payments', 'web-2']", "[]", "kubernetes.namespaces` in `c.toml` is not a list of namespaces"),
        ("'web-2'", "'*'", "is not a list of namespaces"),
        ("token_file = '/run/token'\n", "", "names no `token_file`"),
        ("ca_file", "ca", "has an unknown name `ca`"),
        ("true", "1", "is not true or false"),
    ] {
        assert!(file.contains(from), "{from}");
        let fault = resolve(&sources(&[], &file.replacen(from, to, 1))).err().unwrap().to_string();
        assert!(fault.contains(told) && !fault.contains("canary"), "{fault}");
    }
    let plain = file.replacen("https", "http", 1);
    assert!(resolve(&sources(&[], &plain)).is_ok());
    assert!(resolve(&sources(&[], &plain.replacen("true", "false", 1))).is_err(), "plain http needs a private network");
}
