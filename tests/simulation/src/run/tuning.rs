//! The plan's settings as the functions take them.

use std::collections::HashMap;

use millrace_domain::fraud::{AmountSettings, FraudSettings, Mode, VelocitySettings};
use millrace_domain::ledger::LedgerSettings;
use millrace_domain::session::SessionSettings;
use millrace_domain::stock::{ReorderPoint, ReorderPoints};

use crate::plan::Settings;

/// Dedup windows and limit of the ledger.
pub(crate) fn ledger_settings(settings: &Settings) -> LedgerSettings {
    LedgerSettings {
        money_dedup_window_ms: settings.money_dedup_window_ms,
        activity_dedup_window_ms: settings.activity_dedup_window_ms,
        seen_limit: settings.seen_limit,
        signals_window_ms: settings.money_dedup_window_ms,
        signals_limit: settings.seen_limit,
    }
}

/// Gap and lateness of session windows.
pub(crate) fn session_settings(settings: &Settings) -> SessionSettings {
    SessionSettings { gap_ms: settings.gap_ms, lateness_ms: settings.lateness_ms }
}

/// The rules of fraud: one speaks, one is on trial.
pub(crate) fn fraud_settings(settings: &Settings) -> FraudSettings {
    FraudSettings {
        velocity: VelocitySettings {
            limit: settings.failures_limit,
            memory_ms: settings.money_dedup_window_ms,
            ..VelocitySettings::default()
        },
        amount: AmountSettings {
            mode: Mode::Shadow,
            minimum_orders: settings.minimum_orders,
            ..AmountSettings::default()
        },
    }
}

/// The reorder points of all products.
pub(crate) fn reorder_points() -> ReorderPoints {
    ReorderPoints { by_sku: HashMap::new(), default: ReorderPoint::default() }
}

/// The configuration of `inventory`: reorder points at which runs of a few orders arrive.
pub(crate) fn inventory_config(settings: &Settings) -> inventory::Config {
    inventory::Config { ledger: ledger_settings(settings), ..inventory::Config::for_testing() }
}
