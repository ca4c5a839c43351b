//! The platforms to build for.

use super::{Args, PlanError};
use crate::config::File;
use crate::oci::{Architecture, Platform};

/// The platforms of a build without `platforms` and `--platform`.
pub const DEFAULT_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Returns the platforms of the flag, of the configuration, or the default ones.
pub(super) fn platforms(args: &Args, file: &File) -> Result<Vec<Platform>, PlanError> {
    let default = || DEFAULT_PLATFORMS.map(str::to_owned).to_vec();
    let (what, texts) = if args.platforms.is_empty() {
        ("platforms", file.platforms.clone().unwrap_or_else(default))
    } else {
        ("--platform", args.platforms.clone())
    };
    let mut out: Vec<Platform> = Vec::new();
    for text in texts {
        let platform: Platform = text.parse().map_err(|cause| PlanError::Platform { what: what.to_owned(), cause })?;
        if Architecture::of(&platform).is_none() {
            return Err(PlanError::PlatformUnknown(platform));
        }
        if out.iter().any(|other| other.matches(&platform)) {
            return Err(PlanError::PlatformTwice(platform));
        }
        out.push(platform);
    }
    Ok(out)
}
