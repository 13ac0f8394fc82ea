//! Three lists side by side: which stretches both sides left alone, and what stands between them.
//!
//! Never sees a value, only prints.

use std::collections::BTreeMap;
use std::ops::Range;

use super::prints::Print;
use crate::diff::common;

/// Positions of one stretch in base, target and other.
pub(super) struct Stretch {
    pub(super) base: Range<usize>,
    pub(super) target: Range<usize>,
    pub(super) other: Range<usize>,
    /// One element that all three have.
    pub(super) stable: bool,
}

/// Cuts the lists at the elements that are in all three.
pub(super) fn stretches(base: &[Print], target: &[Print], other: &[Print]) -> Vec<Stretch> {
    let in_target: BTreeMap<usize, usize> = common(base, target).into_iter().collect();
    let in_other: BTreeMap<usize, usize> = common(base, other).into_iter().collect();
    let (mut stretches, mut at) = (Vec::new(), (0, 0, 0));
    let between = |from: (usize, usize, usize), to: (usize, usize, usize), stretches: &mut Vec<Stretch>| {
        if from != to {
            let (base, target, other) = (from.0..to.0, from.1..to.1, from.2..to.2);
            stretches.push(Stretch { base, target, other, stable: false });
        }
    };
    for (position, in_target) in in_target {
        let Some(in_other) = in_other.get(&position).copied() else { continue };
        between(at, (position, in_target, in_other), &mut stretches);
        stretches.push(Stretch {
            base: position..position + 1,
            target: in_target..in_target + 1,
            other: in_other..in_other + 1,
            stable: true,
        });
        at = (position + 1, in_target + 1, in_other + 1);
    }
    between(at, (base.len(), target.len(), other.len()), &mut stretches);
    stretches
}
