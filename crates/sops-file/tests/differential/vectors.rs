//! The files that several versions of sops wrote: the real program and this library see the same in them, also after a
//! rotation and a change of ours.
//!
//! What the program of today refuses is named, not skipped in silence.

use std::fs;
use std::path::{Path, PathBuf};

use sops_file::{Format, KeyPath, Value};

use crate::compare::{all_identities, now, open_with_all, read_plain, same, seen_json, seen_ours};
use crate::model::Seen;
use crate::sops::Sops;

fn sealed_files() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files = Vec::new();
    for case in fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let entries = fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("enc-")));
    }
    files.sort();
    files
}

#[test]
fn every_vector_means_the_same_to_both_programs() {
    if !crate::sops::is_there() {
        return;
    }
    let mut sops = Sops::new();
    // sops prints some comments in another place than it read them from.
    sops.lenient = true;
    let (mut compared, mut refused, mut faults) = (0, Vec::new(), Vec::new());
    for path in sealed_files() {
        let name = format!("{}", path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display());
        let sealed = fs::read(&path).unwrap();
        let format = Format::of_path(path.to_str().unwrap());
        match sops.decrypt(&sealed, format, false) {
            Err(fault) => refused.push(format!("{name}: {fault}")),
            Ok(printed) => {
                compared += 1;
                faults.extend(one(&sealed, &printed, format, &mut sops).err().map(|fault| format!("{name}: {fault}")));
            }
        }
    }
    eprintln!(
        "{compared} vectors opened by both, rotated and changed here, and opened by sops again; {} refused by sops",
        refused.len()
    );
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(refused.is_empty(), "sops refuses:\n{}", refused.join("\n"));
    assert!(compared > 80, "{compared}");
}

fn theirs(sealed: &[u8], printed: &[u8], format: Format, sops: &mut Sops) -> Result<Vec<Seen>, String> {
    if format != Format::Ini {
        return read_plain(printed, format);
    }
    let json = sops.decrypt(sealed, format, true)?;
    let json = serde_json::from_slice(&json).map_err(|fault| format!("sops printed no JSON: {fault}"))?;
    let mut found = Vec::new();
    seen_json(&json, &KeyPath::root(), &mut found);
    Ok(found)
}

fn one(sealed: &[u8], printed: &[u8], format: Format, sops: &mut Sops) -> Result<(), String> {
    let identities = all_identities();
    let mut opened = open_with_all(sealed, format, &identities)?;
    if format == Format::Binary {
        let plain = opened.to_plain().map_err(|fault| fault.to_string())?;
        if plain.as_slice() != printed {
            return Err("the bytes differ".to_owned());
        }
    } else {
        same("ours", &seen_ours(&opened), &theirs(sealed, printed, format, sops)?)?;
    }
    let rotated = opened.rotate_and_reseal(now()).map_err(|fault| format!("rotate: {fault}"))?;
    if sops.decrypt(&rotated, format, false)? != printed {
        return Err("sops prints something else after our rotation".to_owned());
    }
    if format == Format::Binary {
        return Ok(());
    }
    let root = KeyPath::root();
    let path = if format == Format::Ini { root.key("DEFAULT").key("vector_new") } else { root.key("vector_new") };
    let mut opened = open_with_all(sealed, format, &identities)?;
    opened.set(&path, &Value::text("new")).map_err(|fault| format!("set: {fault}"))?;
    let changed = opened.reseal(now()).map_err(|fault| format!("set: {fault}"))?;
    let printed = sops.decrypt(&changed, format, false)?;
    same("after our set", &theirs(&changed, &printed, format, sops)?, &seen_ours(&opened))
}
