//! What is stored under which format number. Whoever changes the attributes of a state raises its format, and adds a line.

use std::collections::BTreeSet;

use millrace_domain::fold::KeyState;
use millrace_domain::fraud::FraudState;
use millrace_domain::session::SessionState;
use millrace_domain::stock::StockState;
use serde::de::DeserializeOwned;

use crate::shape::shape;

/// The attributes of each format that items may have, oldest first.
const SESSIONS: &[&[&str]] =
    &[&["lifetime", "session", "earlier_sessions", "cart", "recent_products", "cart_basis", "emitted"]];
const FRAUD: &[&[&str]] = &[&["velocity", "amount"]];
const STOCK: &[&[&str]] =
    &[&["on_hand", "counted", "last_moved_at_ms", "above_reorder_point", "compacted", "recent_moves"]];

/// The formats up to the newest that is read: a release that reads the next one knows its attributes, too.
fn check<S: KeyState>(formats: &[&[&str]]) {
    assert!(S::READS_FORMAT >= S::FORMAT);
    assert_eq!(formats.len(), S::READS_FORMAT as usize, "a format more has a line more, and a higher number");
    assert_eq!(S::ATTRIBUTES, formats[S::FORMAT as usize - 1], "attributes changed without a new format");
    let others: BTreeSet<_> =
        formats.iter().copied().flatten().filter(|name| !S::ATTRIBUTES.contains(name)).collect();
    let retired: BTreeSet<_> = S::RETIRED.iter().collect();
    assert_eq!(retired, others, "attributes of other formats would stay in items");
    assert_eq!(retired.len(), S::RETIRED.len(), "an attribute cannot be taken out twice");
}

#[test]
fn a_state_with_other_attributes_has_another_format() {
    check::<SessionState>(SESSIONS);
    check::<FraudState>(FRAUD);
    check::<StockState>(STOCK);
}

/// Every attribute of the newest format, nested ones too: a release that did not know one of them would drop it.
fn holds_just<T: KeyState + DeserializeOwned>(format: u32, paths: &str) {
    assert_eq!((T::FORMAT, shape::<T>().join(" ").as_str()), (format, paths));
}

#[test]
fn nested_attributes_change_with_the_format_only() {
    holds_just::<SessionState>(
        1,
        "cart cart_basis cart_basis.closed cart_basis.open earlier_sessions earlier_sessions.*.cart_adds \
         earlier_sessions.*.events earlier_sessions.*.id earlier_sessions.*.last_event_at_ms \
         earlier_sessions.*.orders earlier_sessions.*.revenue_minor earlier_sessions.*.started_at_ms \
         earlier_sessions.*.views emitted emitted.refresh_requested_at_ms emitted.refresh_waits \
         emitted.timer_due_at_ms lifetime lifetime.events lifetime.first_event_at_ms \
         lifetime.last_event_at_ms lifetime.orders lifetime.refunded_minor lifetime.returns \
         lifetime.revenue_minor recent_products recent_products.*.at_ms recent_products.*.sku session \
         session.cart_adds session.events session.id session.last_event_at_ms session.orders \
         session.revenue_minor session.started_at_ms session.views",
    );
    holds_just::<FraudState>(
        1,
        "amount amount.*.orders amount.*.sum_minor amount.*.sum_of_squares_minor velocity \
         velocity.episode_runs velocity.failures velocity.failures.*.at_ms velocity.failures.*.id \
         velocity.failures.*.was_hot",
    );
    holds_just::<StockState>(
        1,
        "above_reorder_point compacted compacted.quantity compacted.until_at_ms counted counted.at_ms \
         counted.id counted.on_hand last_moved_at_ms recent_moves",
    );
}
