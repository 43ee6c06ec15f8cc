//! What the demo prints.

use std::collections::BTreeMap;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use millrace_lambda::emf::Metric;
use serde_json::Value;

use crate::commands::Saved;
use crate::error::Error;
use crate::output::{Entry, FunctionSummary, Signals, Summary, number};
use crate::say::say;

/// Partitions that are listed.
const PARTITIONS_SHOWN: usize = 12;
/// Characters of a line of a signal's data, and lines that are shown.
const DATA_WIDTH: usize = 60;
const DATA_LINES: usize = 4;

pub(super) fn intro(files: usize, records: usize, events: usize, throttled: u64) -> Result<(), Error> {
    say!(
        "{files} fixtures ({records} records): duplicates, late and invalid events, a KPL aggregate, an id used twice."
    )?;
    say!(
        "{} events of made-up users, every one sent twice. {throttled} write requests throttled.\n",
        number(events as u64)
    )?;
    Ok(())
}

pub(super) fn print(summary: &Summary, saved: &Saved, entries: &[Entry], out: &Path) -> Result<(), Error> {
    heading("Verdicts: what became of each event")?;
    say!("{}", verdicts(summary))?;
    heading("State: three of the items in the table `sessions`")?;
    say!("{}", sessions(&saved.sessions))?;
    heading("Signals, each once")?;
    say!("{}", signals(summary, &saved.signals))?;
    heading("Lake: rows by partition")?;
    say!("{}", partitions(summary))?;
    heading("Quarantine: rejected events with their bytes, never in the way of others")?;
    say!("{}", quarantine(entries))?;
    heading("What it cost")?;
    say!("{}", costs(&summary.functions))?;
    say!(
        "{} records in {:.1} s. All of it is in {}:",
        number(summary.records_in),
        summary.wall_ms as f64 / 1_000.0,
        out.display()
    )?;
    say!(
        "  tables/*.jsonl, signals.jsonl, lake/event_type=…/dt=…/*.parquet, quarantine/*.jsonl, summary.json"
    )?;
    say!("Next: cargo run --release -- replay --help")?;
    Ok(())
}

fn heading(text: &str) -> Result<(), Error> {
    say!("\n{text}")
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    table
}

fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn verdicts(summary: &Summary) -> Table {
    let mut table = table([
        "function",
        "applied",
        "duplicate",
        "redelivery",
        "late",
        "collision",
        "invalid",
        "ignored",
        "invocations",
    ]);
    for (name, function) in &summary.functions {
        let verdict = |verdict: &str| number(function.verdicts.get(verdict).copied().unwrap_or_default());
        table.add_row([
            name.clone(),
            verdict("applied"),
            verdict("duplicate"),
            verdict("redelivery"),
            verdict("late"),
            verdict("collision"),
            verdict("invalid"),
            verdict("ignored"),
            number(function.invocations),
        ]);
    }
    align_right(&mut table, 1..9);
    table
}

/// How many of each type, and one of each.
fn signals(summary: &Summary, signals: &Signals) -> Table {
    let mut table = table(["type", "how many", "for example", "its data"]);
    let all = signals.in_order();
    for (name, count) in &summary.signals {
        let example = all.iter().find(|signal| signal["type"] == name.as_str());
        let (key, data) = example
            .map_or_else(Default::default, |signal| (text(&signal["subject"]), signal["data"].to_string()));
        table.add_row([name.clone(), number(*count), key, folded(&data)]);
    }
    align_right(&mut table, 1..2);
    table
}

