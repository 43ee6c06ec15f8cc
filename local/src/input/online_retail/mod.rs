//! Online Retail invoice lines as order events.
//!
//! Data: Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi 10.24432/C5BW33, CC BY 4.0. One
//! event an invoice, in order of its earliest line, then of its number. What breaks the contract stays as it is:
//! it belongs in the quarantine.

mod cells;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use cells::{cell, is_missing, pence, text, time_ms, time_text, whole};
use millrace_domain::envelope::SUBJECT_LIMIT_BYTES;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde::Serialize;

use super::{Input, UNREADABLE_KEY};
use crate::error::Error;

/// `source` of these events.
const SOURCE: &str = "urn:online-retail";

#[derive(Debug)]
struct Invoice {
    earliest_ms: i64,
    customer: Option<i128>,
    lines: Vec<InvoiceLine>,
}

/// Numbers of more bits than the contract takes, so that what breaks it comes into the quarantine as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct InvoiceLine {
    sku: String,
    quantity: i128,
    unit_price_minor: i128,
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: String,
    data: Order<'a>,
}

#[derive(Serialize)]
struct Order<'a> {
    order_id: &'a str,
    currency: &'a str,
    total_minor: i128,
    lines: &'a [InvoiceLine],
}

/// The columns that are read.
const COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID", "InvoiceDate"];

/// The events of a file.
///
/// # Errors
/// When the file cannot be read, a column is missing, or a cell holds something else than its column is for.
pub(super) fn read(path: &Path, file: File) -> Result<Vec<Input>, Error> {
    let refuse = |why: String| Error::Input { path: path.to_owned(), why };
    let mut invoices: Vec<_> = invoices(file).map_err(refuse)?.into_iter().collect();
    invoices.sort_by(|(number, invoice), (other_number, other)| {
        (invoice.earliest_ms, number).cmp(&(other.earliest_ms, other_number))
    });
    invoices.into_iter().map(|(number, invoice)| event(&number, &invoice).map_err(refuse)).collect()
}

/// Invoices by number.
fn invoices(file: File) -> Result<BTreeMap<String, Invoice>, String> {
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let schema = reader.metadata().file_metadata().schema();
    let column = |name| {
        let found = schema.get_fields().iter().find(|field| field.name() == name);
        found.cloned().ok_or_else(|| format!("the column {name} is missing"))
    };
    let columns = COLUMNS.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let in_nanoseconds = columns.iter().any(|column| counts_nanoseconds(column));
    let columns = Type::group_type_builder(schema.name()).with_fields(columns).build();
    let rows = columns.and_then(|columns| reader.get_row_iter(Some(columns)));
    let mut invoices = BTreeMap::new();
    for (row, number) in rows.map_err(|error| error.to_string())?.zip(1_u64..) {
        let row = row.map_err(|error| error.to_string())?;
        add(row, in_nanoseconds, &mut invoices).map_err(|why| format!("row {number}: {why}"))?;
    }
    Ok(invoices)
}

fn counts_nanoseconds(column: &Type) -> bool {
    let logical = column.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS))
}

/// Adds a row to its invoice.
fn add(row: Row, in_nanoseconds: bool, invoices: &mut BTreeMap<String, Invoice>) -> Result<(), String> {
    let cells = <[(String, Field); COLUMNS.len()]>::try_from(row.into_columns());
    let Ok([number, sku, quantity, price, customer, at]) = cells else {
        return Err("cells are missing".to_owned());
    };
    let number = cell(number, "a text", text)?;
    // Adjustments of the ledger are no orders.
    if number.starts_with('A') {
        return Ok(());
    }
    let at_ms = cell(at, "a time", |field| time_ms(field, in_nanoseconds))?;
    let quantity = cell(quantity, "a whole number", whole)?;
    let line = InvoiceLine {
        sku: cell(sku, "a text", text)?,
        quantity: if number.starts_with('C') { quantity.saturating_abs() } else { quantity },
        unit_price_minor: cell(price, "an amount of money", pence)?,
    };
    let customer = match is_missing(&customer.1) {
        true => None,
        false => Some(cell(customer, "a whole number", whole)?),
    };
    let invoice =
        invoices.entry(number).or_insert(Invoice { earliest_ms: at_ms, customer: None, lines: Vec::new() });
    invoice.earliest_ms = invoice.earliest_ms.min(at_ms);
    invoice.customer = invoice.customer.or(customer);
    invoice.lines.push(line);
    Ok(())
}

fn event(number: &str, invoice: &Invoice) -> Result<Input, String> {
    let returned = number.starts_with('C');
    let subject = match invoice.customer {
        Some(customer) => format!("user-{customer}"),
        None => format!("guest-{number}"),
    };
    let totals = invoice.lines.iter().map(|line| line.quantity.saturating_mul(line.unit_price_minor));
    let event = Event {
        specversion: "1.0",
        id: number,
        source: SOURCE,
        event_type: if returned { "order.returned" } else { "order.placed" },
        subject: &subject,
        time: time_text(invoice.earliest_ms),
        data: Order {
            order_id: number,
            currency: "GBP",
            total_minor: totals.fold(0, i128::saturating_add),
            lines: &invoice.lines,
        },
    };
    let data = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
    Ok(Input { partition_key: key(subject), data: data.into() })
}

/// An invoice number may be any text, so its subject may be longer than a key.
fn key(subject: String) -> String {
    if subject.len() > SUBJECT_LIMIT_BYTES { UNREADABLE_KEY.to_owned() } else { subject }
}

#[cfg(test)]
mod tests;
