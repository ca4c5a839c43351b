//! The files of a wheel that is made from an sdist.
//!
//! Source: PyPA, "Binary distribution format".

use std::collections::BTreeMap;

use super::error::SdistError;
use super::files::{SdistFile, SdistFiles};
use crate::python::normalised;

/// The files of a wheel, without RECORD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuiltWheel {
    /// The file name: `docopt-0.6.2-py3-none-any.whl`.
    pub name: String,
    /// The files by their path in the wheel.
    pub files: BTreeMap<String, SdistFile>,
    /// The directory of the metadata: `docopt-0.6.2.dist-info`.
    pub dist_info: String,
}

/// A wheel to which files are added.
#[derive(Debug)]
pub struct WheelBuilder {
    stem: String,
    files: BTreeMap<String, SdistFile>,
    /// The bytes of all files.
    bytes: usize,
}

/// The most bytes of the files of a wheel. An sdist may name a file many times.
const LIMIT: usize = 512 << 20;

impl WheelBuilder {
    /// Starts a wheel of a distribution.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            stem: format!("{}-{}", normalised(name).replace('-', "_"), version.replace('-', "_")),
            files: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Returns the directory of the metadata.
    #[must_use]
    pub fn dist_info(&self) -> String {
        format!("{}.dist-info", self.stem)
    }

    /// Returns the directory of a scheme: `docopt-0.6.2.data/scripts`.
    #[must_use]
    pub fn data(&self, scheme: &str) -> String {
        format!("{}.data/{scheme}", self.stem)
    }

    /// Adds a file. A wheel that is too large does not keep it, and cannot be finished.
    pub fn add(&mut self, path: String, file: SdistFile) {
        self.bytes = self.bytes.saturating_add(path.len() + file.bytes.len());
        if self.bytes <= LIMIT {
            self.files.insert(path, file);
        }
    }

    /// Adds a text file to the directory of the metadata.
    pub fn add_info(&mut self, name: &str, text: String) {
        let path = format!("{}/{name}", self.dist_info());
        self.add(path, SdistFile { bytes: text.into_bytes(), executable: false });
    }

    /// Adds the license files at their paths in the sdist.
    pub fn add_licenses(&mut self, files: &SdistFiles, paths: &[String]) {
        for path in paths {
            if let Some(file) = files.get(path) {
                self.add(format!("{}/licenses/{path}", self.dist_info()), file.clone());
            }
        }
    }

    /// Finishes the wheel.
    ///
    /// # Errors
    /// The wheel is too large.
    pub fn finish(mut self, tags: &[&str]) -> Result<BuiltWheel, SdistError> {
        if self.bytes > LIMIT {
            return Err(SdistError::TooLarge(LIMIT >> 20));
        }
        let lines: String = tags.iter().map(|tag| ["Tag: ", tag, "-none-any\n"].concat()).collect();
        self.add_info("WHEEL", format!("Wheel-Version: 1.0\nGenerator: carboy\nRoot-Is-Purelib: true\n{lines}"));
        let name = format!("{}-{}-none-any.whl", self.stem, tags.join("."));
        Ok(BuiltWheel { name, dist_info: self.dist_info(), files: self.files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_wheels_are_not_finished() {
        let mut wheel = WheelBuilder::new("shop", "1");
        wheel.bytes = LIMIT - 3;
        wheel.add("ab".to_owned(), SdistFile { bytes: vec![1], executable: false });
        assert_eq!(wheel.files.len(), 1);
        wheel.add("a".to_owned(), SdistFile::default());
        assert_eq!(wheel.files.len(), 1);
        assert_eq!(wheel.finish(&["py3"]), Err(SdistError::TooLarge(512)));
    }
}
