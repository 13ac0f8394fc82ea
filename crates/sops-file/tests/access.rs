//! Recipients, key groups and rotation in every format: who should open a document does, and nobody else.
#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use sops_file::{
    Format, Identities, KeyKind, KeyPath, OpenOptions, OpenedDocument, RecipientEdit, RuleKey, SealError, SealOptions,
    SealedDocument, Value, open, seal,
};

const FORMATS: [(Format, &str); 5] = [
    (Format::Yaml, "# c\na: one\nm:\n    b: two\n"),
    (Format::Json, "{\n\t\"a\": \"one\",\n\t\"m\": {\n\t\t\"b\": 2\n\t}\n}\n"),
    (Format::Dotenv, "# c\na=one\nb=two\n"),
    (Format::Ini, "[s]\n; c\na = one\nb = two\n"),
    (Format::Binary, "any bytes"),
];

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn people(count: usize) -> Vec<Identities> {
    (0..count).map(|_| Identities::generate()).collect()
}

fn name(who: &Identities) -> String {
    who.recipients().next().unwrap().to_owned()
}

fn together(people: &[&Identities]) -> Identities {
    let mut all = Identities::none();
    people.iter().for_each(|who| all.extend(Identities::parse(&who.expose()).unwrap()));
    all
}

fn keys(people: &[&Identities]) -> Vec<RuleKey> {
    people.iter().map(|who| RuleKey { kind: KeyKind::Age, name: name(who) }).collect()
}

struct File {
    format: Format,
    bytes: Vec<u8>,
    plain: Vec<u8>,
}

impl File {
    fn new(format: Format, plain: &str, groups: &[&[&Identities]], threshold: u32) -> Self {
        let options = SealOptions {
            groups: groups.iter().map(|group| group.iter().map(|who| name(who)).collect()).collect(),
            shamir_threshold: threshold,
            ..SealOptions::default()
        };
        Self {
            format,
            bytes: seal(plain.as_bytes(), format, &options, now()).unwrap(),
            plain: plain.as_bytes().to_vec(),
        }
    }

    fn open(&self, who: &Identities) -> Option<OpenedDocument> {
        let sealed = SealedDocument::parse(&self.bytes, self.format).unwrap();
        open(&sealed, who, OpenOptions::default()).ok()
    }

    fn opens_to(&self, people: &[&Identities]) -> bool {
        let opened = self.open(&together(people));
        opened.is_some_and(|opened| opened.to_plain().unwrap().as_slice() == self.plain)
    }

