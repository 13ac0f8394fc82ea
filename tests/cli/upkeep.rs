//! `migrate` and `backup`: the database without a server.

use std::os::unix::fs::PermissionsExt as _;

use crate::bench::Bench;

#[test]
fn the_schema_is_brought_up_to_date_and_before_that_only_looked_at() {
    let bench = Bench::new();
    let asked = bench.run(&["migrate", "--dry-run"]);
    assert_eq!((asked.code, asked.err.as_str()), (10, ""));
    assert!(asked.out.starts_with("would take step 1: journal\nwould take step 2: "), "{}", asked.out);
    assert_eq!(bench.files(&bench.folder()), Vec::<String>::new(), "to look makes no file");

    let steps = asked.out.replace("would take", "took");
    assert_eq!(bench.run(&["migrate"]).fine(), steps);
    let newest = steps.lines().count();
    assert_eq!(bench.run(&["migrate"]).fine(), format!("the schema is up to date: step {newest}\n"));
    let json = bench.run(&["migrate", "--dry-run", "--json"]).json();
    assert_eq!((json["version"].as_i64(), json["taken_now"].as_i64()), (Some(1), Some(0)));
    let taken = json["steps"].as_array().expect("steps").iter().filter(|step| step["taken"] == true).count();
    assert_eq!(taken, newest);
}

#[test]
fn a_copy_opens_and_is_the_owners_alone() {
    let bench = Bench::new();
    bench.run(&["migrate"]).fine();
    let told = bench.run(&["backup", "copy.db"]).ends(0);
    assert!(told.contains("copied to copy.db: 0 ledger heads"), "{told}");
    let mode = std::fs::metadata(bench.path("copy.db")).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let json = bench.run(&["backup", "--json", "other.db"]).json();
    let bytes = std::fs::metadata(bench.path("other.db")).expect("the copy").len();
    assert_eq!((json["file"].as_str(), json["bytes"].as_u64()), (Some("other.db"), Some(bytes)));

    let mut there = bench;
    there.set("COUNTERSIGN_DATABASE_URL", "sqlite:copy.db");
    assert!(there.run(&["migrate", "--dry-run"]).fine().starts_with("the schema is up to date"));
    let left = there.files(&there.folder());
    assert!(left.iter().all(|name| !name.contains("backup")), "nothing half done is left: {left:?}");
}

#[test]
fn a_copy_that_cannot_be_made_says_why_and_writes_nothing() {
    let mut bench = Bench::new();
    let err = bench.run(&["backup", "copy.db"]).ends(100);
    assert!(err.contains("there is no database at `countersign.db`") && err.contains("help: "), "{err}");
    bench.run(&["migrate"]).fine();
    bench.write("taken.db", "somebody's");
    std::os::unix::fs::symlink("elsewhere.db", bench.path("link.db")).expect("a link");
    for name in ["taken.db", "link.db", "."] {
        let err = bench.run(&["backup", name]).ends(2);
        assert!(err.contains(&format!("`{name}` exists")), "{err}");
    }
    assert_eq!(bench.read("taken.db"), "somebody's");
    assert!(!bench.path("elsewhere.db").exists());
    let err = bench.run(&["backup", "nowhere/copy.db"]).ends(1);
    assert!(err.contains("`nowhere/copy.db` cannot be written"), "{err}");

    bench.set("COUNTERSIGN_DATABASE_URL", "postgres://countersign:hunter2@db/countersign");
    let err = bench.run(&["backup", "copy.db"]).ends(2);
    assert!(err.contains("pg_dump") && !err.contains("hunter2"), "{err}");
    bench.set("COUNTERSIGN_DATABASE_URL", "mysql://hunter2");
    for verb in [&["backup", "copy.db"][..], &["migrate"]] {
        let err = bench.run(verb).ends(2);
        assert!(err.contains("names no database we know") && !err.contains("hunter2"), "{err}");
    }
    assert!(!bench.path("copy.db").exists());
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let bench = Bench::new();
    bench.write("countersign.db", "this was never a database, and is long enough to look like one");
    for verb in [&["migrate"][..], &["migrate", "--dry-run"], &["backup", "copy.db"]] {
        let err = bench.run(verb).ends(1);
        assert!(err.contains("not a database") && err.contains("help: "), "{err}");
    }
    assert!(!bench.path("copy.db").exists());
    assert!(bench.read("countersign.db").starts_with("this was never"));
}
