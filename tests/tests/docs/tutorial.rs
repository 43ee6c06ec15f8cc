//! `docs/add-a-consumer.md` shows the package that is built and tested, and a block that fits the template.

use std::path::PathBuf;

use serde_norway::Value;

const TUTORIAL: &str = include_str!("../../../docs/add-a-consumer.md");

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The files that the page shows: a path on a line of its own, then its content in a fence.
fn shown() -> Vec<(&'static str, &'static str)> {
    let mut files = Vec::new();
    let mut rest = TUTORIAL;
    while let Some((_, behind)) = rest.split_once("\n`examples/") {
        let (path, behind) = behind.split_once("`\n").unwrap();
        let (_, code) = behind.split_once("\n```").unwrap();
        let (_, code) = code.split_once('\n').unwrap();
        let (code, behind) = code.split_once("```\n").unwrap();
        files.push((path, code));
        rest = behind;
    }
    files
}

#[test]
fn the_page_shows_every_file_of_the_package_as_it_is() {
    let shown = shown();
    let paths: Vec<_> = shown.iter().map(|(path, _)| *path).collect();
    let expected = ["src/lib.rs", "src/main.rs", "Cargo.toml", "tests/fixture.rs", "template.yaml"];
    assert_eq!(paths, expected.map(|path| format!("loyalty/{path}")));
    for (path, code) in shown {
        let file = std::fs::read_to_string(root().join("examples").join(path)).unwrap();
        assert!(code == file, "docs/add-a-consumer.md shows another {path} than the package has");
    }
}

#[test]
fn it_takes_fewer_than_sixty_lines_of_rust() {
    let code = |text: &str| {
        text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count()
    };
    let sources = shown().into_iter().filter(|(path, _)| path.ends_with(".rs"));
    let lines: usize = sources.map(|(_, text)| code(text)).sum();
    assert!(lines < 60, "{lines} lines");
}

#[test]
fn the_block_of_the_template_stands_under_resources_and_names_what_is_there() {
    let block = std::fs::read_to_string(root().join("examples/loyalty/template.yaml")).unwrap();
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let with = template.replacen("\nResources:\n", &format!("\nResources:\n{block}\n"), 1);
    let whole: Value = serde_norway::from_str(&with).unwrap();
    let resources = whole["Resources"].as_mapping().unwrap();
    let names: Vec<_> = resources.keys().chain(whole["Parameters"].as_mapping().unwrap().keys()).collect();
    let referred = block.split("!Ref ").skip(1).chain(block.split("!GetAtt ").skip(1));
    for reference in referred {
        let name = reference.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
        assert!(names.iter().any(|known| known.as_str() == Some(name)), "{name} is not in the template");
    }
    let stream = &whole["Resources"]["LoyaltyFunction"]["Properties"]["Events"]["Events"]["Properties"];
    assert_eq!(stream["FunctionResponseTypes"][0], "ReportBatchItemFailures");
    assert_eq!(stream["DestinationConfig"]["OnFailure"]["Type"], "S3");
    assert!(stream.get("FilterCriteria").is_none());
}
