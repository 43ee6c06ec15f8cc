//! The two forms of PartiQL statements that a conditional write takes.

use serde_json::{Map, Value};

/// A statement with its parameters in place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    /// `INSERT INTO "t" VALUE {'a': ?, …}`
    Insert {
        /// The whole item.
        item: Map<String, Value>,
    },
    /// `UPDATE "t" REMOVE "a" SET "b" = ? … WHERE "c" = ? AND …`
    Update {
        /// Attributes to be taken out.
        remove: Vec<String>,
        /// Attributes to be written.
        set: Map<String, Value>,
        /// Values that must be there.
        conditions: Map<String, Value>,
    },
}

/// Longest text of a statement, in characters.
const TEXT_LIMIT: usize = 8_192;

/// The table that a statement is about.
pub(super) fn table_of(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

/// Reads a statement; `None` where the service would complain.
pub(super) fn parse(text: &str, parameters: &[Value]) -> Option<Statement> {
    if text.len() > TEXT_LIMIT {
        return None;
    }
    let mut parameters = parameters.iter().cloned();
    let statement = match text.strip_prefix("INSERT INTO ") {
        Some(rest) => insert(rest, &mut parameters)?,
        None => update(text.strip_prefix("UPDATE ")?, &mut parameters)?,
    };
    parameters.next().is_none().then_some(statement)
}

fn insert(rest: &str, parameters: &mut impl Iterator<Item = Value>) -> Option<Statement> {
    let (_table, fields) = rest.split_once(" VALUE {")?;
    let mut item = Map::new();
    for field in fields.strip_suffix('}')?.split(", ") {
        let name = field.strip_suffix("': ?")?.strip_prefix('\'')?;
        item.insert(name.to_owned(), parameters.next()?);
    }
    Some(Statement::Insert { item })
}

fn update(rest: &str, parameters: &mut impl Iterator<Item = Value>) -> Option<Statement> {
    let (changes, wheres) = rest.split_once(" WHERE ")?;
    let mut words = changes.split(' ').skip(1);
    let (mut remove, mut set) = (Vec::new(), Map::new());
    while let Some(word) = words.next() {
        let name = words.next().and_then(unquoted)?;
        match word {
            "REMOVE" => remove.push(name),
            "SET" if (words.next(), words.next()) == (Some("="), Some("?")) => {
                set.insert(name, parameters.next()?);
            }
            _ => return None,
        }
    }
    let mut conditions = Map::new();
    for condition in wheres.split(" AND ") {
        conditions.insert(unquoted(condition.strip_suffix(" = ?")?)?, parameters.next()?);
    }
    Some(Statement::Update { remove, set, conditions })
}

fn unquoted(name: &str) -> Option<String> {
    Some(name.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn both_forms_are_read() {
        let insert = parse("INSERT INTO \"t\" VALUE {'key': ?, 'a': ?}", &[json!(1), json!(2)]);
        assert_eq!(table_of("INSERT INTO \"t\" VALUE {'key': ?}"), Some("t"));
        assert_eq!(insert, Some(Statement::Insert { item: map(&json!({"key": 1, "a": 2})) }));
        let text = "UPDATE \"t\" REMOVE \"c\" SET \"a\" = ? WHERE \"key\" = ? AND \"version\" = ?";
        let update = parse(text, &[json!(1), json!(2), json!(3)]);
        let expected = Statement::Update {
            remove: vec!["c".to_owned()],
            set: map(&json!({"a": 1})),
            conditions: map(&json!({"key": 2, "version": 3})),
        };
        assert_eq!(update, Some(expected));
        assert_eq!(parse(text, &[json!(1)]), None);
    }
}
