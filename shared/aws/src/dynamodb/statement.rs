//! PartiQL statements: one conditional write each, everything in parameters.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest, ReturnValuesOnConditionCheckFailure};
use millrace_domain::fold::KeyState;
use millrace_lambda::ports::Write;

use super::item::{Item, KEY, VERSION, size_bytes};

/// A statement ready to be sent, and its size.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) request: BatchStatementRequest,
    pub(super) bytes: usize,
}

/// The statement of a write whose attributes are these.
pub(super) fn statement<S: KeyState>(
    table: &str,
    write: &Write<'_, S>,
    item: Item,
) -> Result<Statement, BuildError> {
    let names = item.keys().map(|name| name.len()).sum::<usize>();
    let bytes = write.key.len() + names + item.values().map(size_bytes).sum::<usize>();
    let (text, parameters) = match write.expected {
        None => insert(table, write.key, item),
        Some(expected) => update::<S>(table, write.key, expected, item),
    };
    let request = BatchStatementRequest::builder()
        .statement(text)
        .set_parameters(Some(parameters))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    Ok(Statement { request, bytes })
}

fn insert(table: &str, key: &str, item: Item) -> (String, Vec<AttributeValue>) {
    let mut text = format!("INSERT INTO \"{table}\" VALUE {{'{KEY}': ?");
    let mut parameters = vec![AttributeValue::S(key.to_owned())];
    for (name, value) in item {
        text.push_str(&format!(", '{name}': ?"));
        parameters.push(value);
    }
    text.push('}');
    (text, parameters)
}

/// An attribute that the state does not have any more, or that only another format has, is taken out.
fn update<S: KeyState>(table: &str, key: &str, expected: u64, item: Item) -> (String, Vec<AttributeValue>) {
    let mut text = format!("UPDATE \"{table}\"");
    for absent in S::ATTRIBUTES.iter().chain(S::RETIRED).filter(|name| !item.contains_key(**name)) {
        text.push_str(&format!(" REMOVE \"{absent}\""));
    }
    let mut parameters = Vec::with_capacity(item.len() + 2);
    for (name, value) in item {
        text.push_str(&format!(" SET \"{name}\" = ?"));
        parameters.push(value);
    }
    text.push_str(&format!(" WHERE \"{KEY}\" = ? AND \"{VERSION}\" = ?"));
    parameters.push(AttributeValue::S(key.to_owned()));
    parameters.push(AttributeValue::N(expected.to_string()));
    (text, parameters)
}
