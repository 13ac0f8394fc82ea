//! What a merge queue's group is made of: which changes, one after the other, lead from what is approved to what it holds (R60).
//!
//! Goes by content alone: what a commit says of itself is not read. Whether a change may be merged is [`super::decide`]'s question.

use crate::domain::{Delta, PrNumber};
use crate::facts::compare::{Entries, apply};

/// The changes in the order in which the group's own line holds them. `approved` and `line` hold protected entries only, and
/// `changes` the protected part of each; a change without one is never among them. `None`: the group holds something else.
#[must_use]
pub fn members(approved: &Entries, line: &[Entries], changes: &[(PrNumber, Delta)]) -> Option<Vec<PrNumber>> {
    let (mut found, mut state, mut rest) = (Vec::new(), approved.clone(), line);
    let mut left: Vec<&(PrNumber, Delta)> = changes.iter().filter(|(_, delta)| !delta.is_empty()).collect();
    while rest.last().is_some_and(|last| *last != state) {
        let next = left.iter().enumerate().find_map(|(at, (number, delta))| {
            let after = apply(&state, delta);
            let step = rest.iter().position(|entries| *entries == after)?;
            Some((at, *number, after, step)).filter(|(_, _, after, _)| *after != state)
        });
        let (at, number, after, step) = next?;
        left.remove(at);
        found.push(number);
        (state, rest) = (after, &rest[step..]);
    }
    Some(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{DeltaEntry, EntryMode, Oid, RepoPath, TreeEntry};

    fn file(c: char) -> TreeEntry {
        TreeEntry { mode: EntryMode::File, oid: Oid::parse(&c.to_string().repeat(40)).unwrap() }
    }

    fn entries(files: &[(&str, char)]) -> Entries {
        files.iter().map(|(path, c)| (RepoPath::new(path), file(*c))).collect()
    }

    fn change(number: u64, path: &str, old: char, new: char) -> (PrNumber, Delta) {
        let entry = DeltaEntry { path: RepoPath::new(path), old: Some(file(old)), new: Some(file(new)) };
        (PrNumber::new(number), Delta::new([entry]))
    }

    #[test]
    fn a_group_is_the_changes_it_holds_one_after_the_other_and_nothing_else() {
        let approved = entries(&[("a", '1'), ("b", '1')]);
        let first = entries(&[("a", '2'), ("b", '1')]);
        let both = entries(&[("a", '2'), ("b", '2')]);
        let changes = [change(1, "a", '1', '2'), change(2, "b", '1', '2'), change(3, "b", '1', '3')];
        type Row<'a> = (&'a [&'a Entries], Option<&'a [u64]>);
        let table: &[Row<'_>] = &[
            (&[], Some(&[])),
            (&[&approved], Some(&[])),
            (&[&first], Some(&[1])),
            (&[&first, &both], Some(&[1, 2])),
            (&[&first, &first, &both], Some(&[1, 2])),
            // one commit that holds two changes at once is not what a queue builds
            (&[&both], None),
            // it holds more than the changes, or something on the way that was taken back is no matter
            (&[&first, &entries(&[("a", '2'), ("b", '9')])], None),
            (&[&entries(&[("a", '9'), ("b", '9')]), &approved], Some(&[])),
        ];
        for (line, expected) in table {
            let line: Vec<Entries> = line.iter().map(|entries| (*entries).clone()).collect();
            let expected = expected.map(|numbers| numbers.iter().copied().map(PrNumber::new).collect::<Vec<_>>());
            assert_eq!(members(&approved, &line, &changes), expected, "{line:?}");
        }
    }
}
