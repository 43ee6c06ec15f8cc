//! Every scenario, held against what is emitted.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_domain::signal::TYPES;

use crate::script::{emitted, is_on_trial, read};
use crate::shop::Shop;

/// The scenarios by name.
fn scenarios() -> BTreeMap<String, String> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(file).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn every_scenario_emits_what_it_says() {
    for (name, text) in scenarios() {
        let (lines, expected) = read(&text);
        let mut shop = Shop::new(is_on_trial(&text));
        for line in &lines {
            shop.live(line).await;
        }
        let actual: String = shop.emitted().iter().map(|signal| format!("{}\n", emitted(signal))).collect();
        assert!(actual == expected, "{name} emits\n\n{actual}\ninstead of\n\n{expected}");
    }
}

#[test]
fn each_signal_has_a_scenario_that_emits_it_and_one_that_nearly_does() {
    let scenarios = scenarios();
    for signal in TYPES {
        let emits = scenarios.get(signal).map(|text| read(text).1);
        assert!(
            emits.is_some_and(|emitted| emitted.contains(&format!(" {signal}: "))),
            "{signal} is emitted"
        );
        let misses = scenarios.get(&format!("{signal}.nearly")).map(|text| read(text).1);
        assert!(
            misses.is_some_and(|emitted| !emitted.contains(&format!(" {signal}: "))),
            "{signal} is missed"
        );
    }
}
