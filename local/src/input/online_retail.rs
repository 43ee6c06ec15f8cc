//! Online Retail invoice lines as order events.
//!
//! Data: Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi 10.24432/C5BW33, CC BY 4.0. One
//! event an invoice, in order of its earliest line, then of its number. What breaks the contract stays as it is:
//! it belongs in the quarantine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType};
use millrace_domain::time::format_rfc3339_ms;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use super::Input;
use crate::error::Error;

/// `source` of these events.
pub const SOURCE: &str = "urn:online-retail";

#[derive(Debug, Default)]
struct Invoice {
    earliest_ms: i64,
    customer: Option<i64>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    sku: String,
    quantity: i64,
    unit_price_minor: i64,
}

/// The events of a file.
///
/// # Errors
/// When the file cannot be read, or a column is missing.
pub fn read(path: &Path) -> Result<Vec<Input>, Error> {
    let refuse = |why: String| Error::Input { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let mut invoices: BTreeMap<String, Invoice> = BTreeMap::new();
    for batch in reader.map_err(|error| refuse(error.to_string()))? {
        let batch = batch.map_err(|error| refuse(error.to_string()))?;
        add_rows(&batch, &mut invoices).map_err(refuse)?;
    }
    let mut invoices: Vec<_> = invoices.into_iter().collect();
    invoices.sort_by(|(number, invoice), (other_number, other)| {
        (invoice.earliest_ms, number).cmp(&(other.earliest_ms, other_number))
    });
    invoices.into_iter().map(|(number, invoice)| event(&number, &invoice).map_err(refuse)).collect()
}

fn add_rows(batch: &RecordBatch, invoices: &mut BTreeMap<String, Invoice>) -> Result<(), String> {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    let numbers = column(batch, "InvoiceNo", &DataType::Utf8)?;
    let skus = column(batch, "StockCode", &DataType::Utf8)?;
    let quantities = column(batch, "Quantity", &DataType::Int64)?;
    let prices = column(batch, "UnitPrice", &DataType::Float64)?;
    let customers = column(batch, "CustomerID", &DataType::Int64)?;
    let times = column(batch, "InvoiceDate", &time)?;
    let (numbers, skus) = (numbers.as_string::<i32>(), skus.as_string::<i32>());
    let quantities = quantities.as_primitive::<Int64Type>();
    let prices = prices.as_primitive::<Float64Type>();
    let customers = customers.as_primitive::<Int64Type>();
    let times = times.as_primitive::<TimestampMillisecondType>();
    for row in 0..batch.num_rows() {
        let number = numbers.value(row);
        // Adjustments of the ledger are no orders.
        if number.starts_with('A') {
            continue;
        }
        let at_ms = times.value(row);
        let invoice = invoices
            .entry(number.to_owned())
            .or_insert_with(|| Invoice { earliest_ms: at_ms, ..Invoice::default() });
        invoice.earliest_ms = invoice.earliest_ms.min(at_ms);
        invoice.customer = invoice.customer.or(customers.is_valid(row).then(|| customers.value(row)));
        let quantity = quantities.value(row);
        invoice.lines.push(Line {
            sku: skus.value(row).to_owned(),
            quantity: if number.starts_with('C') { quantity.abs() } else { quantity },
            unit_price_minor: pence(prices.value(row)),
        });
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, String> {
    let column = batch.column_by_name(name).ok_or_else(|| format!("the column {name} is missing"))?;
    cast(column, data_type).map_err(|error| format!("the column {name}: {error}"))
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
