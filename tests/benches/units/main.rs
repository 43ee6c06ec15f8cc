//! What each function reads and writes for 1,000 events, and what a session costs beside them.
//!
//! `cargo bench -p millrace-tests --bench units`
//!
//! The functions' own handlers over dynoxide, which reports consumed capacity as DynamoDB does, with a meter for each
//! part. Every user comes, makes some nine events in a quarter of an hour and goes; sessions close by their timers, for
//! which `close` runs once a batch. What products remember is of eight days, and here of two.

#![expect(clippy::unwrap_used, reason = "a bench may stop at what it does not expect")]
#![expect(clippy::cast_precision_loss, reason = "figures for reading")]
#![expect(clippy::disallowed_methods, reason = "the store runs beside the bench")]

mod shop;
mod store;
mod traffic;

use comfy_table::{CellAlignment, Table};
use millrace_lambda::meter::Usage;
use shop::Shop;

/// Batches of 1,000 events, one every five minutes of event time.
const BATCHES: u64 = 640;
/// Batches before measuring: two days, by when as many sessions close as open, and ledgers hold what they keep.
const WARM_UP: u64 = 600;

#[tokio::main]
async fn main() {
    let mut shop = Shop::open().await;
    for number in 0..BATCHES {
        if number % 100 == 0 {
            eprintln!("{number} of {BATCHES} batches");
        }
        if number == WARM_UP {
            shop.forget_figures();
        }
        shop.live(number).await;
    }
    let figures = shop.figures();
    let events = (BATCHES - WARM_UP) as f64 * traffic::EVENTS as f64;
    println!(
        "{events} events of shoppers after {} to warm up, in batches of {} over {} users; of them came {} signals that \
         move stock, and {} sessions closed",
        WARM_UP * traffic::EVENTS as u64,
        traffic::EVENTS,
        traffic::USERS,
        figures.stock_signals,
        figures.sessions_closed
    );
    println!("\nunits of 1,000 events of shoppers");
    let row = |name: &str, usage: &Usage| cells(name, usage, events / 1_000.0);
    let rows = [
        row("sessions: its items", &figures.sessions),
        row("fraud: its items", &figures.fraud),
        row("inventory: its items", &figures.inventory),
        row("archive", &Usage::default()),
    ];
    println!("{}", table(&rows));
    println!("\nunits of a session that closes");
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
    let counts = [usage.read_requests, usage.read_units, usage.write_requests, usage.write_units];
    [name.to_owned()].into_iter().chain(counts.map(each)).collect()
}

fn table(rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    let header = ["what", "read requests", "read units", "write requests", "write units"];
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    table.add_rows(rows.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
