//! What a function is built from, given and limited by.

use std::collections::BTreeSet;
use std::fs;

use serde_norway::Value;

use crate::yaml::{Resource, choices, find, global, number, pairs, referred, resource, resources, text};

const FUNCTION: &str = "AWS::Serverless::Function";

/// Longest timeout of a function (Lambda quotas).
const TIMEOUT_LIMIT_SECONDS: i64 = 900;

/// A function's property, or what all functions share.
fn property(function: Resource, name: &str) -> &'static Value {
    let shared = || global(&format!("Globals/Function/{name}"));
    function.find(name).or_else(shared).unwrap_or_else(|| panic!("{} has no {name}", function.id))
}

fn binary(function: Resource) -> String {
    text(find(function.body, "Metadata/BuildProperties/Binary").expect("the binary is named"))
}

/// The function's environment as it is without any choice; a resource stands for its own name.
fn environment(id: &'static str) -> Vec<(&'static str, String)> {
    let variables = pairs(resource(id).get("Environment/Variables"));
    let value =
        |value: &Value| referred(value).map_or_else(|| text(value), |resource| resource.id.to_owned());
    variables.into_iter().map(|(name, given)| (name, value(given))).collect()
}

fn given(environment: &[(&str, String)], name: &str) -> Option<String> {
    environment.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone())
}

fn assert_same_names(environment: &[(&str, String)], variables: &[&str]) {
    let given: BTreeSet<_> = environment.iter().map(|(name, _)| *name).collect();
    assert_eq!(given, variables.iter().copied().collect());
}

#[test]
fn sessions_is_given_the_variables_that_it_reads() {
    assert_same_names(&environment("SessionsFunction"), sessions::config::VARIABLES);
}

#[test]
fn archive_is_given_the_variables_that_it_reads() {
    assert_same_names(&environment("ArchiveFunction"), archive::config::VARIABLES);
}

#[test]
fn redrive_is_given_the_variables_that_it_reads() {
    assert_same_names(&environment("RedriveFunction"), redrive::config::VARIABLES);
}

#[test]
fn defaults_are_those_of_the_code() {
    let variables = environment("SessionsFunction");
    let is_name = |name: &str| name.ends_with("_TABLE") || name.ends_with("_STREAM");
    let all = sessions::config::Config::read(|name| given(&variables, name)).unwrap();
    let bare =
        sessions::config::Config::read(|name| given(&variables, name).filter(|_| is_name(name))).unwrap();
    assert_eq!(all, bare);

    let variables = environment("ArchiveFunction");
    let all = archive::config::Config::read(|name| given(&variables, name)).unwrap();
    let bare =
        archive::config::Config::read(|name| given(&variables, name).filter(|_| is_name(name))).unwrap();
    assert_eq!(all, bare);

    let is_name = |name: &str| is_name(name) || name.ends_with("_BUCKET") || name.ends_with("_FUNCTION");
    let variables = environment("RedriveFunction");
    let all = redrive::config::Config::read(|name| given(&variables, name)).unwrap();
    let bare =
        redrive::config::Config::read(|name| given(&variables, name).filter(|_| is_name(name))).unwrap();
    assert_eq!(all, bare);
}

#[test]
fn every_choice_of_a_log_level_is_one_that_the_code_takes() {
    let variables = environment("SessionsFunction");
    for level in choices(resource("SessionsFunction").get("Environment/Variables/LOG_LEVEL")) {
        let look_up = |name: &str| match name {
            "LOG_LEVEL" => Some(level.clone()),
            _ => given(&variables, name),
        };
        assert!(sessions::config::Config::read(look_up).is_ok(), "{level}");
    }
}

#[test]
fn every_package_of_a_function_is_deployed_once() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let manifests = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("Cargo.toml"));
    let mut built: Vec<String> =
        manifests.map(|path| package_name(&fs::read_to_string(path).unwrap())).collect();
    let mut deployed: Vec<String> = resources(FUNCTION).into_iter().map(binary).collect();
    built.sort();
    deployed.sort();
    assert_eq!(built, deployed);
}

/// The name of the package, which is that of its only binary.
fn package_name(manifest: &str) -> String {
    assert!(!manifest.contains("[[bin]]"), "a binary that is named apart from its package");
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    line.expect("a package has a name").trim_matches('"').to_owned()
}

#[test]
fn every_function_is_built_by_cargo_lambda_from_the_workspace() {
    for function in resources(FUNCTION) {
        assert_eq!(
            text(find(function.body, "Metadata/BuildMethod").unwrap()),
            "rust-cargolambda",
            "{}",
            function.id
        );
        assert_eq!(text(property(function, "CodeUri")), ".", "{}", function.id);
        assert_eq!(text(property(function, "Handler")), "bootstrap", "{}", function.id);
        assert_eq!(text(property(function, "Runtime")), "provided.al2023", "{}", function.id);
    }
}

#[test]
fn every_timeout_is_one_that_lambda_takes() {
    for function in resources(FUNCTION) {
        let seconds = number(property(function, "Timeout"));
        assert!((1..=TIMEOUT_LIMIT_SECONDS).contains(&seconds), "{}: {seconds}", function.id);
    }
}

#[test]
fn every_function_logs_unfiltered_into_a_group_that_forgets() {
    for function in resources(FUNCTION) {
        let group = referred(function.get("LoggingConfig/LogGroup")).expect("a log group of this template");
        assert!(group.find("RetentionInDays").is_some(), "{} keeps logs for ever", group.id);
        // The line of metrics has no level, so that any filter of Lambda's might drop it.
        assert_eq!(text(function.get("LoggingConfig/ApplicationLogLevel")), "TRACE", "{}", function.id);
    }
}
