//! Whether text is JSON lines, told from its beginning: a file of something else is refused before anything of it is put.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Byte order mark of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why text that begins so is not what `replay` reads; `None` where it is, or may be. `is_all` says that nothing follows.
///
/// A line that is broken is no reason, as long as others are events: it is put, and set aside.
pub(super) fn why_not_json_lines(head: &[u8], is_all: bool) -> Option<String> {
    if is_wide(head) {
        return Some("it is text in UTF-16 or UTF-32; write it as UTF-8".to_owned());
    }
    let mut lines: Vec<_> = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    // The rest of the last one follows.
    let cut = if is_all { None } else { lines.pop() };
    lines.retain(|line| !line.is_empty());
    let Some(first) = lines.first().copied() else {
        let begins = cut.unwrap_or_default();
        return match begins.first() {
            // A line for which no record has room is set aside, like every other.
            None | Some(b'{') => None,
            _ => Some("its first line is no event, and longer than a Kinesis record".to_owned()),
        };
    };
    if is_value(first) {
        return None;
    }
    if several_values(first) {
        return Some(
            "its first line holds several JSON documents; write each event on a line of its own".to_owned(),
        );
    }
    if spans_lines(head, is_all, lines.get(1..).unwrap_or_default()) {
        let filter = if first.starts_with(b"[") { "'.[]'" } else { "." };
        return Some(format!(
            "it is a JSON document over several lines, and each event must stand on a line of its own; `jq -c {filter} FILE` \
             writes it so"
        ));
    }
    // One torn event may be all there is.
    let is_torn = lines.len() == 1 && first.starts_with(b"{");
    let has_one = is_torn || lines.iter().any(|line| is_value(line));
    (!has_one)
        .then(|| "it is neither JSON lines nor Parquet: none of its first lines is a JSON object".to_owned())
}

/// Text of two or four bytes a character, with a byte order mark or without.
fn is_wide(head: &[u8]) -> bool {
    let is_mark = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..]);
    // Text begins with a bracket or with space, and the other bytes of its first character are zero.
    let begins = |byte: &u8| b"{[ \r\n".contains(byte);
    is_mark
        || match head {
            [first, 0, ..] | [0, first, ..] if begins(first) => true,
            [0, 0, 0, first, ..] => begins(first),
            _ => false,
        }
}

/// Whether a line is an event, or a batch of them, as far as JSON goes.
fn is_value(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'{' | b'[')) && serde_json::from_slice::<&RawValue>(line).is_ok()
}

fn several_values(line: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    let is_first = matches!(values.next(), Some(Ok(_)));
    let rest = line.get(values.byte_offset()..).unwrap_or_default().trim_ascii_start();
    is_first && matches!(line.first(), Some(b'{' | b'[')) && matches!(rest.first(), Some(b'{' | b'['))
}

/// Whether a value that begins in the first line goes on in the next ones.
fn spans_lines(head: &[u8], is_all: bool, next_lines: &[&[u8]]) -> bool {
    if !matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) || next_lines.is_empty() {
        return false;
    }
    match serde_json::Deserializer::from_slice(head).into_iter::<IgnoredAny>().next() {
        Some(Ok(_)) => true,
        // The value may go on behind the head. Or it is a torn line, and the next ones are events.
        Some(Err(error)) => error.is_eof() && !(is_all && next_lines.iter().any(|line| is_event(line))),
        None => false,
    }
}

fn is_event(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "specversion")]
        _version: IgnoredAny,
    }
    serde_json::from_slice::<Event>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"a"}"#;

    #[test]
    fn lines_are_read_even_where_some_are_broken() {
        let torn = r#"{"specversion":"1.0","id":"#;
        for text in [
            String::new(),
            "\r\n \n".to_owned(),
            EVENT.to_owned(),
            format!("{EVENT}\r\n{EVENT}\r\n\r\n"),
            format!("[{EVENT},{EVENT}]\n"),
            format!("\n\n{EVENT}"),
            format!("{torn}\n{EVENT}\n"),
            format!("{torn}\n"),
            torn.to_owned(),
            format!("# exported on Monday\n{EVENT}\n"),
            format!("{EVENT}\n{torn}"),
        ] {
            assert_eq!(why_not_json_lines(text.as_bytes(), true), None, "{text}");
        }
        let long = format!(r#"{{"specversion":"1.0","note":"{}"#, "n".repeat(2_000));
        assert_eq!(why_not_json_lines(long.as_bytes(), false), None);
        assert_eq!(why_not_json_lines(format!("{EVENT}\n{long}").as_bytes(), false), None);
    }

    #[test]
    fn what_is_no_json_lines_is_named() {
        let wide = |unit: fn(u16) -> [u8; 2]| EVENT.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let document = "{\n  \"specversion\": \"1.0\",\n  \"id\": \"a\"\n}\n".to_owned();
        let cases = [
            (wide(u16::to_le_bytes), "UTF-16"),
            (wide(u16::to_be_bytes), "UTF-16"),
            ([&b"\xff\xfe"[..], &wide(u16::to_le_bytes)].concat(), "UTF-16"),
            (document.clone().into(), "over several lines"),
            (document.repeat(2).into(), "over several lines"),
            (format!("[\n{EVENT},\n{EVENT}\n]\n").into(), "`jq -c '.[]' FILE`"),
            (format!("{{\"events\": [\n{EVENT},\n{EVENT}\n]}}").into(), "over several lines"),
            (format!("{EVENT}{EVENT}\n").into(), "several JSON documents"),
            (b"sku,quantity\nmug,1\n".to_vec(), "neither JSON lines nor Parquet"),
            (b"5\n6\n".to_vec(), "neither JSON lines nor Parquet"),
            (b"{'sku': 'mug'}\n{'sku': 'cup'}\n".to_vec(), "neither JSON lines nor Parquet"),
            (b"\x00\x01\x02\x03".to_vec(), "neither JSON lines nor Parquet"),
        ];
        for (text, expected) in cases {
            let why = why_not_json_lines(&text, true).unwrap_or_default();
            assert!(why.contains(expected), "{why:?} does not say {expected:?}");
        }
        let begin = format!("[\n{EVENT},\n{EVENT},\n{EVENT},");
        assert!(why_not_json_lines(begin.as_bytes(), false).is_some());
        assert!(why_not_json_lines(format!("[{EVENT},{EVENT},").as_bytes(), false).is_some());
    }
}
