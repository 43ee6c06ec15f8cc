//! What makes a user suspect: rules over failed payments and orders, one file each. A rule's thresholds are the
//! [`Default`] of its settings, in its file.

mod amount;
mod decimal;
mod mode;
mod suspicion;
mod velocity;

use serde::{Deserialize, Serialize};

pub use amount::{Amount, AmountFigures, AmountSettings, OrderSums, OrdersOverflow};
pub use mode::{Mode, UnknownMode};
pub use suspicion::{EVENTS_LIMIT, Finding, Suspicion};
pub use velocity::{FAILURES_LIMIT, Failure, Velocity, VelocityFigures, VelocitySettings};

use crate::event::{Data, Event};
use crate::fold::{CannotApply, Emit, KeyState};

/// The rules' settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FraudSettings {
    /// Too many failed payments in too short a time.
    pub velocity: VelocitySettings,
    /// An order far above what the user has ordered before.
    pub amount: AmountSettings,
}

/// What is kept for each user, an attribute for each rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudState {
    /// The payments that failed.
    #[serde(default, skip_serializing_if = "Velocity::is_empty")]
    pub velocity: Velocity,
    /// What the orders come to, by currency.
    #[serde(default, skip_serializing_if = "Amount::is_empty")]
    pub amount: Amount,
}

impl KeyState for FraudState {
    type Settings = FraudSettings;

