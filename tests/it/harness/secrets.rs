//! Real SOPS documents, sealed with age by the crate the product uses.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use jiff::Timestamp;
use sops_file::{Format, Identities, OpenOptions, Plain, SealOptions, SealedDocument, Value, open, seal};

/// The one reader of all documents, and the documents made so far: asked twice, the bytes are the same.
pub(crate) struct Secrets {
    reader: Identities,
    made: Mutex<BTreeMap<(String, u32), String>>,
}

/// What is planted in every document: it must never be seen anywhere.
pub(crate) const CANARY: &str = "canary-8c1f-hunter2";

fn all() -> &'static Secrets {
    static ALL: OnceLock<Secrets> = OnceLock::new();
    ALL.get_or_init(|| Secrets { reader: Identities::generate(), made: Mutex::default() })
}

fn now() -> Timestamp {
    Timestamp::from_second(1_780_000_000).expect("an instant")
}

impl Secrets {
    /// Version `version` of an environment's file; versions differ in `db.password` alone.
    pub(crate) fn sealed(environment: &str, version: u32) -> String {
        let secrets = all();
        let mut made = secrets.made.lock().expect("no test panics in here");
        let first = made.entry((environment.to_owned(), 1)).or_insert_with(|| secrets.first(environment)).clone();
        if version == 1 {
            return first;
        }
        let key = (environment.to_owned(), version);
        made.entry(key).or_insert_with(|| secrets.with_password(&first, &format!("{CANARY}-{version}"))).clone()
    }

    fn first(&self, environment: &str) -> String {
        let plain = format!("db:\n  password: {CANARY}-1\n  user: app\n# where\nhost: {environment}.example\n");
        let to = SealOptions::to(self.reader.recipients().map(str::to_owned));
        // an hour before it is changed: a change that keeps the date is told as odd
        let earlier = Timestamp::from_second(1_780_000_000 - 3_600).expect("an instant");
        let sealed = seal(plain.as_bytes(), Format::Yaml, &to, earlier).expect("sealed");
        String::from_utf8(sealed).expect("YAML is text")
    }

    fn with_password(&self, text: &str, value: &str) -> String {
        self.set(text, "db.password", value)
    }

    /// A document with another value of one key, under the same data key; everything else as it stands.
    pub(crate) fn changed(text: &str, key: &str, value: &str) -> String {
        all().set(text, key, value)
    }

    fn set(&self, text: &str, key: &str, value: &str) -> String {
        let sealed = SealedDocument::parse(text.as_bytes(), Format::Yaml).expect("sealed");
        let mut opened = open(&sealed, &self.reader, OpenOptions::default()).expect("opened");
        opened.set(&key.parse().expect("a key"), &Value::Scalar(Plain::text(value))).expect("set");
        String::from_utf8(opened.reseal(now()).expect("resealed")).expect("YAML is text")
    }
}

impl Secrets {
    /// The public name of the one reader.
    pub(crate) fn recipient() -> String {
        all().reader.recipients().next().expect("one reader").to_owned()
    }

    /// A document that somebody else can open.
    pub(crate) fn for_a_stranger(environment: &str) -> String {
        Secrets { reader: Identities::generate(), made: Mutex::default() }.first(environment)
    }
}

impl Secrets {
    /// Any plain document, sealed for the one reader.
    pub(crate) fn of(plain: &str) -> String {
        let to = SealOptions::to(all().reader.recipients().map(str::to_owned));
        let earlier = Timestamp::from_second(1_780_000_000 - 3_600).expect("an instant");
        String::from_utf8(seal(plain.as_bytes(), Format::Yaml, &to, earlier).expect("sealed")).expect("YAML is text")
    }

    /// A sealed document with another value under a key.
    pub(crate) fn set_in(text: &str, key: &str, value: &str) -> String {
        all().set(text, key, value)
    }

    /// A sealed document without a key.
    pub(crate) fn without(text: &str, key: &str) -> String {
        let sealed = SealedDocument::parse(text.as_bytes(), Format::Yaml).expect("sealed");
        let mut opened = open(&sealed, &all().reader, OpenOptions::default()).expect("opened");
        opened.unset(&key.parse().expect("a key")).expect("unset");
        String::from_utf8(opened.reseal(now()).expect("resealed")).expect("YAML is text")
    }

    /// The same document for one more reader.
    pub(crate) fn with_another_reader(text: &str) -> String {
        let sealed = SealedDocument::parse(text.as_bytes(), Format::Yaml).expect("sealed");
        let mut opened = open(&sealed, &all().reader, OpenOptions::default()).expect("opened");
        let add = Identities::generate().recipients().map(str::to_owned).collect();
        opened.edit_recipients(&sops_file::RecipientEdit { add, remove: Vec::new() }).expect("added");
        String::from_utf8(opened.reseal(now()).expect("resealed")).expect("YAML is text")
    }

    /// What a sealed document says.
    pub(crate) fn opened(text: &str) -> String {
        let sealed = SealedDocument::parse(text.as_bytes(), Format::Yaml).expect("sealed");
        let opened = open(&sealed, &all().reader, OpenOptions::default()).expect("opened");
        String::from_utf8(opened.to_plain().expect("plain").to_vec()).expect("YAML is text")
    }

    /// The reader's identity.
    pub(crate) fn identity() -> String {
        all().reader.expose().trim().to_owned()
    }
}

impl super::World {
    /// Gives the server the reader's identity for environments of the repository, each in a file of its own.
    pub(crate) fn give_identities(&self, environments: &[&str]) {
        let mut text = String::new();
        for environment in environments {
            let file = self.path(&format!("{environment}.identity"));
            std::fs::write(&file, Secrets::identity()).expect("written");
            text += &format!(
                "[repositories.\"acme/app\".environments.{environment}]\nage_identity_file = \"{}\"\n",
                file.display()
            );
        }
        std::fs::write(self.path("countersign.toml"), text).expect("written");
    }
}
