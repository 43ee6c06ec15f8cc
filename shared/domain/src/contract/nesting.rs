//! A bound on how deep JSON may nest.

/// Deepest nesting of `data`, counting its own braces as the first level.
pub const NESTING_LIMIT: usize = 16;

/// Whether JSON text nests deeper than `limit`.
///
/// Text with no more opening brackets than the limit cannot; counting them is much cheaper than following
/// strings, so only richer text is followed.
pub fn nesting_exceeds(text: &str, limit: usize) -> bool {
    let opening = text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count();
    opening > limit && deepest(text) > limit
}

fn deepest(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!nesting_exceeds(&nested(NESTING_LIMIT), NESTING_LIMIT));
        assert!(nesting_exceeds(&nested(NESTING_LIMIT + 1), NESTING_LIMIT));
        assert!(!nesting_exceeds(&"[],".repeat(1_000), NESTING_LIMIT));
        assert!(!nesting_exceeds(&format!("{},[]", nested(NESTING_LIMIT)), NESTING_LIMIT));
    }

    #[test]
    fn brackets_within_strings_do_not_count() {
        let text = format!(r#"{{"note":"\"{}"}}"#, "[".repeat(100));
        assert!(!nesting_exceeds(&text, NESTING_LIMIT));
        assert!(nesting_exceeds(&format!(r#"{{"a\\":{}}}"#, "[".repeat(100)), NESTING_LIMIT));
        let no_json = format!(r"\{}", "[".repeat(NESTING_LIMIT + 1));
        assert!(nesting_exceeds(&no_json, NESTING_LIMIT), "a backslash escapes within strings only");
    }
}
