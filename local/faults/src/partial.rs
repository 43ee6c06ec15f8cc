//! Batches of which the service refuses a part.

use serde_json::{Map, Value, json};

use crate::Call;

/// A batch without the entries that are refused, and what is needed to answer for the whole of it.
pub(crate) struct Partial {
    call: Call,
    /// The request for the entries that are let through; `None` when there are none.
    pub(crate) request: Option<Value>,
    refused: Vec<(usize, Value)>,
}

impl Partial {
    /// Takes the entries out of a request whose bit is set in `mask`, by index modulo 64; `None` when no entry is
    /// refused or the request is not understood.
    pub(crate) fn of(call: Call, mut request: Value, mask: u64) -> Option<Self> {
        let entries = entries(call, &mut request)?;
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for (index, entry) in std::mem::take(entries).into_iter().enumerate() {
            match mask >> (index % 64) & 1 {
                1 => refused.push((index, entry)),
                _ => kept.push(entry),
            }
        }
        let any_left = !kept.is_empty();
        *entries = kept;
        (!refused.is_empty()).then_some(Self { call, request: any_left.then_some(request), refused })
    }

    /// The answer for the whole batch, from the service's answer for what was let through.
    pub(crate) fn answer(self, request: &Value, answer: Option<Value>) -> Value {
        let answer = answer.unwrap_or_else(|| json!({}));
        match self.call {
            Call::Read => self.unread(request, answer),
            Call::Arm => self.unwritten(request, answer),
            // They hold no entries, so nothing of them is refused alone.
            Call::Due | Call::Cursor | Call::Scan | Call::List | Call::Get | Call::Put => answer,
            Call::Write => self.merged(answer, "Responses", None, |_| {
                json!({"Error": {"Code": "ThrottlingError", "Message": "Rate exceeded"}})
            }),
            Call::Deliver => self.merged(answer, "RequestResponses", Some("FailedPutCount"), |_| {
                json!({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."})
            }),
            Call::Publish => self.merged(answer, "Records", Some("FailedRecordCount"), |_| {
                json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"})
            }),
        }
    }

    fn merged(
        self,
        mut answer: Value,
        list: &str,
        count: Option<&str>,
        refusal: impl Fn(&Value) -> Value,
    ) -> Value {
        let mut entries = match answer.get_mut(list).map(Value::take) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        for (index, entry) in &self.refused {
            entries.insert((*index).min(entries.len()), refusal(entry));
        }
        if let Some(count) = count {
            let before = answer.get(count).and_then(Value::as_u64).unwrap_or_default();
            answer[count] = json!(before + self.refused.len() as u64);
        }
        answer[list] = Value::Array(entries);
        answer
    }

    /// A read names the keys that it did not look up.
    fn unread(self, request: &Value, mut answer: Value) -> Value {
        let Some((table, wanted)) = first_table(request) else { return answer };
        let mut wanted = wanted.clone();
        wanted["Keys"] = self.refused.into_iter().map(|(_, key)| key).collect();
        if !answer["UnprocessedKeys"].is_object() {
            answer["UnprocessedKeys"] = json!({});
        }
        if !answer["Responses"].is_object() {
            answer["Responses"] = json!({});
        }
        match answer["UnprocessedKeys"][table].get_mut("Keys").and_then(Value::as_array_mut) {
            Some(keys) => keys.extend(wanted["Keys"].as_array().cloned().unwrap_or_default()),
            None => answer["UnprocessedKeys"][table] = wanted,
        }
        answer
    }

    /// A write gives back the items that it left out.
    fn unwritten(self, request: &Value, mut answer: Value) -> Value {
        let Some(table) = first_key(request) else { return answer };
        let left = self.refused.into_iter().map(|(_, write)| write);
        if !answer["UnprocessedItems"].is_object() {
            answer["UnprocessedItems"] = json!({});
        }
        match answer["UnprocessedItems"].get_mut(table).and_then(Value::as_array_mut) {
            Some(items) => items.extend(left),
            None => answer["UnprocessedItems"][table] = left.collect(),
        }
        answer
    }
}

/// The entries of a batch.
fn entries(call: Call, request: &mut Value) -> Option<&mut Vec<Value>> {
    match call {
        Call::Read => {
            let tables = request.get_mut("RequestItems")?.as_object_mut()?;
            tables.values_mut().next()?.get_mut("Keys")?.as_array_mut()
        }
        Call::Arm => {
            let tables = request.get_mut("RequestItems")?.as_object_mut()?;
            tables.values_mut().next()?.as_array_mut()
        }
        Call::Due | Call::Cursor | Call::Scan | Call::List | Call::Get | Call::Put => None,
        Call::Write => request.get_mut("Statements")?.as_array_mut(),
        Call::Deliver | Call::Publish => request.get_mut("Records")?.as_array_mut(),
    }
}

fn first_key(request: &Value) -> Option<&String> {
    first_table(request).map(|(table, _)| table)
}

fn first_table(request: &Value) -> Option<(&String, &Value)> {
    request.get("RequestItems").and_then(Value::as_object).and_then(|tables: &Map<_, _>| tables.iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_entries_stand_in_their_places() {
        let request = json!({"Records": [1, 2, 3]});
        let partial = Partial::of(Call::Deliver, request.clone(), 0b101).unwrap();
        assert_eq!(partial.request, Some(json!({"Records": [2]})));
        let answer = json!({"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}]});
        let answer = partial.answer(&request, Some(answer));
        assert_eq!(answer["FailedPutCount"], 2);
        assert_eq!(answer["RequestResponses"][1]["RecordId"], "r");
        assert_eq!(answer["RequestResponses"][2]["ErrorCode"], "ServiceUnavailableException");
    }

    #[test]
    fn keys_that_are_not_looked_up_are_named() {
        let request = json!({"RequestItems": {"t": {"Keys": ["a", "b"], "ConsistentRead": true}}});
        let partial = Partial::of(Call::Read, request.clone(), 0b11).unwrap();
        assert_eq!(partial.request, None);
        let answer = partial.answer(&request, None);
        let expected =
            json!({"Responses": {}, "UnprocessedKeys": {"t": {"Keys": ["a", "b"], "ConsistentRead": true}}});
        assert_eq!(answer, expected);
    }

    #[test]
    fn items_that_are_not_written_come_back() {
        let request = json!({"RequestItems": {"t": ["a", "b"]}});
        let partial = Partial::of(Call::Arm, request.clone(), 0b10).unwrap();
        assert_eq!(partial.request, Some(json!({"RequestItems": {"t": ["a"]}})));
        let answer = partial.answer(&request, Some(json!({"UnprocessedItems": {}})));
        assert_eq!(answer, json!({"UnprocessedItems": {"t": ["b"]}}));
    }

    #[test]
    fn a_batch_that_no_bit_hits_goes_through() {
        assert!(Partial::of(Call::Publish, json!({"Records": [1]}), 0b10).is_none());
    }
}
