//! Users with open windows, read from the whole table.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use millrace_domain::fold::KeyState;
use millrace_domain::session::{OpenSession, SessionState};
use millrace_lambda::meter::Usage;
use millrace_lambda::timers::{OpenSessions, OpenSessionsPage, TableError};
use millrace_lambda::{Deadline, Meter};

use super::capacity_units;
use super::error_class::ErrorClass;
use super::item::{FORMAT, Item, KEY, number};
use crate::backoff::Backoff;

/// Scans a table of sessions. It reads every item, at half a capacity unit for 4 KB, so it is for now and then.
#[derive(Clone, Debug)]
pub struct DynamoOpenSessions {
    client: Client,
    table: String,
    meter: Arc<Meter>,
}

impl DynamoOpenSessions {
    /// The sessions of this table.
    pub fn new(client: Client, table: String, meter: Arc<Meter>) -> Self {
        Self { client, table, meter }
    }
}

impl OpenSessions for DynamoOpenSessions {
    async fn read_open(
        &self,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> Result<OpenSessionsPage, TableError> {
        let reads = SessionState::READS_FORMAT;
        let start = |from: &str| Item::from([(KEY.to_owned(), AttributeValue::S(from.to_owned()))]);
        let mut scan = self
            .client
            .scan()
            .table_name(&self.table)
            // An item of a newer format may have its open sessions under another name.
            .filter_expression("attribute_exists(#session) OR #format > :format")
            .projection_expression("#key, #format, #session, #earlier_sessions, #emitted")
            .expression_attribute_names("#format", FORMAT)
            .expression_attribute_values(":format", AttributeValue::N(reads.to_string()))
            .set_exclusive_start_key(from.map(start))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for name in OpenSession::ATTRIBUTES {
            scan = scan.expression_attribute_names(format!("#{name}"), name);
        }
        let mut backoff = Backoff::new(deadline);
        let answer = loop {
            let answer = scan.clone().send().await;
            self.meter.add(&Usage { read_requests: 1, ..Usage::default() });
            let error = match answer {
                Ok(answer) => break answer,
                Err(error) => ErrorClass::of(&error),
            };
            tracing::warn!(table = self.table, class = ?error, "the table of sessions did not answer");
            if !matches!(error, ErrorClass::Transient(_)) || !backoff.wait().await {
                return Err(error.into());
            }
            self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
        };
        let consumed = answer.consumed_capacity().and_then(|capacity| capacity.capacity_units);
        self.meter
            .add(&Usage { read_capacity_units: capacity_units(consumed.into_iter()), ..Usage::default() });
        let next = answer.last_evaluated_key.and_then(|mut key| key.remove(KEY)?.as_s().ok().cloned());
        let mut page = OpenSessionsPage { next, ..OpenSessionsPage::default() };
        for mut item in answer.items.unwrap_or_default() {
            let format = number(&mut item, FORMAT);
            match serde_dynamo::from_item::<_, OpenSession>(item) {
                _ if format.is_some_and(|format| format > u64::from(reads)) => page.newer_format += 1,
                Ok(session) if format.is_some() => page.sessions.push(session),
                // The error may quote the item.
                _ => page.corrupt += 1,
            }
        }
        if page.corrupt > 0 {
            tracing::error!(table = self.table, page.corrupt, "items of sessions cannot be read");
        }
        if page.newer_format > 0 {
            tracing::error!(
                table = self.table,
                page.newer_format,
                "items of sessions were written by a newer release"
            );
        }
        Ok(page)
    }
}
