//! Splits work into requests that keep a service's limits.

/// Splits items into consecutive ranges of at most `count_limit` items and `bytes_limit` bytes each. An item larger
/// than the limit stands alone.
pub(super) fn chunks(sizes: &[usize], count_limit: usize, bytes_limit: usize) -> Vec<std::ops::Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, size) in sizes.iter().enumerate() {
        if index > start && (index - start >= count_limit || bytes + size > bytes_limit) {
            chunks.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        chunks.push(start..sizes.len());
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_split() {
        assert_eq!(chunks(&[1; 5], 2, 100), [0..2, 2..4, 4..5]);
        assert_eq!(chunks(&[4, 4, 4, 9, 1], 10, 8), [0..2, 2..3, 3..4, 4..5]);
        assert!(chunks(&[], 2, 8).is_empty());
    }
}
