//! JSON strings, written straight into the event and measured without writing.

/// Appends `text` with quotes.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends `text` escaped, without quotes.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    let mut clean_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        if escaped_width(byte) == 1 {
            continue;
        }
        out.push_str(text.get(clean_from..index).unwrap_or_default());
        clean_from = index + 1;
        push_escape(out, byte);
    }
    out.push_str(text.get(clean_from..).unwrap_or_default());
}

/// Length in bytes of what [`push_escaped`] appends.
pub(crate) fn escaped_len(text: &str) -> usize {
    text.bytes().map(escaped_width).sum()
}

fn escaped_width(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0x00..0x20 => 6,
        _ => 1,
    }
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        _ => {
            out.push_str("\\u00");
            for nibble in [byte >> 4, byte & 0x0f] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_and_others_survive_a_json_parser() {
        let text: String = (0..128_u8).map(char::from).chain("äß漢🦀".chars()).collect();
        let mut out = String::new();
        push_string(&mut out, &text);
        assert_eq!(out.len(), escaped_len(&text) + 2);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
