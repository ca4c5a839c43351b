//! JSON documents of the specifications: changes that keep unknown fields, and bytes
//! that depend on the content alone.
//!
//! oci-spec's types know the specification's fields and no others, and their maps are in
//! no order. So a document that was read stays JSON; the types are a view of it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Returns the JSON of a value that is made of the specification's types.
///
/// # Panics
/// A type with other keys than strings: there is none in oci-spec.
#[must_use]
pub fn of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("the specification's types have string keys only")
}

/// Returns the bytes of JSON, the keys of all objects sorted.
///
/// # Panics
/// Never: JSON has string keys only.
#[must_use]
pub fn bytes(json: &Value) -> Vec<u8> {
    serde_json::to_vec(&Sorted(json)).expect("JSON has string keys only")
}

/// Lays a view that was read from `json`, and may have changed since, over it: fields
/// that the view's type does not know stay, and so do values that did not change.
#[must_use]
pub fn changed<T: DeserializeOwned + Serialize>(json: &Value, view: &T) -> Value {
    let before = T::deserialize(json).map_or(Value::Null, |before| of(&before));
    let mut out = json.clone();
    lay_over(&mut out, &before, &of(view));
    out
}

fn lay_over(json: &mut Value, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    match (json, before, after) {
        (Value::Object(json), Value::Object(before), Value::Object(after)) => {
            json.retain(|key, _| after.contains_key(key) || !before.contains_key(key));
            for (key, value) in after {
                match (json.get_mut(key), before.get(key)) {
                    (Some(json), Some(before)) => lay_over(json, before, value),
                    _ => _ = json.insert(key.clone(), value.clone()),
                }
            }
        }
        (Value::Array(json), Value::Array(before), Value::Array(after)) if json.len() == before.len() => {
            json.truncate(after.len());
            for ((json, before), value) in json.iter_mut().zip(before).zip(after) {
                lay_over(json, before, value);
            }
            json.extend(after.iter().skip(before.len()).cloned());
        }
        (json, _, after) => *json = after.clone(),
    }
}

/// JSON that is written with sorted keys, whatever order `serde_json` has them in.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(object) => {
                let sorted: BTreeMap<_, _> = object.iter().map(|(key, value)| (key, Sorted(value))).collect();
                serializer.collect_map(sorted)
            }
            Value::Array(list) => serializer.collect_seq(list.iter().map(Sorted)),
            value => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::image::{HistoryBuilder, ImageConfiguration};
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let json: Value = serde_json::from_str(r#"{"b":[{"d":1,"c":{"z":null,"a":2.5}}],"a":"x"}"#).unwrap();
        assert_eq!(bytes(&json), br#"{"a":"x","b":[{"c":{"a":2.5,"z":null},"d":1}]}"#);
    }

    #[test]
    fn changes_keep_what_the_type_does_not_know() {
        let json = json!({
            "architecture": "armbe", "os": "linux", "x": {"y": 1}, "author": "A", "created": null,
            "config": {"Healthcheck": {"Test": ["NONE"]}, "User": "1", "Env": ["A=1"]},
            "rootfs": {"type": "layers", "diff_ids": [], "z": 2},
            "history": [{"created_by": "a", "x": 1}],
        });
        let mut view = ImageConfiguration::deserialize(&json).unwrap();
        assert_eq!(changed(&json, &view), json, "nothing changed");
        let mut config = view.config().clone().unwrap();
        config.set_user(Some("2".to_owned())).set_env(None);
        view.set_config(Some(config)).set_author(None);
        view.rootfs_mut().diff_ids_mut().push("sha256:0".to_owned());
        let more = HistoryBuilder::default().created_by("b").build().unwrap();
        view.history_mut().as_mut().unwrap().push(more);
        let want = json!({
            "architecture": "armbe", "os": "linux", "x": {"y": 1}, "created": null,
            "config": {"Healthcheck": {"Test": ["NONE"]}, "User": "2"},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:0"], "z": 2},
            "history": [{"created_by": "a", "x": 1}, {"created_by": "b"}],
        });
        assert_eq!(changed(&json, &view), want);
    }
}
