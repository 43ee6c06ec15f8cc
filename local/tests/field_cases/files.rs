//! Files: read as what their bytes are, or refused by name before anything is put.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::run::{Replay, millrace, view};

fn lines() -> String {
    format!("{}\r\n{}\r\n\r\n", view("a"), view("b"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lines_with_a_byte_order_mark_and_packed_lines_are_read() {
    let with_mark = [b"\xef\xbb\xbf", lines().as_bytes()].concat();
    let packed = [gzip(lines().as_bytes()), zstd::encode_all(lines().as_bytes(), 3).unwrap()];
    for bytes in packed.into_iter().chain([with_mark.clone(), gzip(&with_mark)]) {
        let replay = Replay::of("events.jsonl", bytes);
        assert_eq!((replay.taken(), replay.quarantine()), (2, Vec::new()));
    }
}

#[test]
fn a_broken_line_among_events_is_set_aside() {
    let replay = Replay::of("events.jsonl", format!("{{\"specversion\":\n{}", lines()));
    assert_eq!((replay.taken(), replay.quarantine()), (2, vec![" not_json ".to_owned()]));
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let pretty = view("a").replace(',', ",\n  ");
    let array = format!("[\n{},\n{}\n]\n", view("a"), view("b"));
    let wide: Vec<u8> = lines().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let torn = gzip(lines().as_bytes());
    let cases = [
        (pretty.into_bytes(), "over several lines"),
        (array.into_bytes(), "over several lines"),
        (wide, "UTF-16"),
        (b"sku,quantity\nmug,1\n".to_vec(), "neither JSON lines nor Parquet"),
        (torn[..torn.len() - 4].to_vec(), "cannot be unpacked"),
        (b"PK\x03\x04 a workbook".to_vec(), "ZIP"),
        (b"PAR1 torn".to_vec(), "arquet"),
    ];
    for (bytes, expected) in cases {
        let why = Replay::of("events.jsonl", bytes).refusal();
        assert!(why.contains("events.jsonl") && why.contains(expected), "{why}");
    }
}

#[test]
fn a_run_that_never_began_leaves_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("events.jsonl"), folder.path().join("out"));
    let replay = || millrace().arg("replay").arg(&file).arg("--out").arg(&out).output().unwrap();
    assert_eq!(replay().status.code(), Some(1));
    assert!(!out.exists());
    std::fs::write(&file, lines()).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ports = ["--kinesis-port", &port, "--dynamodb-port", "0", "--firehose-port", "0"];
    let served = millrace().arg("serve").args(ports).arg("--out").arg(&out).output().unwrap();
    assert_eq!(served.status.code(), Some(1));
    assert!(!out.exists());
    assert!(replay().status.success());
}
