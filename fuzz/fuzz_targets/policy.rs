//! The policy file: every fault has a place inside it, and a policy is as strong as itself.
#![no_main]

use countersign_core::policy::{Strength, compare, lint, parse};
use countersign_fuzz::MAX;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > MAX {
        return;
    }
    match parse(text) {
        Ok(policy) => {
            let again = parse(text).expect("the same text is the same policy");
            assert!(compare(&policy, &again).strength == Strength::Equal, "a policy is as strong as itself");
            assert!(policy.digest() == again.digest(), "and has one digest");
            lint(&policy).iter().for_each(|finding| assert!(!finding.render("policy.yaml", text).is_empty()));
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "a refusal says why");
            for fault in faults {
                assert!(fault.place.is_none_or(|place| place.line >= 1 && place.column >= 1), "places count from 1");
                assert!(!fault.render("policy.yaml", text).is_empty());
            }
        }
    }
});
