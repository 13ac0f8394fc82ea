//! Dials on deliveries: lose, double, delay, sign wrongly.

use std::time::Duration;

/// What happens to chosen deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryFault {
    event: Option<String>,
    skip: u32,
    times: u32,
    what: DeliveryMishap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryMishap {
    Drop,
    Duplicate,
    Delay(Duration),
    BadSignature,
}

impl DeliveryFault {
    fn new(event: &str, what: DeliveryMishap) -> Self {
        Self { event: (event != "*").then(|| event.to_owned()), skip: 0, times: 1, what }
    }

    /// The delivery is lost without a trace. `event` is a name or `*`.
    #[must_use]
    pub fn drop(event: &str) -> Self {
        Self::new(event, DeliveryMishap::Drop)
    }

    /// The delivery arrives twice with the same GUID.
    #[must_use]
    pub fn duplicate(event: &str) -> Self {
        Self::new(event, DeliveryMishap::Duplicate)
    }

    /// The delivery arrives late; later ones overtake it.
    #[must_use]
    pub fn delay(event: &str, wait: Duration) -> Self {
        Self::new(event, DeliveryMishap::Delay(wait))
    }

    /// The delivery's signature is wrong.
    #[must_use]
    pub fn bad_signature(event: &str) -> Self {
        Self::new(event, DeliveryMishap::BadSignature)
    }

    /// Lets the first `n` pass.
    #[must_use]
    pub fn skip(mut self, n: u32) -> Self {
        self.skip = n;
        self
    }

    /// Concerns `n` deliveries; 1 unless set.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = n;
        self
    }
}

/// What happens to the next delivery of an event; counts it. Used-up rules go away.
pub(crate) fn mishaps(rules: &mut Vec<DeliveryFault>, event: &str) -> Vec<DeliveryMishap> {
    let mut found = Vec::new();
    for rule in rules.iter_mut() {
        if rule.event.as_ref().is_some_and(|name| name != event) {
            continue;
        }
        if rule.skip > 0 {
            rule.skip -= 1;
            continue;
        }
        rule.times = rule.times.saturating_sub(1);
        found.push(rule.what);
    }
    rules.retain(|rule| rule.times > 0);
    found
}
