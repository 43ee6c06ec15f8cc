//! The tables: their keys, how they are kept, and which of them forget.

use millrace_aws::dynamodb::timers::{TIME_BUCKET, TIMER};
use millrace_aws::dynamodb::{KEY, SKU};

use crate::yaml::{Resource, find, global, items, resource, resources, text, yaml};

const TABLE: &str = "AWS::DynamoDB::Table";

/// The tables whose items are the state of a key.
const STATE: [&str; 3] = ["SessionsTable", "FraudTable", "StockTable"];

/// A table that can be made again from another one, and so need not outlive the stack.
pub(crate) const REBUILT: &str = "TimersTable";

fn names(table: Resource, list: &str, value: &str) -> Vec<(String, String)> {
    let named = items(table.get(list)).into_iter();
    named.map(|named| (text(&named["AttributeName"]), text(&named[value]))).collect()
}

#[test]
fn every_table_has_the_keys_that_the_code_uses() {
    let keys = |id: &str| match id {
        "SessionsTable" | "FraudTable" | "StockTable" => vec![(KEY, "HASH")],
        "TimersTable" => vec![(TIME_BUCKET, "HASH"), (TIMER, "RANGE")],
        "ReorderPointsTable" => vec![(SKU, "HASH")],
        other => panic!("what are the keys of {other}?"),
    };
    for table in resources(TABLE) {
        let owned = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
        let expected: Vec<_> = keys(table.id).into_iter().map(owned).collect();
        assert_eq!(names(table, "KeySchema", "KeyType"), expected, "{}", table.id);
        let texts: Vec<_> = expected.into_iter().map(|(name, _)| (name, "S".to_owned())).collect();
        assert_eq!(names(table, "AttributeDefinitions", "AttributeType"), texts, "{}", table.id);
    }
}

#[test]
fn every_table_can_be_restored_and_is_billed_alike() {
    for table in resources(TABLE) {
        let restored = table.get("PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled");
        assert_eq!(text(restored), "true", "{}", table.id);
        assert_eq!(table.get("BillingMode"), resource("SessionsTable").get("BillingMode"), "{}", table.id);
    }
}

/// A timer or a reorder point that expires would be missed without a word.
#[test]
fn items_of_state_expire_by_their_attribute_and_nothing_else_does() {
    for table in resources(TABLE) {
        let expires = table.find("TimeToLiveSpecification/AttributeName").map(text);
        let expected = STATE.contains(&table.id).then(|| "expires_at".to_owned());
        assert_eq!(expires, expected, "{}", table.id);
        let enabled = table.find("TimeToLiveSpecification/Enabled").map(text);
        assert_eq!(enabled, expected.map(|_| "true".to_owned()), "{}", table.id);
    }
}

#[test]
fn what_can_be_made_again_goes_with_the_stack() {
    let table = resource(REBUILT);
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        assert_eq!(find(table.body, policy).map(text).as_deref(), Some("Delete"), "{policy}");
    }
}

#[test]
fn tables_are_provisioned_when_that_is_asked_for() {
    let condition = global("Conditions/TableIsProvisioned").unwrap();
    assert_eq!(*condition, yaml("!Equals [!Ref TableMode, PROVISIONED]"));
}
