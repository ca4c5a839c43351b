//! Wheels that cannot be installed.

use crate::hint::Hint;
use crate::rootfs::RootPath;

/// A wheel that violates the standard, or that an image cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{wheel}` is not a valid wheel")]
pub struct InvalidWheel {
    /// The file name of the wheel.
    pub wheel: String,
    #[source]
    pub fault: WheelFault,
}

/// The fault of a wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WheelFault {
    #[error("its file name is not that of a wheel")]
    FileName,
    #[error("it has no .dist-info directory")]
    NoDistInfo,
    #[error("it has several .dist-info directories: {}", .0.join(", "))]
    DistInfos(Vec<String>),
    #[error("its `{folder}` does not match `{wanted}` in its file name")]
    OtherFolder { folder: String, wanted: String },
    #[error("it has no `{0}`")]
    Missing(String),
    #[error("cannot read its `{member}`: {cause}")]
    Read { member: String, cause: String },
    #[error("its `{member}` has more than {limit} bytes")]
    Long { member: String, limit: u64 },
    #[error("its `{0}` is not UTF-8")]
    Text(String),
    #[error("its `{member}` has no {field}")]
    NoField { member: String, field: &'static str },
    #[error("its `{member}` has the {field} {found}, its file name {wanted}")]
    OtherField { member: String, field: &'static str, found: String, wanted: String },
    #[error("it is a wheel of version {0}, and carboy knows versions 1.x")]
    WheelVersion(String),
    #[error("line {0} of its RECORD is not a path, a hash and a size")]
    RecordLine(usize),
    #[error("its RECORD has more than {0} lines")]
    RecordLines(usize),
    #[error("it has more than {0} scripts")]
    Scripts(usize),
    #[error("its RECORD has two different hashes of `{0}`")]
    RecordTwice(String),
    #[error("its RECORD does not list `{0}`")]
    Unlisted(String),
    #[error("its RECORD has no hash of `{0}`")]
    Unhashed(String),
    #[error("its RECORD has a hash of `{member}` that is not SHA-256, SHA-384 or SHA-512: {hash}")]
    Hash { member: String, hash: String },
    #[error("its `{0}` does not match its RECORD")]
    Record(String),
    #[error("its `{0}` is not in a directory that installers know")]
    Scheme(String),
    #[error("its `{folder}` does not belong to its .dist-info directory `{info}`")]
    OtherData { folder: String, info: String },
    #[error("its `{0}` would be installed into a .dist-info directory")]
    Info(String),
    #[error("two of its files would be installed as `{0}`")]
    Twice(RootPath),
    #[error("its `{below}` would be installed below `{above}`, which is a file")]
    Below { above: RootPath, below: RootPath },
    #[error("it would replace `{0}`, which is part of Python")]
    Python(RootPath),
    #[error("its entry_points.txt has a script that is not a function of a module: {0}")]
    EntryPoint(String),
    #[error("its entry_points.txt has a script name that is not a file name: {0}")]
    ScriptName(String),
    #[error(
        "its script `{script}` cannot be run by `{interpreter}`: the kernel takes a path without spaces, and a line of 255 bytes"
    )]
    Shebang { script: String, interpreter: RootPath },
}

impl WheelFault {
    /// Returns the hint for a wrong RECORD.
    pub const CHANGED: &str = "it was changed after it was built, or built by an odd tool; to write a new RECORD, put the wheel into an empty directory, run `unzip -d new *.whl && mkdir wheels && wheel pack --build-number 1 --dest-dir wheels new` there, and build with --wheelhouse and that `wheels`";
}

impl Hint for InvalidWheel {
    fn hint(&self) -> Option<String> {
        match &self.fault {
            WheelFault::FileName => {
                Some("give it the name that it was built with: NAME-VERSION-PYTHON-ABI-PLATFORM.whl".to_owned())
            }
            WheelFault::WheelVersion(_) => Some("use a newer carboy, or a wheel that is built anew".to_owned()),
            WheelFault::Shebang { .. } => {
                Some("use a builder with a shorter path of Python, without spaces".to_owned())
            }
            WheelFault::Scheme(_) => {
                Some("the standard knows purelib, platlib, scripts, data and headers; build the wheel again".to_owned())
            }
            WheelFault::RecordLine(_)
            | WheelFault::RecordTwice(_)
            | WheelFault::Unlisted(_)
            | WheelFault::Unhashed(_)
            | WheelFault::Hash { .. }
            | WheelFault::Record(_) => Some(WheelFault::CHANGED.to_owned()),
            _ => Some("ask where it comes from, or build it again".to_owned()),
        }
    }
}
