//! Panics as values: a bug that one record brings out must not fail the batch, which would block the shard until its
//! records expire.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millrace_domain::{Invalid, Reason};

/// Longest text of a panic in bytes. It may quote a payload, and goes into the quarantine's lines.
const TEXT_LIMIT_BYTES: usize = 200;

/// Runs a step so that its panic is a value. The caller throws away, or puts right, what the step was changing.
///
/// # Errors
/// The panic's text, fit to stand as a rule.
pub fn isolated<R>(step: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("without a message");
        format!("panicked: {}", &text[..text.floor_char_boundary(TEXT_LIMIT_BYTES)])
    })
}

/// Adds what a step finds in one record. Where it panics, what it added is taken back, and the `rejection` of the whole
/// record stands for it.
pub(crate) fn add_or_reject<T, R>(
    all: &mut Vec<T>,
    step: impl FnOnce(&mut Vec<T>) -> R,
    rejection: impl FnOnce(Invalid) -> T,
) -> Option<R> {
    let before = all.len();
    let panicked = match isolated(|| step(all)) {
        Ok(found) => return Some(found),
        Err(panicked) => panicked,
    };
    all.truncate(before);
    all.push(rejection(Invalid::whole(Reason::FunctionFailed, format!("reading it {panicked}"))));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_text_of_bounded_length() {
        assert_eq!(isolated(|| 5), Ok(5));
        assert_eq!(isolated(|| panic!("at {}", 5)), Err::<(), _>("panicked: at 5".to_owned()));
        let long = isolated(|| panic!("{}", "é".repeat(1_000))).map(|()| 0);
        assert_eq!(long, Err(format!("panicked: {}", "é".repeat(TEXT_LIMIT_BYTES / 2))));
        let other = isolated(|| std::panic::panic_any(5)).map(|()| 0);
        assert_eq!(other, Err("panicked: without a message".to_owned()));
    }

    #[test]
    fn what_a_panicking_step_added_is_replaced_by_one_rejection() {
        let mut all = vec![Ok(1)];
        let panicking = |all: &mut Vec<Result<i32, Invalid>>| {
            all.extend([Ok(2), Ok(3)]);
            panic!("here")
        };
        let found: Option<()> = add_or_reject(&mut all, panicking, Err);
        let expected = Invalid::whole(Reason::FunctionFailed, "reading it panicked: here");
        assert_eq!((found, &all[..]), (None, &[Ok(1), Err(expected)][..]));
        assert_eq!(add_or_reject(&mut all, |all| all.push(Ok(4)), Err), Some(()));
        assert_eq!((all.len(), &all[2]), (3, &Ok(4)));
    }
}
