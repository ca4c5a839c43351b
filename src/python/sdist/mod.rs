//! Makes the wheel of a pure Python sdist without running anything of it.
//!
//! Source: PyPA, "Source distribution format", "pyproject.toml specification"; the sources of
//! setuptools, flit, hatchling, poetry-core, pdm-backend and `uv_build`. Where the files of the
//! sdist do not decide the content of the wheel, an error says why.

pub mod archive;
pub mod declared;
pub mod discovery;
pub mod entry_points;
pub mod error;
pub mod files;
pub mod flit;
pub mod glob;
pub mod hatchling;
pub mod identity;
pub mod metadata;
pub mod pdm;
pub mod poetry;
pub mod requirements;
pub mod setuptools;
pub mod uv;
pub mod wheel;

use toml::{Table, Value};

use error::SdistError;
use files::SdistFiles;
use identity::Identity;
use metadata::CoreMetadata;
use wheel::BuiltWheel;

/// The build backends of compiled projects.
const COMPILERS: [&str; 7] =
    ["maturin", "scikit_build_core", "skbuild", "mesonpy", "setuptools_rust", "py_build_cmake", "enscons"];

/// Makes the wheel of an sdist.
///
/// # Errors
/// The files do not decide the content of the wheel, or the wheel is not pure.
pub fn wheel(files: &SdistFiles) -> Result<BuiltWheel, SdistError> {
    let text = files.text("PKG-INFO").ok_or(SdistError::NoMetadata)?;
    let pkg_info = CoreMetadata::parse(&text).ok_or(SdistError::NoMetadata)?;
    let identity = Identity::of(&pkg_info).ok_or(SdistError::NoMetadata)?;
    let unreadable = |cause: String| SdistError::Unreadable { file: "pyproject.toml".to_owned(), cause };
    let pyproject: Table = match files.get("pyproject.toml") {
        None => Table::new(),
        Some(file) => {
            let text = std::str::from_utf8(&file.bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
            toml::from_str(text).map_err(|cause| unreadable(cause.message().to_owned()))?
        }
    };
    let system = pyproject.get("build-system");
    if system.and_then(|system| system.get("backend-path")).is_some() {
        return Err(SdistError::Program("a build backend of its own".to_owned()));
    }
    let source = files.text("pyproject.toml").unwrap_or_default();
    let declared =
        declared::Declared { files, pyproject: &pyproject, source: &source, pkg_info: &pkg_info, identity: &identity };
    match system.and_then(|system| system.get("build-backend")).and_then(Value::as_str) {
        None | Some("setuptools.build_meta" | "setuptools.build_meta:__legacy__") => {
            setuptools::wheel(files, &pyproject, &pkg_info, &identity)
        }
        Some("flit_core.buildapi" | "flit.buildapi") => flit::wheel(&declared),
        Some("hatchling.build") => hatchling::wheel(&declared),
        Some("poetry.core.masonry.api" | "poetry.masonry.api") => poetry::wheel(&declared),
        Some("pdm.backend") => pdm::wheel(&declared),
        Some("uv_build") => uv::wheel(&declared),
        Some(other) if COMPILERS.iter().any(|compiler| other.starts_with(compiler)) => {
            Err(SdistError::NotPure(format!("its build backend is {other}")))
        }
        Some(other) => Err(SdistError::Backend(other.to_owned())),
    }
}

#[cfg(test)]
mod tests;
