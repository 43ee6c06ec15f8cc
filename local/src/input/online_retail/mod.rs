//! Online Retail invoice lines as order events.
//!
//! Data: Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi 10.24432/C5BW33, CC BY 4.0. One
//! event an invoice, in order of its earliest line, then of its number. What breaks the contract stays as it is:
//! it belongs in the quarantine.

mod cells;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use cells::{cell, decimal, is_missing, text, time_ms, whole};
use millrace_domain::time::format_rfc3339_ms;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde::Serialize;

use super::Input;
use crate::error::Error;

/// `source` of these events.
pub const SOURCE: &str = "urn:online-retail";

#[derive(Debug, Default)]
struct Invoice {
    earliest_ms: i64,
    customer: Option<i64>,
    lines: Vec<InvoiceLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct InvoiceLine {
    sku: String,
    quantity: i64,
    unit_price_minor: i64,
}

/// The columns that are read.
const COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID", "InvoiceDate"];

/// The events of a file.
///
/// # Errors
/// When the file cannot be read, a column is missing, or a cell holds something else than its column is for.
pub fn read(path: &Path) -> Result<Vec<Input>, Error> {
    let refuse = |why: String| Error::Input { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
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
        quantity: if number.starts_with('C') { quantity.abs() } else { quantity },
        unit_price_minor: pence(cell(price, "a number", decimal)?),
    };
    let customer = match is_missing(&customer.1) {
        true => None,
        false => Some(cell(customer, "a whole number", whole)?),
    };
    let invoice =
        invoices.entry(number).or_insert_with(|| Invoice { earliest_ms: at_ms, ..Invoice::default() });
    invoice.earliest_ms = invoice.earliest_ms.min(at_ms);
    invoice.customer = invoice.customer.or(customer);
    invoice.lines.push(line);
    Ok(())
}

/// Pounds as whole pence, half a penny rounded up. The decimal text of the number is rounded and not the binary
/// value, which lies a little beside it.
fn pence(pounds: f64) -> i64 {
    let text = format!("{pounds:.4}");
    let digits: String = text.chars().filter(|character| *character != '.').collect();
    let ten_thousandths: i64 = digits.parse().unwrap_or_default();
    (ten_thousandths + 50).div_euclid(100)
}

fn event(number: &str, invoice: &Invoice) -> Result<Input, String> {
    let returned = number.starts_with('C');
    let subject = match invoice.customer {
        Some(customer) => format!("user-{customer}"),
        None => format!("guest-{number}"),
    };
    let total_minor: i64 = invoice.lines.iter().map(|line| line.quantity * line.unit_price_minor).sum();
    let event = serde_json::json!({
        "specversion": "1.0",
        "id": number,
        "source": SOURCE,
        "type": if returned { "order.returned" } else { "order.placed" },
        "subject": subject,
        "time": format_rfc3339_ms(invoice.earliest_ms),
        "data": {"order_id": number, "currency": "GBP", "total_minor": total_minor, "lines": invoice.lines},
    });
    let data = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
    Ok(Input { partition_key: subject, data: data.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_penny_is_rounded_up() {
        let cases = [
            (2.55, 255),
            (0.001, 0),
            (1.005, 101),
            (0.0049, 0),
            (0.005, 1),
            (38_970.0, 3_897_000),
            (-0.005, 0),
        ];
        for (pounds, expected) in cases {
            assert_eq!(pence(pounds), expected, "{pounds}");
        }
    }
}