/// Long text in lines, the first few of them.
fn folded(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = characters.chunks(DATA_WIDTH).map(|line| line.iter().collect()).collect();
    if lines.len() > DATA_LINES {
        lines.truncate(DATA_LINES);
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

/// A visit from the fixtures, one with an open cart, and the busiest user.
fn sessions(items: &[Value]) -> Table {
    let events = |item: &&Value| item["lifetime"]["events"].as_u64().unwrap_or_default();
    let with_cart = items.iter().filter(|item| item["cart"].as_object().is_some_and(|cart| !cart.is_empty()));
    let visit = items.iter().find(|item| item["key"] == "user-ada");
    let shown = [visit, with_cart.min_by_key(events), items.iter().max_by_key(events)];
    let mut table = table(["key", "lifetime", "session", "cart", "recent products"]);
    for item in shown.into_iter().flatten() {
        let lifetime = &item["lifetime"];
        table.add_row([
            text(&item["key"]),
            format!(
                "{} events\n{} orders, {} returns\nrevenue {}\nrefunded {}",
                lifetime["events"],
                lifetime["orders"],
                lifetime["returns"],
                money(&lifetime["revenue_minor"]),
                money(&lifetime["refunded_minor"])
            ),
            session(&item["session"]),
            pairs(&item["cart"], 4),
            recent(&item["recent_products"]),
        ]);
    }
    table
}

fn session(session: &Value) -> String {
    match session.is_object() {
        false => "closed".to_owned(),
        true => format!(
            "{} events, {} views\n{} added, {} orders\nrevenue {}",
            session["events"],
            session["views"],
            session["cart_adds"],
            session["orders"],
            money(&session["revenue_minor"])
        ),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every currency of the demo has two digits behind the point.
fn money(sums: &Value) -> String {
    let sums = sums.as_object().into_iter().flatten();
    let texts: Vec<_> = sums
        .map(|(currency, minor)| {
            let minor = minor.as_u64().unwrap_or_default();
            format!("{}.{:02} {currency}", number(minor / 100), minor % 100)
        })
        .collect();
    if texts.is_empty() { "0".to_owned() } else { texts.join(", ") }
}

fn pairs(map: &Value, most: usize) -> String {
    let all: Vec<_> =
        map.as_object().into_iter().flatten().map(|(name, value)| format!("{name} × {value}")).collect();
    shortened(&all, most)
}

fn recent(products: &Value) -> String {
    let all: Vec<_> =
        products.as_array().into_iter().flatten().map(|product| text(&product["sku"])).collect();
    shortened(&all, 4)
}

fn shortened(all: &[String], most: usize) -> String {
    match all {
        [] => "empty".to_owned(),
        all if all.len() > most => format!("{}\nand {} more", all[..most].join("\n"), all.len() - most),
        all => all.join("\n"),
    }
}

fn partitions(summary: &Summary) -> Table {
    let mut table = table(["partition", "rows"]);
    for (partition, rows) in summary.lake_rows.iter().take(PARTITIONS_SHOWN) {
        table.add_row([partition.clone(), number(*rows)]);
    }
    let rest = summary.lake_rows.len().saturating_sub(PARTITIONS_SHOWN);
    if rest > 0 {
        let rows = summary.lake_rows.values().skip(PARTITIONS_SHOWN).sum();
        table.add_row([format!("and {rest} more"), number(rows)]);
    }
    align_right(&mut table, 1..2);
    table
}

fn quarantine(entries: &[Entry]) -> Table {
    let mut table = table(["function", "event", "reason", "field and rule"]);
    for entry in entries {
        let event = if entry.text("event_id").is_empty() { "?" } else { entry.text("event_id") };
        let rule = format!("{} {}", entry.text("field"), entry.text("rule"));
        table.add_row([entry.text("function"), event, entry.text("reason"), rule.trim()]);
    }
    table
}

fn costs(functions: &BTreeMap<String, FunctionSummary>) -> Table {
    let mut table = table(["step", "requests", "capacity units or bytes", "per 1,000 events"]);
    let sessions = functions.get("sessions").cloned().unwrap_or_default();
    let events: u64 = sessions.verdicts.values().sum::<u64>().max(1);
    let per_thousand = |value: u64| format!("{:.1}", value as f64 * 1_000.0 / events as f64);
    for (step, requests, units) in [
        ("DynamoDB reads", Metric::READ_REQUESTS, Metric::READ_CAPACITY_UNITS),
        ("DynamoDB writes", Metric::WRITE_REQUESTS, Metric::WRITE_CAPACITY_UNITS),
    ] {
        let (requests, units) = (sessions.metric(requests), sessions.metric(units));
        let rates = format!("{} requests, {} capacity units", per_thousand(requests), per_thousand(units));
        table.add_row([
            step.to_owned(),
            number(requests),
            format!("{} capacity units", number(units)),
            rates,
        ]);
    }
    let archive = functions.get("archive").cloned().unwrap_or_default();
    let (requests, billed) =
        (archive.metric(Metric::FIREHOSE_PUT_REQUESTS), archive.metric(Metric::FIREHOSE_PUT_BILLED_BYTES));
    let rates = format!("{} requests, {} bytes", per_thousand(requests), per_thousand(billed));
    table.add_row([
        "Firehose".to_owned(),
        number(requests),
        format!("{} bytes billed", number(billed)),
        rates,
    ]);
    let again = number(functions.values().map(|function| function.metric(Metric::REQUEST_RETRIES)).sum());
    table.add_row(["sent again".to_owned(), again, "after throttling".to_owned(), String::new()]);
    align_right(&mut table, 1..3);
    table
}

#[cfg(test)]
mod tests {
    use millrace_lambda::emf::METRICS;

    use super::*;

    #[test]
    fn the_costs_are_what_the_functions_report() {
        // Every metric has another value.
        let metrics = METRICS.iter().zip(101..).map(|(metric, value)| (metric.name().to_owned(), value));
        let function = FunctionSummary { metrics: metrics.collect(), ..FunctionSummary::default() };
        let functions = ["sessions", "archive"].map(|name| (name.to_owned(), function.clone()));
        let text = costs(&functions.into()).to_string();
        let reported = |name: &str| number(function.metrics[name]);
        for cell in [
            format!("{} capacity units", reported("read_capacity_units")),
            format!("{} capacity units", reported("write_capacity_units")),
            format!("{} bytes billed", reported("firehose_put_billed_bytes")),
            reported("read_requests"),
            reported("write_requests"),
            reported("firehose_put_requests"),
            number(2 * function.metrics["request_retries"]),
        ] {
            assert!(text.contains(&format!(" {cell} ")), "{cell} in\n{text}");
        }
    }
}
