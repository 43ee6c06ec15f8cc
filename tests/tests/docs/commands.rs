//! Every local command in a document is one that the program takes.

use clap::Parser;
use clap::error::ErrorKind;
use millrace_local::cli::Cli;

const DOCUMENTS: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../README.md")),
    ("CONTRIBUTING.md", include_str!("../../../CONTRIBUTING.md")),
    ("docs/deploy.md", include_str!("../../../docs/deploy.md")),
    ("docs/operations.md", include_str!("../../../docs/operations.md")),
    ("docs/reading-the-output.md", include_str!("../../../docs/reading-the-output.md")),
];
/// How documents start the program with arguments.
const START: &str = "cargo run --release -- ";

/// The commands of a document, in code blocks and in running text.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let command = |rest: &str| {
        let end = rest.find(['\n', '`', '#', '|']).unwrap_or(rest.len());
        let words = rest[..end].split_whitespace().map(|word| word.trim_matches('\'').to_owned());
        words.collect::<Vec<_>>()
    };
    joined.split(START).skip(1).map(command).collect()
}

#[test]
fn every_command_is_taken() {
    for (name, text) in DOCUMENTS {
        for words in commands(text) {
            let started = std::iter::once("millrace".to_owned()).chain(words.clone());
            if let Err(error) = Cli::try_parse_from(started) {
                assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{name}: {}: {error}", words.join(" "));
            }
        }
    }
}

#[test]
fn the_pages_show_commands_at_all() {
    let counts = DOCUMENTS.map(|(name, text)| (name, commands(text).len()));
    assert!(counts[0].1 >= 4 && counts[3].1 >= 4, "{counts:?}");
}
