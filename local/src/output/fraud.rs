//! What each rule of fraud caught: a back-test, when the input is old.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::signal::{FRAUD_SHADOWED, FRAUD_SUSPECTED};
use serde_json::Value;

use super::{Signals, number};
use crate::options::Rules;

/// Users that a line names.
const USERS_SHOWN: usize = 3;

/// Suspicions, and the users that they are about.
type Caught = (u64, BTreeSet<String>);

/// A line for each rule that ran, also where it caught nothing; of rules that ran elsewhere, for those that did.
pub(crate) fn by_rule(signals: &Signals, rules: Option<&Rules>) -> Vec<String> {
    let mut caught: BTreeMap<(String, &str), Caught> = BTreeMap::new();
    if let Some(rules) = rules {
        for (rule, mode) in [("amount", &rules.amount_mode), ("velocity", &rules.velocity_mode)] {
            if let Some(mode) = mode_in_words(mode) {
                caught.insert((rule.to_owned(), mode), Caught::default());
            }
        }
    }
    for signal in signals.in_order() {
        let mode = match signal["type"].as_str() {
            Some(FRAUD_SUSPECTED) => LIVE,
            Some(FRAUD_SHADOWED) => SHADOW,
            _ => continue,
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (suspicions, users) = caught.entry((text(&signal["data"]["rule"]), mode)).or_default();
        *suspicions += 1;
        users.insert(text(&signal["subject"]));
    }
    caught.iter().map(line).collect()
}

const LIVE: &str = "live";
const SHADOW: &str = "in the shadow";

fn mode_in_words(mode: &str) -> Option<&'static str> {
    match mode {
        "live" => Some(LIVE),
        "shadow" => Some(SHADOW),
        _ => None,
    }
}

fn line(((rule, mode), (suspicions, users)): (&(String, &str), &Caught)) -> String {
    if *suspicions == 0 {
        return format!("rule {rule}, {mode}: no suspicion");
    }
    let some: Vec<_> = users.iter().take(USERS_SHOWN).cloned().collect();
    let more = if users.len() > USERS_SHOWN { ", …" } else { "" };
    let (suspicions, count) = (number(*suspicions), number(users.len() as u64));
    format!("rule {rule}, {mode}: {suspicions} suspicions on {count} users ({}{more})", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Tuning;

    fn signals(suspected: &[(&str, &str, &str)]) -> Signals {
        let mut signals = Signals::default();
        for (number, (signal_type, rule, user)) in suspected.iter().enumerate() {
            let signal = serde_json::json!({
                "type": signal_type, "id": number.to_string(), "source": "s", "subject": user,
                "originstream": "events", "originshardid": "l", "originsequencenumber": number.to_string(), "data": {"rule": rule},
            });
            signals.add_record(signal.to_string().as_bytes());
        }
        signals
    }

    #[test]
    fn a_rule_that_caught_nothing_says_so_and_one_that_is_off_says_nothing() {
        let mut rules = Tuning::usual().rules;
        let none = signals(&[]);
        assert_eq!(
            by_rule(&none, Some(&rules)),
            ["rule amount, live: no suspicion", "rule velocity, live: no suspicion"]
        );
        (rules.amount_mode, rules.velocity_mode) = ("shadow".to_owned(), "off".to_owned());
        assert_eq!(by_rule(&none, Some(&rules)), ["rule amount, in the shadow: no suspicion"]);
        assert!(by_rule(&none, None).is_empty(), "what ran elsewhere is known by what it caught");
    }

    #[test]
    fn suspicions_are_counted_by_rule_and_mode() {
        let users = ["u", "v", "w", "x"];
        let suspected = users.map(|user| (FRAUD_SUSPECTED, "velocity", user));
        let signals = signals(&[&suspected[..], &[(FRAUD_SHADOWED, "amount", "u"), suspected[0]]].concat());
        assert_eq!(
            by_rule(&signals, None),
            [
                "rule amount, in the shadow: 1 suspicions on 1 users (u)",
                "rule velocity, live: 5 suspicions on 4 users (u, v, w, …)"
            ]
        );
    }
}
