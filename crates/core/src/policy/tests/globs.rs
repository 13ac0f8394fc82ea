//! The published table of patterns is true.

use super::*;
use crate::domain::RepoPath;

const TABLE: &str = include_str!("../../../../../docs/globs.md");

/// The rows of the tables with that many columns, back quotes taken off.
fn rows(columns: usize) -> Vec<Vec<String>> {
    TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>())
        .filter(|cells| cells.len() == columns && cells[0].starts_with('`'))
        .collect()
}

fn quoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[test]
fn every_case_of_the_published_table_holds() {
    let cases = rows(4);
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in cases {
        let (glob, path) = (Glob::parse(quoted(&case[0])).unwrap(), RepoPath::new(quoted(&case[1])));
        assert_eq!(glob.covers(&path), case[2] == "yes", "{} covers {path}", glob.as_str());
        assert_eq!(glob.concerns(&path), case[3] == "yes", "{} protects {path}", glob.as_str());
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_the_published_reason() {
    let cases = rows(2);
    assert!(cases.len() >= 15, "{}", cases.len());
    for case in cases {
        let fault = Glob::parse(quoted(&case[0])).expect_err(&case[0]);
        assert_eq!(fault.what, case[1], "{}", case[0]);
    }
    for text in ["", "a/b /c", "a\nb", &"x".repeat(501)] {
        assert!(Glob::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn patterns_are_normalised_and_paths_are_not() {
    let glob = Glob::parse("gru\u{308}n/").unwrap();
    assert!(glob.covers(&RepoPath::new("gr\u{fc}n/x")));
    assert!(!glob.covers(&RepoPath::new("gru\u{308}n/x")));
    assert!(glob.concerns(&RepoPath::new("gru\u{308}n/x")));
}

#[test]
fn paths_that_are_no_text_are_matched_by_wildcards_only() {
    let path = RepoPath::from_bytes(&b"secrets/\xff.yaml"[..]);
    assert!(Glob::parse("secrets/*.yaml").unwrap().covers(&path));
    assert!(Glob::parse("secrets/").unwrap().concerns(&path));
    assert!(!Glob::parse("secrets/x.yaml").unwrap().concerns(&path));
}

#[test]
fn many_stars_stay_cheap() {
    let glob = Glob::parse(&"a*".repeat(120)).unwrap();
    assert!(!glob.covers(&RepoPath::new(&format!("b{}", "a".repeat(4_000)))));
    let deep = Glob::parse(&format!("{}x", "**/a/".repeat(90))).unwrap();
    assert!(!deep.covers(&RepoPath::new(&"a/".repeat(2_000))));
}

#[test]
fn a_pattern_of_any_number_of_parts_matches_part_by_part() {
    for parts in [2, 62, 63, 64, 65, 128, 129, 200] {
        let glob = Glob::parse(&format!("{}z", "*/".repeat(parts - 1))).unwrap();
        let covers = |depth: usize, last: &str| glob.covers(&RepoPath::new(&format!("{}{last}", "b/".repeat(depth))));
        assert!(covers(parts - 1, "z"), "{parts}");
        assert!(!covers(parts - 1, "y") && !covers(parts - 2, "z") && !covers(parts, "z"), "{parts}");
    }
}

#[test]
fn what_one_pattern_includes_of_another_is_seen_from_the_two_alone() {
    for (outer, inner, includes) in [
        ("a/", "a/", true),
        ("**", "b*", true),
        ("a/", "a/b", true),
        ("a/", "a/b/", true),
        ("a/", "a/*.yaml", true),
        ("a/", "a", false),
        ("a", "a/", true),
        ("a", "a/b", true),
        ("a/b/", "a/", false),
        ("a/", "b/", false),
        ("a/", "A/b", false),
        ("*", "a", false),
    ] {
        let glob = |text: &str| Glob::parse(text).unwrap();
        assert_eq!(glob(outer).includes(&glob(inner)), includes, "{outer} includes {inner}");
    }
}

#[test]
fn a_set_may_be_of_one_letter_and_a_list_covers_what_any_of_its_patterns_does() {
    let globs = |texts: &[&str]| Globs::new(texts.iter().map(|text| Glob::parse(text).unwrap()).collect());
    assert!(Glob::parse("[a-a]").unwrap().covers(&RepoPath::new("a")) && Glob::parse("[b-a]").is_err());
    assert_eq!(Glob::parse(&"x".repeat(500)).map(|glob| glob.as_str().len()), Ok(500));
    let both = globs(&["a/", "*.md"]);
    assert!(both.covers(&RepoPath::new("a/x")) && both.covers(&RepoPath::new("b.md")));
    assert!(!both.covers(&RepoPath::new("b.txt")) && !globs(&[]).covers(&RepoPath::new("a")));
    assert!(both == globs(&["a/", "*.md"]) && both != globs(&["a/", "*.txt"]) && both != globs(&["a/"]));
}

proptest::proptest! {
    #[test]
    fn what_is_covered_is_protected(pattern in "[a-cA-C*?/\\[\\]!-]{1,12}", path in "[a-cA-C/.]{1,12}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let path = RepoPath::new(&path);
            proptest::prop_assert!(!glob.covers(&path) || glob.concerns(&path));
            let lower = RepoPath::from_bytes(path.folded());
            proptest::prop_assert!(!glob.covers(&path) || glob.concerns(&lower), "{pattern} misses {lower}");
        }
    }

    #[test]
    fn a_directory_covers_exactly_what_starts_with_it(dir in "[a-c]{1,3}(/[a-c]{1,3}){0,2}", path in "[a-c]{1,3}(/[a-c]{1,3}){0,4}") {
        let glob = Glob::parse(&format!("{dir}/")).unwrap();
        proptest::prop_assert_eq!(glob.covers(&RepoPath::new(&path)), path.starts_with(&format!("{dir}/")));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,40}", path in proptest::collection::vec(0u8.., 0..40)) {
        if let Ok(glob) = Glob::parse(&text) {
            let path = RepoPath::from_bytes(path);
            let _ = (glob.covers(&path), glob.concerns(&path));
        }
    }
}
