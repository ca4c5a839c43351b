//! Wheels of sdists for flit.
//!
//! Source: `flit_core.wheel`, `flit_core.common`, of flit 3.12.

use super::declared::{Declared, tags};
use super::entry_points::EntryPoints;
use super::error::SdistError;
use super::wheel::{BuiltWheel, WheelBuilder};

/// Makes the wheel.
pub fn wheel(sdist: &Declared<'_>) -> Result<BuiltWheel, SdistError> {
    sdist.refuse(&[&["tool", "flit", "metadata"], &["tool", "flit", "scripts"], &["tool", "flit", "entrypoints"]])?;
    let name = sdist.text(&["tool", "flit", "module", "name"]);
    let own = sdist.text(&["project", "name"]).unwrap_or(&sdist.identity.raw_name);
    let name = name.map_or_else(|| own.replace('-', "_"), str::to_owned);
    let path = name.replace('.', "/");
    let (package, module) = (path.clone(), format!("{path}.py"));
    let candidates = [package.clone(), module.clone(), format!("src/{package}"), format!("src/{module}")];
    let there: Vec<&String> = candidates
        .iter()
        .filter(|path| {
            if path.strip_suffix(".py").is_some() { sdist.files.has(path) } else { sdist.files.has_directory(path) }
        })
        .collect();
    let [one] = there.as_slice() else {
        return Err(SdistError::Missing { file: "pyproject.toml", path });
    };
    let mut wheel = WheelBuilder::new(&sdist.identity.name, &sdist.identity.version);
    sdist.add(&mut wheel, one, one.strip_prefix("src/").unwrap_or(one))?;
    if let Some(directory) = sdist.text(&["tool", "flit", "external-data", "directory"]) {
        let target = wheel.data("data");
        sdist.add(&mut wheel, directory, &target)?;
    }
    // Version 4 looks for more files.
    let all = ["COPYING*", "LICEN[CS]E*", "AUTHORS*", "NOTICE*"];
    let licenses = sdist.licenses(if sdist.backend_may_be("flit-core", "4") { &all } else { &all[..2] })?;
    sdist.metadata(&mut wheel, Some(&licenses));
    let mut points = EntryPoints::default();
    points.declared(sdist.source);
    if let Some(text) = points.flit_text() {
        wheel.add_info("entry_points.txt", text);
    }
    wheel.add_licenses(sdist.files, &licenses);
    let requires = sdist.pkg_info.get("Requires-Python");
    wheel.finish(if requires.is_none() { &["py3"] } else { tags(requires, "2.7") })
}
