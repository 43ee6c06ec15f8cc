//! `reorder-points`: reorder points and targets from a file into a table.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use millrace_aws::DynamoReorderPoints;
use millrace_aws::clients::sdk_config;
use millrace_domain::stock::{ReorderPoint, read_points};
use millrace_lambda::{Deadline, Meter};

use crate::cli::ReorderPoints;
use crate::error::Error;
use crate::output::number;
use crate::say::say;

/// Reorder points by product.
type Points = Vec<(String, ReorderPoint)>;

pub(crate) async fn run(options: &ReorderPoints) -> Result<(), Error> {
    let points = read(&options.file)?;
    let client = Client::new(&sdk_config().await);
    load(&client, &options.table, &points).await?;
    let count = number(points.len() as u64);
    say!("{count} reorder points are in the table {}; inventory knows them within minutes", options.table)
}

/// Reads a file of reorder points.
pub(super) fn read(file: &Path) -> Result<Points, Error> {
    let unreadable = |why: String| Error::Input { path: file.to_owned(), why };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    read_points(&text).map_err(|error| unreadable(error.to_string()))
}

/// Writes reorder points into a table.
pub(super) async fn load(client: &Client, table: &str, points: &Points) -> Result<(), Error> {
    let table = DynamoReorderPoints::new(client.clone(), table.to_owned(), Arc::new(Meter::default()));
    let put = table.put_all(points, Deadline::NONE).await;
    put.map_err(|failed| Error::Usage(format!("reorder points: {failed}")))
}
