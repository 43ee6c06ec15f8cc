//! What a function is compiled with, read from cargo's own unit graph: no more than the functions ask for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workspace::{packages, root};

/// Features by crate.
type Features = BTreeMap<String, BTreeSet<String>>;

/// What cargo would build so, without building it.
fn features(arguments: &[String]) -> Features {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--locked", "-Zunstable-options", "--unit-graph"])
        .args(arguments)
        // The graph is still for nightly toolchains; nothing else of this command is.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut features = Features::new();
    for unit in graph["units"].as_array().unwrap() {
        let crate_features = features.entry(unit["pkg_id"].as_str().unwrap().to_owned()).or_default();
        crate_features
            .extend(unit["features"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().into()));
    }
    features
}

fn functions() -> Vec<String> {
    let is_function = |folder: &std::path::Path| folder.starts_with(root().join("functions"));
    packages().into_iter().filter(|(_, package)| is_function(&package.folder)).map(|(name, _)| name).collect()
}

/// In the root, as SAM's builder has cargo-lambda do.
fn in_the_root(function: &str) -> Features {
    features(&["--bin".to_owned(), function.to_owned()])
}

fn holds(features: &Features, name: &str) -> bool {
    features.keys().any(|id| id.contains(&format!("#{name}@")) || id.contains(&format!("/{name}#")))
}

#[test]
fn a_function_is_built_with_the_features_of_functions_alone() {
    let names = functions();
    let packages = names.iter().flat_map(|name| ["--package".to_owned(), name.clone()]);
    let of_all = features(&packages.chain(["--bins".to_owned()]).collect::<Vec<_>>());
    for name in &names {
        for (id, features) in in_the_root(name) {
            assert_eq!(
                Some(&features),
                of_all.get(&id),
                "{id} for {name}: what else is a default member asks for more"
            );
        }
    }
}

#[test]
fn redrive_alone_is_built_with_s3() {
    for name in functions() {
        let is_redrive = name == "redrive";
        let features = in_the_root(&name);
        for of_s3 in ["aws-sdk-s3", "object-store"] {
            assert_eq!(holds(&features, of_s3), is_redrive, "{of_s3} for {name}");
        }
    }
}

#[test]
fn the_local_program_is_built_without_s3() {
    let features = features(&["--package".to_owned(), "millrace-local".to_owned()]);
    assert!(holds(&features, "aws-sdk-dynamodb") && !holds(&features, "aws-sdk-s3"));
}
