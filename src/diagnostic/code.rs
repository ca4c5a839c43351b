//! The stable codes of diagnostics. `carboy explain CODE` tells what each means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident $name:literal,)*) => {
        /// The kind of a diagnostic. Codes are never renamed or given another meaning.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum Code {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl Code {
            /// All codes, in the order of `troubleshooting.md`.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the code as users see it: `missing-library`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    // How carboy is called and configured.
    InvalidArgument "invalid-argument",
    InvalidConfiguration "invalid-configuration",
    NoProject "no-project",
    OutsideProject "outside-project",
    InvalidProject "invalid-project",
    InvalidLockFile "invalid-lock-file",
    NoEntrypoint "no-entrypoint",
    UnusedCommand "unused-command",
    UnsetVariable "unset-variable",
    UntrustedSetting "untrusted-setting",
    // Registries, indexes, the cache and this machine.
    NotFound "not-found",
    AccessDenied "access-denied",
    CorruptContent "corrupt-content",
    TransferFailed "transfer-failed",
    MirrorFailed "mirror-failed",
    ImmutableTag "immutable-tag",
    Offline "offline",
    Retrying "retrying",
    UnusableCache "unusable-cache",
    DamagedCache "damaged-cache",
    UnreadableFile "unreadable-file",
    UnwritableOutput "unwritable-output",
    NoContainerEngine "no-container-engine",
    // Images that carboy reads.
    NoPlatform "no-platform",
    PlatformDoubt "platform-doubt",
    InvalidImage "invalid-image",
    LimitExceeded "limit-exceeded",
    MissingPath "missing-path",
    LinkLoop "link-loop",
    NotBuiltByCarboy "not-built-by-carboy",
    // Python.
    NoPython "no-python",
    PythonVersion "python-version",
    UnusedExclude "unused-exclude",
    NoWheel "no-wheel",
    InvalidWheel "invalid-wheel",
    WheelOddity "wheel-oddity",
    LockFileDoubt "lock-file-doubt",
    NoLockFile "no-lock-file",
    StaleLockFile "stale-lock-file",
    MissingRequirement "missing-requirement",
    ConflictingVersions "conflicting-versions",
    UnbuiltProject "unbuilt-project",
    DuplicateFile "duplicate-file",
    NotCompiled "not-compiled",
    NoMetadata "no-metadata",
    MissingVersionFile "missing-version-file",
    VersionDoubt "version-doubt",
    // The composed image.
    ReleaseMismatch "release-mismatch",
    NoPackageRecords "no-package-records",
    MissingLibrary "missing-library",
    LibraryNotFound "library-not-found",
    SymbolVersion "symbol-version",
    BrokenElf "broken-elf",
    WrongArchitecture "wrong-architecture",
    WrongPython "wrong-python",
    WrongWheel "wrong-wheel",
    MissingInterpreter "missing-interpreter",
    PathConflict "path-conflict",
    InvalidAccount "invalid-account",
    InvalidVolume "invalid-volume",
    UnwritableVolume "unwritable-volume",
    EntrypointNotFound "entrypoint-not-found",
    CannotStart "cannot-start",
    NoPermission "no-permission",
    MissingScript "missing-script",
    MissingModule "missing-module",
    MissingImport "missing-import",
    SyntaxError "syntax-error",
    ShellSyntax "shell-syntax",
    NoCertificates "no-certificates",
    NoTimeZones "no-time-zones",
    // Secrets.
    PrivateKey "private-key",
    PasswordInUrl "password-in-url",
    UnencryptedPassword "unencrypted-password",
    LeftOut "left-out",
    MissingBuildOutput "missing-build-output",
    // carboy itself.
    Internal "internal",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no code `{0}`")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.name() == text).ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back_and_are_plain_words() {
        for code in Code::ALL {
            assert_eq!(code.name().parse(), Ok(*code));
            assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        }
        assert_eq!("x".parse::<Code>(), Err(UnknownCode("x".to_owned())));
    }
}
