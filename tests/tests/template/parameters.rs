//! What may be chosen: said in words, set to something that works, and in its group.

use crate::yaml::{find, global, items, section, text, texts};

#[test]
fn every_parameter_says_what_it_is_and_has_a_default() {
    for (name, body) in section("Parameters") {
        let description = text(find(body, "Description").unwrap_or_else(|| panic!("{name} says nothing")));
        assert!(description.ends_with('.'), "{name}: {description}");
        assert!(find(body, "Default").is_some(), "{name} has no default");
    }
}

#[test]
fn every_parameter_stands_in_one_group() {
    let groups = global("Metadata/AWS::CloudFormation::Interface/ParameterGroups").unwrap();
    let mut grouped: Vec<String> =
        items(groups).into_iter().flat_map(|group| texts(&group["Parameters"])).collect();
    let mut declared: Vec<String> =
        section("Parameters").into_iter().map(|(name, _)| name.to_owned()).collect();
    grouped.sort_unstable();
    declared.sort_unstable();
    assert_eq!(grouped, declared);
}

/// Most of what a service would refuse after half of the stack is there is refused before it begins.
#[test]
fn every_parameter_is_limited() {
    for (name, body) in section("Parameters") {
        let is_limited = match text(find(body, "Type").unwrap()).as_str() {
            "Number" => {
                let ends = ["MinValue", "MaxValue"].iter().all(|end| find(body, end).is_some());
                ends || find(body, "AllowedValues").is_some()
            }
            "String" => {
                let pattern = find(body, "AllowedPattern").map(text);
                let whole = pattern.is_some_and(|pattern| pattern.starts_with('^') && pattern.ends_with('$'));
                whole || find(body, "AllowedValues").is_some()
            }
            other => panic!("{name}: {other}"),
        };
        assert!(is_limited, "{name}");
    }
}
