//! What must hold for any `objects`; asked by the property tests and by `fuzz/`.

use serde::Deserialize;
use serde_json::Value;

use super::objects::{Mode, list};
use crate::error::Kind;

/// An object with a mode, and anything beside it.
#[derive(Deserialize)]

struct Object {
    #[serde(rename = "objectName")]
    _name: String,
    #[serde(rename = "filePermission", default)]
    _mode: Option<Mode>,
    #[serde(flatten)]
    _rest: std::collections::BTreeMap<String, Value>,
}

/// A list or a mistake of the author's, and never more than the text may grow to.
pub(crate) fn objects(yaml: &str) {
    match list::<Object>(yaml) {
        Ok(objects) => {
            assert!(!objects.is_empty() && objects.len() <= 1000, "{} objects", objects.len());
        }
        Err(errors) => {
            assert_eq!(errors.kind(), Kind::Invalid);
            assert!(!errors.to_string().contains('\n'), "one line: {errors}");
        }
    }
}
