//! Django's settings, read as syntax: the files that its commands make and that an image needs.
//! Nothing is executed. Pure.
//!
//! Source: Django's reference, "Settings" (`STATIC_ROOT`, `USE_I18N`) and "Translation"
//! (`compilemessages`); django-webpack-loader (`STATS_FILE`); django-vite (`manifest_path`).

mod evaluator;
mod paths;
mod settings;

pub use settings::{Settings, settings_module};
