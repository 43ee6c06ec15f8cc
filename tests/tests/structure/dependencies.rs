//! Dependencies point one way.

use std::collections::BTreeMap;

use crate::workspace::{Package, packages, root};

/// What a package may use of the workspace.
fn allowed(packages: &BTreeMap<String, Package>, name: &str) -> Vec<&'static str> {
    let folder = packages[name].folder.strip_prefix(root()).unwrap();
    match name {
        "millrace-domain" | "event-source-mapping" => vec![],
        "millrace-lambda" => vec!["millrace-domain"],
        "millrace-aws" | "millrace-testkit" => vec!["millrace-domain", "millrace-lambda"],
        "millrace-object-store" => vec!["millrace-lambda", "millrace-aws"],
        "redrive" => vec!["millrace-domain", "millrace-lambda", "millrace-aws", "millrace-object-store"],
        _ if folder.starts_with("functions") => vec!["millrace-domain", "millrace-lambda", "millrace-aws"],
        // The local program and the tests put everything together; nothing depends on them.
        _ => packages.keys().map(|name| &*name.clone().leak()).collect(),
    }
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    for (name, package) in &packages {
        let allowed = allowed(&packages, name);
        let ours = package.dependencies.iter().filter(|dependency| packages.contains_key(*dependency));
        for dependency in ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_domain_knows_no_cloud_no_runtime_and_no_log() {
    let packages = packages();
    let foreign = ["aws", "lambda", "tokio", "tracing", "futures", "fastrand", "rand", "reqwest", "hyper"];
    for dependency in &packages["millrace-domain"].dependencies {
        assert!(
            foreign.iter().all(|part| !dependency.contains(part)),
            "the domain must not know {dependency}"
        );
    }
}

#[test]
fn the_batch_loop_knows_no_service() {
    let packages = packages();
    let is_sdk =
        |dependency: &&String| dependency.starts_with("aws-") || dependency.starts_with("serde_dynamo");
    assert_eq!(packages["millrace-lambda"].dependencies.iter().find(is_sdk), None);
}

#[test]
fn the_testkit_is_for_tests_only() {
    let packages = packages();
    // The library of the tests holds the fuzz targets.
    let users: Vec<_> = packages
        .iter()
        .filter(|(name, _)| *name != "millrace-tests")
        .filter(|(_, package)| package.dependencies.iter().any(|dependency| dependency == "millrace-testkit"))
        .collect();
    assert!(users.is_empty(), "{users:?}");
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    for (name, package) in packages() {
        let manifest = std::fs::read_to_string(package.folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
    }
}

#[test]
fn every_package_with_tests_is_a_member() {
    let members: Vec<_> = packages().into_values().map(|package| package.folder).collect();
    // Built with flags of its own; what it runs are the targets of the member `tests`.
    let fuzz = root().join("fuzz");
    for manifest in crate::workspace::files(&root(), "Cargo.toml") {
        let folder = manifest.parent().unwrap();
        assert!(
            folder == root() || folder == fuzz || members.iter().any(|member| member == folder),
            "{} is never built",
            folder.display()
        );
    }
}