    fn change<T>(&mut self, who: &Identities, change: impl FnOnce(&mut OpenedDocument) -> T) -> T {
        let mut opened = self.open(who).unwrap();
        let outcome = change(&mut opened);
        self.bytes = opened.reseal(now()).unwrap();
        outcome
    }

    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.bytes.clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

fn edit(add: &[&Identities], remove: &[&Identities]) -> RecipientEdit {
    let names = |people: &[&Identities]| people.iter().map(|who| name(who)).collect();
    RecipientEdit { add: names(add), remove: names(remove) }
}

#[test]
fn recipients_come_and_go_in_every_format() {
    let [a, b, c] = people(3).try_into().ok().unwrap();
    for (format, plain) in FORMATS {
        let mut file = File::new(format, plain, &[&[&a]], 0);
        let before = file.bytes.clone();
        assert!(file.change(&a, |opened| opened.edit_recipients(&edit(&[&b, &c], &[])).unwrap()));
        assert!(file.opens_to(&[&b]) && file.opens_to(&[&c]), "{format}");
        assert!(!file.change(&a, |opened| opened.edit_recipients(&edit(&[&b], &[])).unwrap()));
        assert!(file.change(&c, |opened| opened.edit_recipients(&edit(&[], &[&b, &c])).unwrap()));
        assert_eq!(String::from_utf8_lossy(&file.bytes), String::from_utf8_lossy(&before), "{format}");
        let fault = file.change(&a, |opened| opened.edit_recipients(&edit(&[], &[&a])).unwrap_err());
        assert!(matches!(fault, SealError::Metadata { .. }));
    }
}

#[test]
fn the_middle_one_of_many_recipients_leaves() {
    let all = people(12);
    let everybody: Vec<&Identities> = all.iter().collect();
    for (format, plain) in FORMATS {
        let mut file = File::new(format, plain, &[&everybody], 0);
        assert!(file.change(&all[0], |opened| opened.edit_recipients(&edit(&[], &[&all[5]])).unwrap()));
        for (number, who) in everybody.iter().enumerate() {
            assert_eq!(file.opens_to(&[who]), number != 5, "{format} {number}");
        }
    }
}

#[test]
fn groups_need_their_threshold_and_keep_it_when_the_key_is_changed() {
    let [a, b, c] = people(3).try_into().ok().unwrap();
    for (format, plain) in FORMATS {
        let mut file = File::new(format, plain, &[&[&a], &[&b], &[&c]], 2);
        for turn in 0..2 {
            assert!(file.opens_to(&[&a, &b]) && file.opens_to(&[&b, &c]) && file.opens_to(&[&a, &c]), "{format}");
            assert!(!file.opens_to(&[&a]) && !file.opens_to(&[&c]), "{format} {turn}");
            file.change(&together(&[&a, &c]), |opened| opened.rotate().unwrap());
        }
    }
}

#[test]
fn one_group_changes_and_the_stanzas_of_the_others_stay() {
    let [a, b, c, d] = people(4).try_into().ok().unwrap();
    for (format, plain) in FORMATS {
        let mut file = File::new(format, plain, &[&[&a], &[&b], &[&c]], 2);
        let old = file.lines();
        let both = together(&[&a, &b]);
        assert!(file.change(&both, |opened| opened.edit_group(2, &edit(&[&d], &[])).unwrap()));
        assert!(file.opens_to(&[&a, &d]) && file.opens_to(&[&b, &c]) && !file.opens_to(&[&c, &d]), "{format}");
        let new = file.lines();
        let gone: Vec<_> = old.iter().filter(|line| !new.contains(line)).collect();
        // JSON puts a comma behind what was the last element.
        assert!(gone.len() <= usize::from(matches!(format, Format::Json | Format::Binary)), "{format} {gone:?}");
        assert!(file.change(&both, |opened| opened.edit_group(2, &edit(&[], &[&d])).unwrap()));
        assert_eq!(file.lines(), old, "{format}");
        assert!(file.change(&both, |opened| opened.edit_group(9, &edit(&[&d], &[])).is_err()));
        assert!(file.change(&both, |opened| opened.edit_recipients(&edit(&[&d], &[])).is_err()));
    }
}

#[test]
fn groups_are_formed_and_dissolved() {
    let [a, b, c] = people(3).try_into().ok().unwrap();
    for (format, plain) in FORMATS {
        let mut file = File::new(format, plain, &[&[&a, &b]], 0);
        let set = |groups: &[&[&Identities]], threshold| {
            let groups: Vec<_> = groups.iter().map(|group| keys(group)).collect();
            move |opened: &mut OpenedDocument| opened.set_groups(&groups, threshold).unwrap()
        };
        assert!(!file.change(&a, set(&[&[&b, &a]], None)));
        assert!(file.change(&a, set(&[&[&a], &[&b], &[&c]], Some(2))));
        assert!(file.opens_to(&[&a, &c]) && !file.opens_to(&[&a]), "{format}");
        let metadata_threshold =
            |file: &File| SealedDocument::parse(&file.bytes, file.format).unwrap().metadata().shamir_threshold();
        assert_eq!(metadata_threshold(&file), 2);
        assert!(file.change(&together(&[&a, &b]), set(&[&[&a], &[&b]], None)));
        assert!(file.opens_to(&[&a, &b]) && !file.opens_to(&[&b, &c]), "{format}");
        assert!(!file.change(&together(&[&a, &b]), set(&[&[&a], &[&b]], None)));
        assert!(file.change(&together(&[&a, &b]), set(&[&[&a], &[&b], &[&c]], Some(3))));
        assert!(file.opens_to(&[&a, &b, &c]) && !file.opens_to(&[&b, &c]), "{format}");
        assert!(file.change(&together(&[&a, &b, &c]), set(&[&[&c]], None)));
        assert!(file.opens_to(&[&c]) && !file.opens_to(&[&a]), "{format}");
        assert_eq!(metadata_threshold(&file), 0);
        assert!(SealedDocument::parse(&file.bytes, format).unwrap().metadata().is_flat());
    }
}

#[test]
fn a_change_of_recipients_goes_together_with_a_change_of_values() {
    let [a, b] = people(2).try_into().ok().unwrap();
    let mut file = File::new(Format::Yaml, "a: one\n", &[&[&a]], 0);
    file.change(&a, |opened| {
        opened.edit_recipients(&edit(&[&b], &[])).unwrap();
        assert!(opened.is_changed());
        assert!(opened.set(&KeyPath::root().key("a"), &Value::text("two")).unwrap());
        opened.rotate().unwrap();
    });
    file.plain = b"a: two\n".to_vec();
    assert!(file.opens_to(&[&b]));
}

/// A document with a key of another kind beside ours.
fn with_kms(file: &File) -> Vec<u8> {
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    let kms = "\n    kms:\n        - arn: arn:aws:kms:x\n          created_at: \"2020-01-01T00:00:00Z\"\n          enc: AAAA\n          aws_profile: \"\"\n    extra_field:   {odd:  1}\n    lastmodified:";
    text.replace("\n    lastmodified:", kms).into_bytes()
}

#[test]
fn keys_that_cannot_be_served_are_kept_and_stop_a_rotation_by_name() {
    let [a, b] = people(2).try_into().ok().unwrap();
    let mut file = File::new(Format::Yaml, "a: one\n", &[&[&a]], 0);
    file.bytes = with_kms(&file);
    let old = file.lines();
    let fault = file.change(&a, |opened| opened.rotate().unwrap_err());
    assert!(fault.to_string().contains("kms:arn:aws:kms:x"), "{fault}");
    file.change(&a, |opened| assert!(opened.set(&KeyPath::root().key("a"), &Value::text("two")).unwrap()));
    assert!(file.change(&a, |opened| opened.edit_recipients(&edit(&[&b], &[])).unwrap()));
    let new = file.lines();
    for line in old.iter().filter(|line| !line.starts_with("a:") && !line.contains("mac:")) {
        assert!(new.contains(line) || line.contains("lastmodified"), "{line}");
    }
    let groups = [keys(&[&a]), keys(&[&b])];
    let fault = file.change(&a, |opened| opened.set_groups(&[groups.concat()], None));
    assert!(fault.unwrap(), "the rule does not name the key: it goes");
    assert!(!String::from_utf8_lossy(&file.bytes).contains("arn:aws"));
    let unknown = RuleKey { kind: KeyKind::Pgp, name: "ABCD".to_owned() };
    let fault =
        file.change(&a, |opened| opened.set_groups(&[[keys(&[&a]), vec![unknown]].concat()], None).unwrap_err());
    assert!(fault.to_string().contains("pgp:ABCD"), "{fault}");
}

#[test]
fn metadata_of_a_later_document_never_name_who_gets_the_key() {
    let [a, intruder] = people(2).try_into().ok().unwrap();
    let mut file = File::new(Format::Yaml, "a: one\n---\nb: two\n", &[&[&a]], 0);
    let text = String::from_utf8(file.bytes.clone()).unwrap();
    let (first, second) = text.split_once("\n---\n").unwrap();
    file.bytes = format!("{first}\n---\n{}", second.replace(&name(&a), &name(&intruder))).into_bytes();
    assert!(file.opens_to(&[&a]) || file.open(&a).is_some());
    assert!(matches!(file.change(&a, |opened| opened.rotate().unwrap_err()), SealError::Metadata { .. }));
}