    const ATTRIBUTES: &'static [&'static str] = &["velocity", "amount"];

    const EMITS_LATE: bool = true;

    fn handles(data: &Data<'_>) -> bool {
        matches!(data, Data::PaymentFailed(_) | Data::OrderPlaced(_))
    }

    fn apply(
        &mut self,
        event: &Event<'_>,
        largest_event_time_ms: i64,
        settings: &FraudSettings,
        emit: &mut Emit<'_>,
    ) -> Result<(), CannotApply> {
        let (mode, suspicion) = match &event.data {
            Data::PaymentFailed(_) => {
                let rule = &settings.velocity;
                (rule.mode, self.velocity.fail(&event.id, event.time_ms, largest_event_time_ms, rule))
            }
            Data::OrderPlaced(order) => {
                // Event time moves on with orders too, and which failures are kept depends on nothing else.
                self.velocity.forget(largest_event_time_ms, &settings.velocity);
                (settings.amount.mode, self.amount.order(&event.id, order, &settings.amount)?)
            }
            _ => return Ok(()),
        };
        match (suspicion, mode.signal_type()) {
            (Some(suspicion), Some(signal_type)) => {
                emit.signal(&event.subject, signal_type, event.time_ms, &suspicion)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::read_data;
    use crate::fold::{Delivery, Fold};
    use crate::ledger::{Ledger, LedgerSettings};
    use crate::position::{Position, SequenceNumber, Shard};
    use crate::signal::{EVENT_LATE, FRAUD_SHADOWED, FRAUD_SUSPECTED, Signal};
    use crate::time::{HOUR_MS, MINUTE_MS};
    use crate::verdict::{LateReason, Verdict};

    const START_MS: i64 = 1_291_191_960_000;
    const FAILED: &str = "payment.failed";
    const FAILURE: &str = r#"{"order_id":"o","amount_minor":5,"currency":"GBP"}"#;
    const ORDERED: &str = "order.placed";

    fn order(total_minor: i64) -> String {
        let line = r#"{"sku":"a","quantity":1,"unit_price_minor":1}"#;
        format!(r#"{{"order_id":"o","currency":"GBP","total_minor":{total_minor},"lines":[{line}]}}"#)
    }

    fn fold_of(
        events: &[(&str, i64, &str, &str)],
        settings: &FraudSettings,
    ) -> (Fold<FraudState>, Vec<Verdict>) {
        let mut fold = Fold::from(FraudState::default(), Ledger::default());
        let mut verdicts = Vec::new();
        for (index, (id, minute, event_type, raw_data)) in events.iter().enumerate() {
            let event = Event {
                id: (*id).into(),
                source: "s".into(),
                event_type: (*event_type).into(),
                subject: "u".into(),
                time_ms: START_MS + minute * MINUTE_MS,
                data_schema: None,
                data: read_data(event_type, Some(raw_data)).unwrap(),
                raw_data: (*raw_data).into(),
                origin: None,
            };
            let sequence = SequenceNumber::parse(&(index + 1).to_string()).unwrap();
            let position = Position { sequence, sub_sequence: 0, element: 0 };
            let (shard, arrived_at_ms) = (&Shard::new("events", "shard"), event.time_ms);
            let delivery = Delivery { shard, position: &position, arrived_at_ms, redriven: false };
            verdicts.push(fold.step(&event, &delivery, &LedgerSettings::default(), settings).unwrap());
        }
        (fold, verdicts)
    }

    /// Six failures within five minutes, and an order far above ten others.
    fn suspicious() -> (FraudState, Vec<Signal>) {
        with_modes(Mode::Live, Mode::Live)
    }

    fn with_modes(velocity: Mode, amount: Mode) -> (FraudState, Vec<Signal>) {
        let ids: Vec<_> = (0..17).map(|id| id.to_string()).collect();
        let (small, large) = (order(500), order(501));
        let mut events: Vec<_> =
            (0..6).zip(&ids).map(|(minute, id)| (&**id, minute, FAILED, FAILURE)).collect();
        events.extend(ids[6..16].iter().map(|id| (&**id, 7, ORDERED, &*small)));
        events.push((&ids[16], 8, ORDERED, &large));
        let settings = FraudSettings {
            velocity: VelocitySettings { mode: velocity, ..VelocitySettings::default() },
            amount: AmountSettings { mode: amount, ..AmountSettings::default() },
        };
        let fold = fold_of(&events, &settings).0;
        (fold.state, fold.signals)
    }

    #[test]
    fn suspicions_are_signals_for_the_user_at_the_time_of_their_cause() {
        let signals = suspicious().1;
        let emitted: Vec<_> =
            signals.iter().map(|signal| (&*signal.key, signal.signal_type, signal.time_ms)).collect();
        let at_ms = |minute| START_MS + minute * MINUTE_MS;
        assert_eq!(emitted, [("u", FRAUD_SUSPECTED, at_ms(5)), ("u", FRAUD_SUSPECTED, at_ms(8))]);
        let velocity = concat!(
            r#"{"rule":"velocity","figures":{"failures":6,"first_at_ms":1291191960000,"last_at_ms":1291192260000,"#,
            r#""limit":5,"window_ms":600000},"event_ids":["0","1","2","3","4","5"]}"#
        );
        let amount = concat!(
            r#"{"rule":"amount","figures":{"total_minor":501,"currency":"GBP","orders":10,"sum_minor":5000,"#,
            r#""sum_of_squares_minor":"2500000","deviations":3},"event_ids":["16"]}"#
        );
        assert_eq!(signals.iter().map(|signal| &*signal.data).collect::<Vec<_>>(), [velocity, amount]);
        for signal in signals {
            let read: Suspicion = serde_json::from_str(&signal.data).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), signal.data);
        }
    }

    #[test]
    fn a_mode_changes_what_is_emitted_and_nothing_else() {
        let (state, _) = suspicious();
        let types = |velocity, amount| {
            let (same, signals) = with_modes(velocity, amount);
            assert_eq!(same, state);
            signals.iter().map(|signal| signal.signal_type).collect::<Vec<_>>()
        };
        assert!(types(Mode::Off, Mode::Off).is_empty());
        assert_eq!(types(Mode::Shadow, Mode::Live), [FRAUD_SHADOWED, FRAUD_SUSPECTED]);
        assert_eq!(types(Mode::Off, Mode::Shadow), [FRAUD_SHADOWED]);
    }

    #[test]
    fn a_duplicate_counts_once() {
        let fails =
            |ids: &[&'static str]| -> Vec<_> { ids.iter().map(|id| (*id, 0, FAILED, FAILURE)).collect() };
        let (fold, verdicts) =
            fold_of(&fails(&["0", "1", "0", "2", "3", "4", "4", "4"]), &FraudSettings::default());
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Duplicate).count(), 3);
        assert_eq!((fold.state.velocity.failures().len(), fold.signals.len()), (5, 0));
        let (fold, _) = fold_of(&fails(&["0", "1", "2", "3", "4", "4", "5", "5"]), &FraudSettings::default());
        assert_eq!(fold.signals.len(), 1);
    }

    /// The last one stands at the watermark, and the others as far below it as a window reaches.
    #[test]
    fn a_failure_two_days_late_completes_a_burst_and_an_older_one_does_not() {
        let two_days_minutes = 48 * HOUR_MS / MINUTE_MS;
        let order = order(5);
        let mut events = Vec::from(["0", "1", "2", "3", "4"].map(|id| (id, 0, FAILED, FAILURE)));
        events.push(("order", two_days_minutes + 10, ORDERED, &*order));
        let with_one_at = |minute| {
            fold_of(&[&events[..], &[("5", minute, FAILED, FAILURE)]].concat(), &FraudSettings::default())
        };
        let (fold, _) = with_one_at(10);
        let emitted: Vec<_> =
            fold.signals.iter().map(|signal| (signal.signal_type, signal.time_ms)).collect();
        assert_eq!(emitted, [(FRAUD_SUSPECTED, START_MS + 10 * MINUTE_MS)]);
        let (fold, verdicts) = with_one_at(9);
        assert_eq!(verdicts.last(), Some(&Verdict::Late(LateReason::BelowWatermark)));
        assert_eq!(fold.signals.iter().map(|signal| signal.signal_type).collect::<Vec<_>>(), [EVENT_LATE]);
        assert_eq!(fold.state.velocity.failures().len(), 5);
    }

    #[test]
    fn orders_move_event_time_on_for_failures_too() {
        let order = order(5);
        let events = [("0", 0, FAILED, FAILURE), ("1", 49 * 60, ORDERED, &*order)];
        let (fold, _) = fold_of(&events, &FraudSettings::default());
        assert!(fold.state.velocity.is_empty());
    }

    #[test]
    fn the_attributes_are_the_state() {
        let (state, _) = suspicious();
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(serde_json::from_value::<FraudState>(json.clone()).unwrap(), state);
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["amount", "velocity"]);
        assert_eq!(json["amount"]["GBP"]["sum_of_squares_minor"], "2751001");
        assert_eq!(json["velocity"]["failures"][0]["id"], "0");
        assert_eq!(serde_json::to_value(FraudState::default()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn only_payments_that_failed_and_orders_are_looked_at() {
        let order = order(5);
        let handled = |kind: &str, raw| FraudState::handles(&read_data(kind, Some(raw)).unwrap());
        assert!(handled(FAILED, FAILURE) && handled(ORDERED, &order));
        assert!(!handled("user.logged_in", "{}") && !handled("payment.authorized", FAILURE));
    }
}
