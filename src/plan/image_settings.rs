//! The configuration of the image: entrypoint, environment, labels.

use std::collections::BTreeMap;

use super::{App, Args, PlanError};
use crate::config::File;

/// The configuration of the image.
#[derive(Clone, Debug, Default)]
pub struct ImageSettings {
    pub entrypoint: Option<Vec<String>>,
    /// `true` if the entrypoint comes from the command line.
    pub by_command_line: bool,
    pub cmd: Option<Vec<String>>,
    /// Variables that override the defaults and those of the base.
    pub env: BTreeMap<String, String>,
    pub user: Option<String>,
    pub workdir: String,
    /// `true` if `workdir` is the default.
    pub default_workdir: bool,
    pub ports: Vec<String>,
    pub volumes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
}

/// Returns the settings of the image.
pub(super) fn settings(args: &Args, file: &File, app: Option<&App>) -> Result<ImageSettings, PlanError> {
    let image = &file.image;
    if let Some(signal) = &image.stop_signal {
        let name = signal.strip_prefix("SIG").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"+-".contains(&b))
        });
        if !name && !signal.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number)) {
            return Err(PlanError::Signal(signal.clone()));
        }
    }
    Ok(ImageSettings {
        entrypoint: args.entrypoint.clone().or_else(|| image.entrypoint.clone()),
        by_command_line: args.entrypoint.is_some(),
        // Arguments on the command line replace both: `cmd` of the file is not their argument.
        cmd: if args.entrypoint.is_some() { None } else { image.cmd.clone() },
        env: image.env.clone(),
        user: image.user.clone(),
        workdir: image.workdir.clone().unwrap_or_else(|| app.map_or("/".to_owned(), |app| app.to.to_string())),
        default_workdir: image.workdir.is_none(),
        ports: image.ports.clone().unwrap_or_default(),
        volumes: image.volumes.clone().unwrap_or_default(),
        labels: image.labels.clone(),
        annotations: image.annotations.clone(),
        stop_signal: image.stop_signal.clone(),
    })
}
