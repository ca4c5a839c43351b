//! Sdists from which carboy does not make a wheel.

/// The reason why carboy does not make a wheel from an sdist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdistError {
    #[error("it has no readable PKG-INFO with name and version")]
    NoMetadata,
    #[error("its PKG-INFO is of {0}")]
    OtherDistribution(String),
    #[error("its {file} is not readable: {cause}")]
    Unreadable { file: String, cause: String },
    #[error("its build backend is `{0}`, which carboy does not know")]
    Backend(String),
    #[error("it is not pure Python: {0}")]
    NotPure(String),
    #[error("{0} decides what is installed, by a program that would have to run")]
    Program(String),
    #[error("its {file} computes `{argument}`, {why}")]
    Computed { file: &'static str, argument: String, why: &'static str },
    #[error("its {0} is something that only its build backend applies")]
    Setting(String),
    #[error("its {file} names `{path}`, which it does not have")]
    Missing { file: &'static str, path: String },
    #[error("its {0} is not what its build backend accepts")]
    Invalid(String),
    #[error("its wheel would have more than {0} MiB")]
    TooLarge(usize),
}
