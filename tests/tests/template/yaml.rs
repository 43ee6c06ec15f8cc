//! Ways through the template. A place that a test needs and does not find is a panic that names it.

use std::sync::LazyLock;

use serde_norway::Value;

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| serde_norway::from_str(&SOURCE).expect("template.yaml is YAML"));

/// The template as it is written. `MILLRACE_TEMPLATE` names another file to hold against the rules; `tests/template_rules`
/// looks at them that way.
pub(crate) static SOURCE: LazyLock<String> = LazyLock::new(|| {
    let of_workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let path = std::env::var_os("MILLRACE_TEMPLATE").unwrap_or_else(|| of_workspace.into());
    std::fs::read_to_string(path).expect("template.yaml can be read")
});

/// A resource: its logical id, and its declaration with type and properties.
#[derive(Clone, Copy)]
pub(crate) struct Resource {
    pub(crate) id: &'static str,
    pub(crate) body: &'static Value,
}

impl Resource {
    /// What stands at this path of the properties.
    pub(crate) fn find(self, path: &str) -> Option<&'static Value> {
        find(self.body, &format!("Properties/{path}"))
    }

    /// What must stand at this path of the properties.
    pub(crate) fn get(self, path: &str) -> &'static Value {
        self.find(path).unwrap_or_else(|| panic!("{} has no {path}", self.id))
    }

    /// The type, such as `AWS::S3::Bucket`.
    pub(crate) fn type_name(self) -> String {
        text(find(self.body, "Type").expect("every resource has a type"))
    }
}

/// What stands at a path of keys, which slashes separate.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(value, |value, key| value.get(key))
}

/// A section of the template, as pairs; empty when there is none.
pub(crate) fn section(name: &str) -> Vec<(&'static str, &'static Value)> {
    find(&TEMPLATE, name).map(pairs).unwrap_or_default()
}

/// What stands at a path from the root.
pub(crate) fn global(path: &str) -> Option<&'static Value> {
    find(&TEMPLATE, path)
}

/// A mapping's pairs.
pub(crate) fn pairs(value: &Value) -> Vec<(&str, &Value)> {
    let mapping = value.as_mapping().unwrap_or_else(|| panic!("not a mapping: {value:?}"));
    mapping.iter().map(|(key, value)| (key.as_str().expect("keys are text"), value)).collect()
}

/// The items of a list; a value that stands alone is a list of one.
pub(crate) fn items(value: &Value) -> Vec<&Value> {
    value.as_sequence().map_or_else(|| vec![value], |items| items.iter().collect())
}

/// What this text is as YAML, to hold a part of the template against.
pub(crate) fn yaml(text: &str) -> Value {
    serde_norway::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// All resources of a type, of which there must be some.
pub(crate) fn resources(type_name: &str) -> Vec<Resource> {
    let all = section("Resources").into_iter().map(|(id, body)| Resource { id, body });
    let found: Vec<_> = all.filter(|resource| resource.type_name() == type_name).collect();
    assert!(!found.is_empty(), "there is no {type_name}");
    found
}

/// The resource with this logical id.
pub(crate) fn resource(id: &'static str) -> Resource {
    let body = global(&format!("Resources/{id}")).unwrap_or_else(|| panic!("there is no resource {id}"));
    Resource { id, body }
}

/// An event of a function: what calls it.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) function: Resource,
    pub(crate) name: &'static str,
    pub(crate) body: &'static Value,
}

impl Event {
    /// What stands at this path of the properties.
    pub(crate) fn find(self, path: &str) -> Option<&'static Value> {
        find(self.body, &format!("Properties/{path}"))
    }

    /// What must stand at this path of the properties.
    pub(crate) fn get(self, path: &str) -> &'static Value {
        self.find(path).unwrap_or_else(|| panic!("{} has no {path}", self.id()))
    }

    /// The logical id that SAM gives what it makes of the event.
    pub(crate) fn id(self) -> String {
        format!("{}{}", self.function.id, self.name)
    }

    /// The logical id of the stream that an event source mapping reads.
    pub(crate) fn stream(self) -> &'static str {
        referred(self.get("Stream")).expect("a stream of this template").id
    }
}

