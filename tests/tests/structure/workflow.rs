//! The workflow for GitHub runs the scripts that people run, and nothing else.

use serde_norway::Value;

use crate::workspace::root;

fn workflow() -> Value {
    let path = root().join(".github/workflows/checks.yml");
    serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a job runs, in order.
fn commands(job: &str) -> Vec<String> {
    let steps = workflow()["jobs"][job]["steps"].as_sequence().unwrap().clone();
    steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect()
}

#[test]
fn each_change_and_each_night_run_the_scripts_of_the_project() {
    assert_eq!(commands("run"), [".ci/run"]);
    assert_eq!(commands("full"), [".ci/full"]);
    let workflow = workflow();
    let jobs: Vec<_> = workflow["jobs"].as_mapping().unwrap().keys().collect();
    assert_eq!(jobs, ["run", "full"]);
    for event in ["push", "pull_request", "schedule"] {
        assert!(workflow["on"].get(event).is_some(), "{event} starts nothing");
    }
    let condition = |job: &str| workflow["jobs"][job]["if"].as_str().unwrap().to_owned();
    assert_eq!(condition("run"), "github.event_name != 'schedule'");
    assert!(condition("full").starts_with("github.event_name == 'schedule'"));
}

#[test]
fn contributing_and_readme_name_the_scripts() {
    let contributing = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    assert!(contributing.contains(".ci/run") && contributing.contains(".ci/full"));
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    // The second of the README's two commands, as it stands there.
    assert!(
        readme.contains("\ncargo test --workspace\n") && run.contains("\n    cargo test --workspace 2>&1")
    );
    assert!(
        readme.contains("\ncargo run --release\n") && run.contains("\n    cargo run --release --locked\n")
    );
}
