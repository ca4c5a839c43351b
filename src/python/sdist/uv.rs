//! Wheels of sdists for `uv_build`.
//!
//! Source: the documentation of uv, "Build backend".

use toml::Value;

use super::declared::Declared;
use super::entry_points::EntryPoints;
use super::error::SdistError;
use super::files::join;
use super::wheel::{BuiltWheel, WheelBuilder};

/// The settings that select files, which carboy does not apply.
const REFUSED: [&str; 4] = ["wheel-exclude", "data", "namespace", "default-excludes"];

/// Makes the wheel.
pub fn wheel(sdist: &Declared<'_>) -> Result<BuiltWheel, SdistError> {
    let table = sdist.at(&["tool", "uv", "build-backend"]).and_then(Value::as_table);
    if let Some(key) = REFUSED.iter().find(|key| table.is_some_and(|table| table.contains_key(**key))) {
        return Err(SdistError::Setting(format!("`tool.uv.build-backend.{key}`")));
    }
    let root = table.and_then(|table| table.get("module-root")).and_then(Value::as_str).unwrap_or("src");
    let root = join("", root).ok_or_else(|| SdistError::Invalid("`module-root`".to_owned()))?;
    let names = match table.and_then(|table| table.get("module-name")) {
        None => vec![sdist.identity.name.replace('-', "_")],
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        Some(_) => return Err(SdistError::Invalid("`module-name`".to_owned())),
    };
    let mut wheel = WheelBuilder::new(&sdist.identity.name, &sdist.identity.version);
    for name in names {
        let path = name.replace('.', "/");
        let source = if root.is_empty() { path.clone() } else { format!("{root}/{path}") };
        sdist.add(&mut wheel, &source, &path)?;
    }
    let licenses = sdist.licenses(&["LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"])?;
    sdist.metadata(&mut wheel, Some(&licenses));
    let mut points = EntryPoints::default();
    points.declared(sdist.source);
    if let Some(text) = points.ordered_text() {
        wheel.add_info("entry_points.txt", format!("{text}\n"));
    }
    wheel.add_licenses(sdist.files, &licenses);
    wheel.finish(&["py3"])
}
