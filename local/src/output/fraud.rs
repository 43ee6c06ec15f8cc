//! What each rule of fraud caught: a back-test, when the input is old.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::signal::{FRAUD_SHADOWED, FRAUD_SUSPECTED};

use super::{Signals, number};

/// Users that a line names.
const USERS_SHOWN: usize = 3;

/// A line for each rule and mode that caught something.
pub(crate) fn by_rule(signals: &Signals) -> Vec<String> {
    let mut caught: BTreeMap<(String, &str), (u64, BTreeSet<String>)> = BTreeMap::new();
    for signal in signals.in_order() {
        let mode = match signal["type"].as_str() {
            Some(FRAUD_SUSPECTED) => "live",
            Some(FRAUD_SHADOWED) => "in the shadow",
            _ => continue,
        };
        let rule = signal["data"]["rule"].as_str().unwrap_or_default().to_owned();
        let (alerts, users) = caught.entry((rule, mode)).or_default();
        *alerts += 1;
        users.insert(signal["subject"].as_str().unwrap_or_default().to_owned());
    }
    let line = |((rule, mode), (alerts, users)): ((String, &str), (u64, BTreeSet<String>))| {
        let some: Vec<_> = users.iter().take(USERS_SHOWN).cloned().collect();
        let more = if users.len() > USERS_SHOWN { ", …" } else { "" };
        let (alerts, count) = (number(alerts), number(users.len() as u64));
        format!("rule {rule}, {mode}: {alerts} alerts on {count} users ({}{more})", some.join(", "))
    };
    caught.into_iter().map(line).collect()
}
