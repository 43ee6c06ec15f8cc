//! `timer_of` and `TimeBucket::minute_of`: the keys of a timer's item.

use millrace_domain::timer::{Minute, TimeBucket, sort_key, timer_of};

/// The bytes as a sort key, and as a partition key.
pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match timer_of(text) {
        Ok(timer) => {
            assert_eq!(sort_key(&timer), text);
            let time_bucket = TimeBucket::of(&timer, timer.due_at_ms);
            assert_eq!(TimeBucket::minute_of(&time_bucket.to_string()), Some(time_bucket.minute));
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    if let Some(minute) = TimeBucket::minute_of(text) {
        assert!(text.starts_with(&minute.to_string()));
        assert_eq!(Minute::parse(&minute.to_string()), Ok(minute));
    }
}
