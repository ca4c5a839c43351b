//! Shows the progress and the results of a build: bars on a terminal, lines in a pipe, JSON
//! for programs. All of it goes to stderr. The texts of plans and chains are returned; the
//! caller writes them to stdout.
//!
//! The input is [`Event`](crate::progress::Event)s and a
//! [`Report`](crate::assemble::report::Report); all texts for users are made here. The caller
//! describes stderr with a [`Screen`]. A closed stderr is not an error.

mod arch_neutral;
mod bars;
mod cache;
mod diagnostics;
mod differences;
mod elapsed;
mod extracted_files;
mod files;
mod frontend;
mod json;
mod json_lines;
mod layer_table;
mod line_queue;
mod mode;
mod output_files;
mod plain;
mod plan;
mod quiet;
mod reason;
mod retry;
mod rows;
mod size;
mod style;
mod summary;
mod table;
mod tasks;
mod text;
mod why;

pub use cache::{cache_text, pruned_text};
pub use files::files_text;
pub use frontend::{Frontend, Screen};
pub use json::{files_json, plan_json, text as json_text, why_json};
pub use mode::{Mode, front};
pub use output_files::{digests_text, image_refs_text, metadata_json};
pub use plan::plan_text;
pub use size::size;
pub use summary::summary_text;
pub use why::why_text;
