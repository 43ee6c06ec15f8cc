//! Whoever is woken by an alarm finds its name in the operator's page, and a command.

const PAGE: &str = include_str!("../../../docs/operations.md");
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The logical ids of the alarms, which are the only resources whose names end so.
fn alarms() -> Vec<&'static str> {
    let names = TEMPLATE.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix("Alarm:"));
    let names: Vec<_> = names.filter(|name| !name.starts_with(' ')).collect();
    assert!(names.len() >= TEMPLATE.matches("Type: AWS::CloudWatch::Alarm").count() && !names.is_empty());
    names
}

/// Heading and text of every section below the title.
fn sections() -> Vec<(&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

#[test]
fn every_alarm_has_a_section_that_mends_it() {
    for alarm in alarms() {
        let named = format!("`{alarm}Alarm`");
        let sections: Vec<_> = sections().into_iter().filter(|(_, text)| text.contains(&named)).collect();
        assert!(!sections.is_empty(), "{named} is not in docs/operations.md");
        for (heading, text) in sections {
            assert!(text.contains("**Mend.**"), "{heading} names {named} and nothing that mends it");
        }
    }
}

#[test]
fn every_section_says_how_it_shows() {
    for (heading, text) in sections().into_iter().filter(|(_, text)| text.contains("**Mend.**")) {
        assert!(text.contains("**Shows.**"), "{heading}");
    }
}

#[test]
fn no_alarm_is_made_up() {
    let known = alarms();
    for word in PAGE.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > "Alarm".len())
    {
        if let Some(name) = word.strip_suffix("Alarm") {
            assert!(known.contains(&name), "{word}");
        }
    }
}
