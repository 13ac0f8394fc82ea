//! The small readers: envelopes, key paths, identities, recipients, settings, JSON values, `.sops.yaml`.
#![no_main]

use countersign_fuzz::{MAX, says_nothing, with_canary};
use sops_file::{CreationRules, Envelope, Identities, KeyPath, SETTINGS, Selection, Value, check_recipient};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() > MAX {
        return;
    }
    rules(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(envelope) = Envelope::parse(text) {
        let again = Envelope::parse(&envelope.to_string());
        assert!(again.as_ref() == Ok(&envelope), "an envelope reads back as itself");
    }
    if let Ok(path) = text.parse::<KeyPath>() {
        assert!(path.to_string().parse() == Ok(path), "a key path reads back as itself");
    }
    if let Ok(identities) = Identities::parse(text) {
        let again = Identities::parse(&identities.expose()).expect("identities read back");
        assert!(identities.recipients().eq(again.recipients()), "identities read back as themselves");
    }
    for setting in SETTINGS {
        if let Ok(selection) = Selection::parse(setting, text) {
            assert!(selection.setting() == (setting, text), "a setting keeps its text");
        }
    }
    let _ = Value::from_json(text);
    let marked = with_canary(data);
    let marked = std::str::from_utf8(&marked).expect("the canary is put between characters");
    let faults = [
        Envelope::parse(marked).err().map(|fault| format!("{fault} {fault:?}")),
        Identities::parse(marked).err().map(|fault| format!("{fault} {fault:?}")),
        Value::from_json(marked).err().map(|fault| format!("{fault} {fault:?}")),
        marked.parse::<KeyPath>().err().map(|fault| format!("{fault} {fault:?}")),
    ];
    faults.iter().flatten().for_each(|fault| says_nothing(&[fault]));
    // A recipient is public and is named, but never a secret key that stands in its place.
    let secret = format!("AGE-SECRET-KEY-1{marked}");
    if let Err(fault) = check_recipient(&secret) {
        says_nothing(&[&fault.to_string()]);
    }
});

fn rules(data: &[u8]) {
    let Ok(rules) = CreationRules::parse(data) else { return };
    for path in ["secrets/a.yaml", "", "a.env", "x/y/z.json"] {
        if let Ok(Some(rule)) = rules.rule_for(path) {
            let _ = rule.options();
        }
    }
}
