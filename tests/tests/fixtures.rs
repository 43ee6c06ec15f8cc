//! Every fixture gives the result that `events/README.md` gives for it.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use archive::Archive;
use millrace_domain::session::SessionState;
use millrace_lambda::{Deadline, Function, KinesisBatch, Meter, Report};
use millrace_testkit::{Journal, MemorySignals, MemorySink, MemoryStore};
use sessions::Sessions;

fn events() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../events"))
}

fn batch(file: &str) -> KinesisBatch {
    let text = std::fs::read_to_string(events().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Files and results of the table: `applied 2, late 1` and so on.
fn table() -> BTreeMap<String, BTreeMap<String, u64>> {
    let text = std::fs::read_to_string(events().join("README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains(".json"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let result = cells[2].split(", ").map(|count| count.split_once(' ').unwrap());
        (cells[0].to_owned(), result.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect())
    })
    .collect()
}

async fn run(file: &str) -> (Report, Vec<serde_json::Value>) {
    let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
    let batch = batch(file);
    let report = if file.starts_with("sessions/") {
        let store = MemoryStore::<SessionState>::default();
        let config = sessions::Config::for_testing();
        Sessions::new(
            &config,
            (store, quarantine.clone(), MemorySignals::default()),
            Arc::new(Meter::default()),
        )
        .process(&batch, Deadline::NONE)
        .await
    } else {
        let config = archive::Config::for_testing();
        let lake: MemorySink = MemorySink::noting("lake", Journal::default());
        let function = Archive::new(&config, lake.clone(), quarantine, Arc::new(Meter::default()));
        let report = function.process(&batch, Deadline::NONE).await;
        return (report, lake.lines());
    };
    (report, quarantine.lines())
}

#[tokio::test]
async fn every_fixture_comes_to_its_result() {
    for (file, expected) in table() {
        let (report, _) = run(&file).await;
        let counts = report.tally.counts().into_iter().filter(|(_, count)| *count > 0);
        let counts: BTreeMap<_, _> = counts.map(|(name, count)| (name.to_owned(), count)).collect();
        assert_eq!(counts, expected, "{file}");
    }
}

#[test]
fn the_table_and_the_folder_hold_the_same_files() {
    let mut files = Vec::new();
    for function in ["sessions", "archive"] {
        for file in std::fs::read_dir(events().join(function)).unwrap() {
            files.push(format!("{function}/{}", file.unwrap().file_name().to_str().unwrap()));
        }
    }
    files.sort_unstable();
    assert_eq!(files, table().into_keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unknown_type_is_a_row_under_unknown_and_a_very_old_one_under_its_arrival() {
    let (_, rows) = run("archive/unknown-type.json").await;
    assert_eq!((&rows[0]["event_type"], &rows[0]["type"]), (&"unknown".into(), &"wishlist.shared".into()));
    let (_, rows) = run("archive/very-old.json").await;
    assert_eq!(rows[0]["dt"], "2025-11-03");
    let (_, rows) = run("archive/rows.json").await;
    assert_eq!((rows.len(), &rows[1]["lines"][0]["sku"]), (4, &"cup".into()));
}

#[tokio::test]
async fn the_reused_id_is_quarantined_by_name() {
    let (_, quarantine) = run("sessions/collision.json").await;
    assert_eq!(
        (&quarantine[0]["event_id"], &quarantine[0]["reason"]),
        (&"reused".into(), &"collision".into())
    );
}
