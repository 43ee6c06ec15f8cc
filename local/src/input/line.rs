//! Lines of a stream of bytes, of which no more is held than a record takes.

use std::io::{BufRead, Result};

/// A line, without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It has more bytes than the limit: this many.
    TooLong(u64),
}

/// The next line; `None` at the end. A line above the limit is read to its end, and not kept.
pub(super) fn next_line(reader: &mut impl BufRead, limit_bytes: usize) -> Result<Option<Line>> {
    let (mut line, mut bytes, mut any) = (Vec::new(), 0_u64, false);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        bytes += part.len() as u64;
        let room = (limit_bytes + 1).saturating_sub(line.len());
        line.extend_from_slice(part.get(..room).unwrap_or(part));
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match any {
        false => None,
        true if line.len() > limit_bytes => Some(Line::TooLong(bytes)),
        true => Some(Line::Whole(line)),
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_whole_up_to_the_limit_whatever_the_buffer() {
        for capacity in [1, 3, 100] {
            let mut reader = BufReader::with_capacity(capacity, &b"ab\r\n\nabcde\nabcdefgh\nxy"[..]);
            let mut next = || next_line(&mut reader, 5).unwrap();
            let whole = |text: &[u8]| Some(Line::Whole(text.to_vec()));
            assert_eq!((next(), next(), next()), (whole(b"ab\r"), whole(b""), whole(b"abcde")));
            assert_eq!((next(), next(), next()), (Some(Line::TooLong(8)), whole(b"xy"), None));
        }
    }
}
