//! Whether the seats of several groups can be filled by distinct people.
//!
//! Works on names as written, so it only ever proves that a quorum is out of reach. Teams are taken to have people enough.

use std::collections::BTreeMap;

use super::model::Group;

/// How many seats of users-only groups stay empty in the best assignment of distinct people (R43); 0 when all can be filled.
pub(super) fn empty_seats(groups: &[Group]) -> usize {
    let mut people: BTreeMap<String, usize> = BTreeMap::new();
    let mut seats: Vec<Vec<usize>> = Vec::new();
    for group in groups.iter().filter(|group| group.approvers.teams.is_empty()) {
        let mut able = Vec::new();
        for login in &group.approvers.users {
            let next = people.len();
            able.push(*people.entry(login.as_str().to_ascii_lowercase()).or_insert(next));
        }
        seats.extend(std::iter::repeat_n(able, usize::from(group.required)));
    }
    let mut seat_of = vec![None; people.len()];
    let filled =
        (0..seats.len()).filter(|seat| fill(*seat, &seats, &mut seat_of, &mut vec![false; people.len()])).count();
    seats.len() - filled
}

/// Finds a person for the seat, moving others to seats they can fill as well.
fn fill(seat: usize, seats: &[Vec<usize>], seat_of: &mut [Option<usize>], asked: &mut [bool]) -> bool {
    for person in &seats[seat] {
        if std::mem::replace(&mut asked[*person], true) {
            continue;
        }
        let free = match seat_of[*person] {
            None => true,
            Some(other) => fill(other, seats, seat_of, asked),
        };
        if free {
            seat_of[*person] = Some(seat);
            return true;
        }
    }
    false
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::{Login, TeamSlug};
    use crate::policy::Approvers;

    fn group(names: &str, required: u8) -> Group {
        let (teams, users): (Vec<&str>, Vec<&str>) = names.split(' ').partition(|name| name.contains('/'));
        let users = users.into_iter().map(|name| Login::parse(name).unwrap()).collect();
        let teams = teams.into_iter().map(|name| TeamSlug::parse(name).unwrap()).collect();
        Group { name: "g".into(), approvers: Approvers { users, teams }, required }
    }

    #[test]
    fn distinct_people_are_assigned_not_counted() {
        let cases: &[(&[(&str, u8)], usize)] = &[
            (&[("ann bob", 2)], 0),
            (&[("ann bob", 3)], 1),
            (&[("ann", 1), ("ann bob", 1)], 0),
            (&[("ann bob", 1), ("ann", 1)], 0),
            (&[("ann", 1), ("ann", 1)], 1),
            (&[("ann", 1), ("Ann", 1)], 1),
            (&[("ann bob", 2), ("bob cy", 2)], 1),
            (&[("ann acme/x", 5)], 0),
            (&[("ann acme/x", 5), ("ann", 1)], 0),
        ];
        for (groups, expected) in cases {
            let groups: Vec<_> = groups.iter().map(|(names, required)| group(names, *required)).collect();
            assert_eq!(empty_seats(&groups), *expected, "{groups:?}");
        }
    }
}
