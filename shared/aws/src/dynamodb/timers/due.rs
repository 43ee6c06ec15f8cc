//! What is due, and how far it was taken.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use millrace_domain::timer::{Minute, TimeBucket, sort_key_beyond, timer_of};
use millrace_lambda::Deadline;
use millrace_lambda::meter::Usage;
use millrace_lambda::timers::{DuePage, TableError};

use super::write::key;
use super::{CURSOR, DynamoTimers, MINUTE, TIME_BUCKET, TIMER};
use crate::backoff::Backoff;
use crate::dynamodb::capacity_units;
use crate::dynamodb::error_class::ErrorClass;
use crate::dynamodb::item::Item;

/// The code of a condition that does not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

impl DynamoTimers {
    /// Strongly consistent: what a writer has set before this is found, or the cursor would pass it.
    pub(super) async fn query(
        &self,
        time_bucket: TimeBucket,
        until_ms: i64,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> Result<DuePage, TableError> {
        let time_bucket = time_bucket.to_string();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#time_bucket = :time_bucket AND #timer < :beyond")
            .expression_attribute_names("#time_bucket", TIME_BUCKET)
            .expression_attribute_names("#timer", TIMER)
            .expression_attribute_values(":time_bucket", AttributeValue::S(time_bucket.clone()))
            .expression_attribute_values(":beyond", AttributeValue::S(sort_key_beyond(until_ms)))
            .set_exclusive_start_key(from.map(|from| key(&time_bucket, from)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut backoff = Backoff::new(deadline);
        let answer = loop {
            match query.clone().send().await {
                Ok(answer) => break answer,
                Err(error) => self.failed_read(&error, &mut backoff).await?,
            }
        };
        self.read(answer.consumed_capacity().and_then(|capacity| capacity.capacity_units));
        let next = answer.last_evaluated_key.as_ref().and_then(|item| text(item, TIMER));
        let mut page = DuePage { next, ..DuePage::default() };
        for item in answer.items.unwrap_or_default() {
            match timer_of(&text(&item, TIMER).unwrap_or_default()) {
                Ok(timer) => page.timers.push(timer),
                Err(why) => {
                    tracing::error!(table = self.table, time_bucket, error = %why, "an item is no timer");
                    page.corrupt += 1;
                }
            }
        }
        Ok(page)
    }

    pub(super) async fn read_cursor(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(CURSOR, CURSOR)));
        let get = get.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut backoff = Backoff::new(deadline);
        let answer = loop {
            match get.clone().send().await {
                Ok(answer) => break answer,
                Err(error) => self.failed_read(&error, &mut backoff).await?,
            }
        };
        self.read(answer.consumed_capacity().and_then(|capacity| capacity.capacity_units));
        let Some(item) = answer.item else { return Ok(None) };
        let minute = text(&item, MINUTE).unwrap_or_default();
        Minute::parse(&minute).map(Some).map_err(|error| TableError(format!("the cursor: {error}")))
    }

    pub(super) async fn scan_oldest(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .projection_expression("#time_bucket, #timer")
            .expression_attribute_names("#time_bucket", TIME_BUCKET)
            .expression_attribute_names("#timer", TIMER)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (mut oldest, mut start) = (None::<Minute>, None::<Item>);
        loop {
            let mut backoff = Backoff::new(deadline);
            let page = loop {
                match scan.clone().set_exclusive_start_key(start.clone()).send().await {
                    Ok(page) => break page,
                    Err(error) => self.failed_read(&error, &mut backoff).await?,
                }
            };
            self.read(page.consumed_capacity().and_then(|capacity| capacity.capacity_units));
            let time_buckets = page.items().iter().filter_map(|item| text(item, TIME_BUCKET));
            let minutes = time_buckets.filter_map(|time_bucket| TimeBucket::minute_of(&time_bucket));
            oldest = oldest.into_iter().chain(minutes).min();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(oldest);
            }
        }
    }

    /// A run that was overtaken finds the cursor further on, and leaves it there.
    pub(super) async fn write_cursor(&self, to: Minute, deadline: Deadline) -> Result<(), TableError> {
        let minute = AttributeValue::S(to.to_string());
        let mut item = key(CURSOR, CURSOR);
        item.insert(MINUTE.to_owned(), minute.clone());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#minute) OR #minute < :minute")
            .expression_attribute_names("#minute", MINUTE)
            .expression_attribute_values(":minute", minute)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut backoff = Backoff::new(deadline);
        loop {
            let answer = put.clone().send().await;
            self.meter.add(&Usage { write_requests: 1, ..Usage::default() });
            let error = match answer {
                Ok(answer) => {
                    let consumed = answer.consumed_capacity().and_then(|capacity| capacity.capacity_units);
                    self.meter.add(&Usage {
                        write_capacity_units: capacity_units(consumed.into_iter()),
                        ..Usage::default()
                    });
                    return Ok(());
                }
                Err(error) => error,
            };
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
            if code == Some(CONDITION_FAILED) {
                return Ok(());
            }
            self.again(ErrorClass::of(&error), &mut backoff).await?;
        }
    }

    fn read(&self, consumed: Option<f64>) {
        let usage = Usage {
            read_requests: 1,
            read_capacity_units: capacity_units(consumed.into_iter()),
            ..Usage::default()
        };
        self.meter.add(&usage);
    }

    async fn failed_read<E>(&self, error: &SdkError<E>, backoff: &mut Backoff) -> Result<(), TableError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.read(None);
        self.again(ErrorClass::of(error), backoff).await
    }

    /// Waits for the next try.
    async fn again(&self, class: ErrorClass, backoff: &mut Backoff) -> Result<(), TableError> {
        tracing::warn!(table = self.table, ?class, "the table of timers did not answer");
        if !matches!(class, ErrorClass::Transient(_)) || !backoff.wait().await {
            return Err(class.into());
        }
        self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
        Ok(())
    }
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}
