//! The size of files, and what production code keeps away from.

use std::path::PathBuf;

use crate::workspace::{files, production, root, shown};

const FILE_LIMIT_LINES: usize = 400;
const MAIN_LIMIT_LINES: usize = 30;

fn below(folders: &[&str]) -> Vec<PathBuf> {
    folders.iter().flat_map(|folder| files(&root().join(folder), ".rs")).collect()
}

fn lines(path: &PathBuf) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let long: Vec<_> = files(&root(), ".rs")
        .iter()
        .filter(|path| lines(path) > FILE_LIMIT_LINES)
        .map(|path| shown(path))
        .collect();
    assert!(long.is_empty(), "more than {FILE_LIMIT_LINES} lines: {long:?}");
}

#[test]
fn a_functions_main_only_puts_parts_together() {
    let mains: Vec<_> =
        below(&["functions"]).into_iter().filter(|path| path.ends_with("src/main.rs")).collect();
    assert!(!mains.is_empty());
    let long: Vec<_> =
        mains.iter().filter(|path| lines(path) > MAIN_LIMIT_LINES).map(|path| shown(path)).collect();
    assert!(long.is_empty(), "more than {MAIN_LIMIT_LINES} lines: {long:?}");
}

#[test]
fn the_environment_is_read_in_config_files_only() {
    let readers: Vec<_> = below(&["functions", "shared"])
        .into_iter()
        .filter(|path| !path.ends_with("config.rs") && production(path).contains("env::var"))
        .map(|path| shown(&path))
        .collect();
    assert!(readers.is_empty(), "{readers:?}");
}

#[test]
fn production_code_does_not_unwrap() {
    for path in below(&["functions", "shared"])
        .into_iter()
        .filter(|path| !path.starts_with(root().join("shared/testkit")))
    {
        for (number, line) in (1..).zip(production(&path).lines()) {
            let is_comment = line.trim_start().starts_with("//");
            let unwraps = [".unwrap()", ".expect(", ".unwrap_err()", "panic!(", "todo!(", "unimplemented!("];
            let found = unwraps.iter().find(|unwrap| line.contains(**unwrap));
            assert!(is_comment || found.is_none(), "{}:{number} holds {}", shown(&path), found.unwrap());
        }
    }
}

#[test]
fn the_domain_asks_no_clock_and_no_chance() {
    for path in below(&["shared/domain"]) {
        let text = production(&path);
        for source in ["SystemTime", "Instant", "now_utc", "fastrand", "std::fs", "std::net", "std::thread"] {
            assert!(!text.contains(source), "{} mentions {source}", shown(&path));
        }
    }
}
