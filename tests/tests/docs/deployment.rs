//! What the pages say of the stack is there under that name.

use std::collections::BTreeSet;

use serde_norway::Value;

const TEMPLATE: &str = include_str!("../../../template.yaml");
const PAGES: [(&str, &str); 3] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/deploy.md", include_str!("../../../docs/deploy.md")),
    ("docs/operations.md", include_str!("../../../docs/operations.md")),
];
/// Names in `docs/deploy.md` that are AWS's own.
const OF_AWS: [&str; 2] = ["IteratorAge", "ParallelizationFactor"];

fn names(section: &str) -> BTreeSet<String> {
    let template: Value = serde_norway::from_str(TEMPLATE).unwrap();
    let names = template[section].as_mapping().unwrap().keys();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What stands behind a word up to the closing bracket, such as the name in `$(output Name)`.
fn behind<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(word).skip(1).map(|rest| rest.split(')').next().unwrap())
}

#[test]
fn every_output_that_a_command_asks_for_is_one() {
    let outputs = names("Outputs");
    let mut asked = 0;
    for (page, text) in PAGES {
        for name in behind(text, "$(output ") {
            assert!(outputs.contains(name), "{page}: {name}");
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked}");
}

#[test]
fn every_resource_that_a_command_asks_for_is_one() {
    let resources = names("Resources");
    for (page, text) in PAGES {
        for name in behind(text, "$(physical ") {
            // SAM calls what it makes of a function's event after both.
            let is_there = resources.iter().any(|resource| {
                let event = name.strip_prefix(resource.as_str());
                event.is_some_and(|event| {
                    event.is_empty() || TEMPLATE.contains(&format!("        {event}:\n"))
                })
            });
            assert!(is_there, "{page}: {name}");
        }
    }
}

#[test]
fn every_parameter_that_the_page_of_deployment_names_is_one() {
    let mut known: BTreeSet<_> = ["Parameters", "Outputs", "Resources"].into_iter().flat_map(names).collect();
    known.extend(OF_AWS.map(str::to_owned));
    let quoted = PAGES[1].1.split('`').skip(1).step_by(2);
    let is_name = |word: &str| {
        let capitals = word.chars().filter(char::is_ascii_uppercase).count();
        let inner = word.chars().all(char::is_alphanumeric) && word.chars().any(char::is_lowercase);
        inner && capitals >= 2 && word.starts_with(|first: char| first.is_ascii_uppercase())
    };
    let named: Vec<_> = quoted.filter(|word| is_name(word)).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(known.contains(name), "{name}");
    }
}
