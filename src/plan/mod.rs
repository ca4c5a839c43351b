//! The plan of a build: arguments and configuration combined, defaults filled in, and every check
//! done that needs no image and no file. Pure.

mod application;
mod args;
mod author;
mod dependencies;
mod error;
mod extract;
mod files;
mod image_plan;
mod image_settings;
mod images;
mod layers;
mod load_args;
mod missing_requirements;
mod no_lock_file;
mod outputs;
mod path_bounds;
mod paths;
mod platforms;
mod python_setting;
mod runtime;
mod targets;
#[cfg(test)]
mod tests;
mod unlocked;

pub use application::App;
pub use args::{Args, LockFile, WorkspaceMember};
pub use author::Author;
pub use dependencies::{Dependencies, LockedDependencies, looks_for_lock};
pub use error::PlanError;
pub use extract::Extract;
pub use files::{Copy, Directory};
pub use image_plan::Plan;
pub use image_settings::ImageSettings;
pub use layers::LayerSplit;
pub use load_args::{Engine, LoadArgs};
pub use missing_requirements::AllowedMissing;
pub use outputs::{Load, Outputs};
pub use path_bounds::PathBounds;
pub use paths::join;
pub use platforms::DEFAULT_PLATFORMS;
pub use python_setting::PythonSetting;
pub use runtime::{ProjectPython, Runtime};
pub use targets::{Target, is_tag, named_targets};
pub use unlocked::{Locker, Unlocked};
