//! The figures as tables.

#![expect(clippy::cast_precision_loss, reason = "figures for reading")]

use comfy_table::{CellAlignment, Table};
use millrace_lambda::meter::Usage;

use crate::shop::Figures;
use crate::traffic;

/// Prints what so many batches used up, after so many to warm up.
pub(crate) fn print(figures: Figures, batches: u64, warm_up: u64) {
    let events = batches as f64 * traffic::EVENTS as f64;
    println!(
        "{events} events after {} to warm up, in batches of {} over {} users; of them came {} signals that move stock, \
         and {} sessions closed",
        warm_up * traffic::EVENTS as u64,
        traffic::EVENTS,
        traffic::USERS,
        figures.stock_signals,
        figures.sessions_closed
    );
    println!("\ncapacity units of 1,000 events of users");
    let row = |name: &str, usage: &Usage| cells(name, usage, events / 1_000.0);
    let rows = [
        row("sessions: its items", &figures.sessions),
        row("fraud: its items", &figures.fraud),
        row("inventory: its items", &figures.inventory),
        row("archive", &Usage::default()),
    ];
    println!("{}", table(&rows));
    println!("\ncapacity units of a session that closes");
    let row = |name: &str, usage: &Usage| cells(name, usage, figures.sessions_closed as f64);
    let rows = [
        row("sessions: timers that it sets", &figures.timers),
        row("close: timers read and deleted", &figures.close),
        row("sessions: commits of timer.due", &figures.due),
    ];
    println!("{}", table(&rows));
}

fn cells(name: &str, usage: &Usage, of: f64) -> Vec<String> {
    let each = |count: u64| format!("{:.2}", count as f64 / of);
    let counts =
        [usage.read_requests, usage.read_capacity_units, usage.write_requests, usage.write_capacity_units];
    [name.to_owned()].into_iter().chain(counts.map(each)).collect()
}

fn table(rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    let header = ["what", "read requests", "read capacity units", "write requests", "write capacity units"];
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    table.add_rows(rows.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
