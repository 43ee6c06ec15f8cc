//! Partition paths, escaped as Hive escapes them.

use std::fmt::Write;

use crate::error_output::{ErrorCode, RowError};
use crate::limits::PARTITION_COMPONENT_MAX_BYTES;

/// The relative path of a partition, such as `event_type=page_view/dt=2026-08-01`.
///
/// Each component starts with `<key>=` and holds no separator, so no value can leave the directory.
pub(crate) fn path(keys: &[String], values: &[String]) -> Result<String, RowError> {
    let mut path = String::new();
    for (key, value) in keys.iter().zip(values) {
        if !path.is_empty() {
            path.push('/');
        }
        let start = path.len();
        escape_into(&mut path, key);
        path.push('=');
        escape_into(&mut path, value);
        if path.len() - start > PARTITION_COMPONENT_MAX_BYTES {
            return Err(RowError::new(
                ErrorCode::PartitionValueTooLong,
                format!(
                    "the value of partition key {key} makes a name above {PARTITION_COMPONENT_MAX_BYTES} bytes: \
                     shorten it"
                ),
            ));
        }
    }
    Ok(path)
}

fn escape_into(path: &mut String, text: &str) {
    for character in text.chars() {
        if needs_escape(character) {
            // Writing to a String cannot fail.
            let _ = write!(path, "%{:02X}", u32::from(character));
        } else {
            path.push(character);
        }
    }
}

/// Hive's list (`FileUtils.escapePathName`), and what Windows refuses in a name: `<`, `>` and `|`.
fn needs_escape(character: char) -> bool {
    character.is_ascii_control()
        || matches!(
            character,
            '"' | '#'
                | '%'
                | '\''
                | '*'
                | '/'
                | ':'
                | '='
                | '?'
                | '\\'
                | '{'
                | '['
                | ']'
                | '^'
                | '<'
                | '>'
                | '|'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> String {
        path(&["k".to_owned()], &[value.to_owned()]).unwrap()
    }

    #[test]
    fn plain_values_stay() {
        assert_eq!(of("page_view"), "k=page_view");
        assert_eq!(of("2026-08-01"), "k=2026-08-01");
        assert_eq!(of("größe 1"), "k=größe 1");
    }

    #[test]
    fn separators_are_escaped() {
        assert_eq!(of("../../etc"), "k=..%2F..%2Fetc");
        assert_eq!(of("a\\b"), "k=a%5Cb");
        assert_eq!(of("\0"), "k=%00");
        assert_eq!(of("100%=x"), "k=100%25%3Dx");
        assert_eq!(of(".."), "k=..");
    }

    #[test]
    fn a_name_too_long_for_a_file_system_is_refused() {
        let value = "v".repeat(PARTITION_COMPONENT_MAX_BYTES - 2);
        assert_eq!(of(&value).len(), PARTITION_COMPONENT_MAX_BYTES);
        let error = path(&["k".to_owned()], &[format!("{value}v")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::PartitionValueTooLong);
    }
}