/// All events of a type, of all functions; there must be some.
pub(crate) fn events(type_name: &str) -> Vec<Event> {
    let functions = resources("AWS::Serverless::Function").into_iter();
    let all = functions.flat_map(|function| {
        let events = function.find("Events").map(pairs).unwrap_or_default();
        events.into_iter().map(move |(name, body)| Event { function, name, body })
    });
    let found: Vec<_> = all.filter(|event| text(&event.body["Type"]) == type_name).collect();
    assert!(!found.is_empty(), "there is no event of type {type_name}");
    found
}

/// The event source mappings of all functions.
pub(crate) fn mappings() -> Vec<Event> {
    events("Kinesis")
}

/// The functions that read a stream.
pub(crate) fn stream_functions() -> Vec<Resource> {
    let mut functions: Vec<Resource> = mappings().into_iter().map(|mapping| mapping.function).collect();
    functions.dedup_by_key(|function| function.id);
    functions
}

/// The binary that a function is built from, which is its name.
pub(crate) fn binary(function: Resource) -> String {
    text(find(function.body, "Metadata/BuildProperties/Binary").expect("the binary is named"))
}

/// The name behind a short tag, such as `!Ref Events`.
pub(crate) fn tagged<'a>(value: &'a Value, tag: &str) -> Option<&'a str> {
    match value {
        Value::Tagged(tagged) if tagged.tag == tag => tagged.value.as_str(),
        _ => None,
    }
}

/// The logical id that `!Ref` or `!GetAtt` names.
pub(crate) fn named(value: &Value) -> Option<&str> {
    tagged(value, "Ref").or_else(|| tagged(value, "GetAtt")?.split('.').next())
}

/// The policies in a role that are there whatever was chosen.
pub(crate) fn policies(role: Resource) -> Vec<&'static Value> {
    items(role.get("Policies")).into_iter().filter(|policy| policy.is_mapping()).collect()
}

/// The resource that `!Ref` or `!GetAtt` names.
pub(crate) fn referred(value: &Value) -> Option<Resource> {
    let name = named(value)?;
    section("Resources").into_iter().find(|(id, _)| *id == name).map(|(id, body)| Resource { id, body })
}

/// What a deployment without any choice puts in the place of a value: a parameter's default, or the value.
pub(crate) fn resolved(value: &Value) -> &Value {
    let parameter = tagged(value, "Ref").and_then(|name| global(&format!("Parameters/{name}/Default")));
    parameter.unwrap_or(value)
}

/// A scalar as text, with parameters at their defaults.
pub(crate) fn text(value: &Value) -> String {
    if let Some(template) = tagged(value, "Sub") {
        let defaults = section("Parameters").into_iter().map(|(name, it)| (name, text(&it["Default"])));
        return defaults.fold(template.to_owned(), |text, (name, default)| {
            text.replace(&format!("${{{name}}}"), &default)
        });
    }
    match resolved(value) {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => panic!("not a scalar: {other:?}"),
    }
}

/// A whole number, with parameters at their defaults.
pub(crate) fn number(value: &Value) -> i64 {
    let text = text(value);
    text.parse().unwrap_or_else(|_| panic!("not a whole number: {text}"))
}

/// A list of scalars.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    items(value).into_iter().map(text).collect()
}

/// All values a parameter may take, or the value itself.
pub(crate) fn choices(value: &Value) -> Vec<String> {
    let allowed = tagged(value, "Ref").and_then(|name| global(&format!("Parameters/{name}/AllowedValues")));
    allowed.map_or_else(|| vec![text(value)], texts)
}

/// The smallest and the largest number that a parameter may be; nothing for what has no such limits.
pub(crate) fn limits(value: &Value) -> Vec<i64> {
    let Some(name) = tagged(value, "Ref") else { return Vec::new() };
    let limits = ["MinValue", "MaxValue"].into_iter();
    limits.filter_map(|limit| global(&format!("Parameters/{name}/{limit}")).map(number)).collect()
}
