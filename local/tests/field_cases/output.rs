//! What commands print, and to whom.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::run::{millrace, view};

/// Standard output whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_closed_pipe_ends_a_command_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    std::fs::write(&file, view("a")).unwrap();
    let (file, out, served) =
        (file.to_str().unwrap(), folder.path().join("out"), folder.path().join("served"));
    let (out, served) = (out.to_str().unwrap(), served.to_str().unwrap());
    let ports = ["--kinesis-port", "0", "--dynamodb-port", "0", "--firehose-port", "0"];
    let commands = [
        vec!["replay", file, "--out", out],
        vec!["redrive", out, "--dead-letters", "quarantine", "--mode", "list"],
        vec!["redrive", out, "--dead-letters", "quarantine", "--mode", "list", "--json"],
        [&["serve", "--out", served][..], &ports].concat(),
        vec!["generate", "--events", "20000"],
        vec!["--help"],
        vec!["--version"],
    ];
    for arguments in commands {
        let ended = millrace().args(&arguments).stdout(closed()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
    assert!(!std::path::Path::new(served).exists(), "a run that never began");
    let unheard = millrace().args(["replay", "missing.jsonl"]).stderr(closed()).output().unwrap();
    assert_eq!(unheard.status.code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [vec!["generate", "--events", "20000"], vec!["--help"]] {
        let ended = millrace().args(&arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(said.starts_with("error: cannot write standard output"), "{said}");
    }
}

#[test]
fn a_url_that_no_client_could_call_is_refused_at_once() {
    for url in ["localhost:9000", "https://localhost:9000", "http://host:99999"] {
        for command in [&["replay", "events.jsonl"][..], &["serve"]] {
            let refused = millrace().args(command).args(["--functions-url", url]).output().unwrap();
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && said.contains("http://127.0.0.1:9000"), "{said}");
        }
    }
}

#[test]
fn the_environment_of_serve_names_the_region_as_every_client_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = millrace()
        .args(["serve", "--kinesis-port", "0", "--dynamodb-port", "0", "--firehose-port", "0", "--out"])
        .arg(folder.path().join("out"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(serve.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    serve.kill().unwrap();
    serve.wait().unwrap();
    let exported: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("export ")).collect();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert!(exported.iter().any(|line| line.starts_with(&format!("{name}="))), "{name} is missing");
    }
    // A shell takes each as it is.
    let is_plain =
        |line: &&str| line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=:/.-".contains(&byte));
    assert!(exported.iter().all(is_plain), "{exported:?}");
}
