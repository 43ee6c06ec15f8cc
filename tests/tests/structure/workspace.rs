//! Where things are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A package and what it depends on outside its tests.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<String>,
}

/// The packages of the workspace by name, as cargo sees them.
pub(crate) fn packages() -> BTreeMap<String, Package> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(package: &Value) -> (String, Package) {
    let outside_tests = |dependency: &&Value| dependency["kind"] != "dev";
    let name = |dependency: &Value| dependency["name"].as_str().unwrap().to_owned();
    let dependencies =
        package["dependencies"].as_array().unwrap().iter().filter(outside_tests).map(name).collect();
    let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
    (name(package), Package { folder, dependencies })
}

/// Files below a folder whose name ends so, those of builds left out.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        } else if path.is_file() && name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's text without the tests at its end; empty for a file of tests.
pub(crate) fn production(path: &Path) -> String {
    let of_tests = ["tests", "tests.rs", "benches"];
    let is_of_tests = path.components().any(|part| of_tests.iter().any(|name| part.as_os_str() == *name));
    let text = if is_of_tests { String::new() } else { std::fs::read_to_string(path).unwrap() };
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The path as a reader of the repository writes it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
