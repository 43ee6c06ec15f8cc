//! What a function is built from, given and limited by.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::fs;

use serde_norway::Value;

use crate::yaml::{
    Resource, binary, choices, find, global, limits, number, pairs, referred, resource, resources, text,
};

const FUNCTION: &str = "AWS::Serverless::Function";

/// Longest timeout of a function (Lambda quotas).
const TIMEOUT_LIMIT_SECONDS: i64 = 900;

/// A function's property, or what all functions share.
fn property(function: Resource, name: &str) -> &'static Value {
    let shared = || global(&format!("Globals/Function/{name}"));
    function.find(name).or_else(shared).unwrap_or_else(|| panic!("{} has no {name}", function.id))
}

/// The function's environment as it is without any choice; a resource stands for its own name.
fn environment(id: &'static str) -> Vec<(&'static str, String)> {
    let variables = pairs(resource(id).get("Environment/Variables"));
    let value =
        |value: &Value| referred(value).map_or_else(|| text(value), |resource| resource.id.to_owned());
    variables.into_iter().map(|(name, given)| (name, value(given))).collect()
}

/// Reads a function's settings by looking variables up; what was read as text, so that all functions are alike.
type ReadConfig = fn(&dyn Fn(&str) -> Option<String>) -> Result<String, String>;

fn shown<C: Debug, E: Display>(config: Result<C, E>) -> Result<String, String> {
    config.map(|config| format!("{config:?}")).map_err(|error| error.to_string())
}

/// Every function, with the variables that its code reads and how.
const FUNCTIONS: [(&str, &[&str], ReadConfig); 6] = [
    ("SessionsFunction", sessions::config::VARIABLES, |it| shown(sessions::config::Config::read(it))),
    ("ArchiveFunction", archive::config::VARIABLES, |it| shown(archive::config::Config::read(it))),
    ("FraudFunction", fraud::config::VARIABLES, |it| shown(fraud::config::Config::read(it))),
    ("InventoryFunction", inventory::config::VARIABLES, |it| shown(inventory::config::Config::read(it))),
    ("CloseFunction", close::config::VARIABLES, |it| shown(close::config::Config::read(it))),
    ("RedriveFunction", redrive::config::VARIABLES, |it| shown(redrive::config::Config::read(it))),
];

/// Whether this variable names a resource, which only a deployment can tell.
fn is_name(variable: &str) -> bool {
    ["_TABLE", "_STREAM", "_BUCKET", "_FUNCTION_NAME"].iter().any(|end| variable.ends_with(end))
}

fn given(environment: &[(&str, String)], name: &str) -> Option<String> {
    environment.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone())
}

#[test]
fn every_function_is_held_against_its_code() {
    let deployed: BTreeSet<_> = resources(FUNCTION).into_iter().map(|function| function.id).collect();
    assert_eq!(deployed, FUNCTIONS.map(|(id, ..)| id).into());
}

#[test]
fn every_function_is_given_the_variables_that_it_reads() {
    for (id, variables, _) in FUNCTIONS {
        let given: BTreeSet<_> = environment(id).into_iter().map(|(name, _)| name).collect();
        assert_eq!(given, variables.iter().copied().collect(), "{id}");
    }
}

#[test]
fn defaults_are_those_of_the_code() {
    for (id, _, read) in FUNCTIONS {
        let variables = environment(id);
        let all = read(&|name| given(&variables, name));
        let bare = read(&|name| given(&variables, name).filter(|_| is_name(name)));
        assert!(all.is_ok(), "{id}: {all:?}");
        assert_eq!(all, bare, "{id}");
    }
}

/// Whoever changes a threshold in its file changes it everywhere.
#[test]
fn thresholds_of_rules_stand_in_the_code_alone() {
    let fraud = ["VELOCITY_LIMIT", "VELOCITY_WINDOW_SECONDS", "AMOUNT_DEVIATIONS", "AMOUNT_MINIMUM_ORDERS"];
    let stock = ["DEFAULT_REORDER_POINT", "DEFAULT_REORDER_TARGET"];
    for (id, names) in [("FraudFunction", &fraud[..]), ("InventoryFunction", &stock)] {
        let variables = environment(id);
        for name in names {
            assert_eq!(given(&variables, name).as_deref(), Some(""), "{id}: {name}");
        }
    }
}

/// `FRAUD_TABLE` as `FraudTable`.
fn logical_id(variable: &str) -> String {
    let capital = |word: &str| format!("{}{}", &word[..1], word[1..].to_lowercase());
    variable.split('_').map(capital).collect()
}

#[test]
fn a_variable_is_named_like_the_resource_that_it_names() {
    for (id, ..) in FUNCTIONS {
        for (name, value) in pairs(resource(id).get("Environment/Variables")) {
            let Some(resource) = referred(value) else {
                assert!(!is_name(name), "{id}: {name}");
                continue;
            };
            // The streams of Kinesis are named after what they carry, and a function is given by its name.
            let named = ["", "Stream", "Name"].map(|end| format!("{}{end}", resource.id));
            assert!(named.contains(&logical_id(name)), "{id}: {name} is {}", resource.id);
        }
    }
}

#[test]
fn every_choice_of_a_parameter_is_one_that_the_code_takes() {
    for (id, _, read) in FUNCTIONS {
        let variables = environment(id);
        for (name, value) in pairs(resource(id).get("Environment/Variables")) {
            // The names of resources are no choices.
            let choices = if referred(value).is_some() { Vec::new() } else { choices(value) };
            for choice in choices {
                let look_up = |asked: &str| match asked == name {
                    true => Some(choice.clone()),
                    false => given(&variables, asked),
                };
                let config = read(&look_up);
                assert!(config.is_ok(), "{id}: {name} {choice}: {config:?}");
            }
        }
    }
}

#[test]
fn every_limit_of_a_parameter_is_one_that_the_code_takes() {
    for (id, _, read) in FUNCTIONS {
        let variables = environment(id);
        for (name, value) in pairs(resource(id).get("Environment/Variables")) {
            for limit in limits(value) {
                let look_up = |asked: &str| match asked == name {
                    true => Some(limit.to_string()),
                    false => given(&variables, asked),
                };
                // One at its limit may contradict another one's default, which is no fault of its range.
                let problems = read(&look_up).err().unwrap_or_default();
                assert!(!problems.contains(&format!("{name} must be a whole number")), "{id}: {problems}");
            }
        }
    }
}

#[test]
fn every_rule_of_fraud_can_be_live_on_trial_or_off() {
    for mode in ["VELOCITY_MODE", "AMOUNT_MODE"] {
        let value = resource("FraudFunction").get(&format!("Environment/Variables/{mode}"));
        assert_eq!(choices(value), ["off", "live", "shadow"], "{mode}");
    }
}

/// An execution environment's cache saves reads only while nothing is emitted, and what emits reads its items all the
/// same.
#[test]
fn whoever_emits_remembers_nothing() {
    assert_eq!(given(&environment("SessionsFunction"), "CACHE_ITEMS").as_deref(), Some("0"));
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
    let sections = manifest.split("\n[").filter(|it| it.contains("package]\n") || it.starts_with("[bin]]"));
    let named = sections.filter_map(|section| section.lines().find_map(|line| line.strip_prefix("name = ")));
    let mut names: Vec<_> = named.collect();
    names.dedup();
    let [name] = names[..] else { panic!("a binary that is named apart from its package: {names:?}") };
    name.trim_matches('"').to_owned()
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
