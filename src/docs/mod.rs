//! The reference: one Markdown file for each topic.
//!
//! `carboy help TOPIC` shows a topic, `carboy man` writes each topic as a man page, and
//! this documentation includes them. [`markdown`] parses a topic, [`terminal`] and
//! [`man`] render it. Pure.

#![expect(clippy::doc_markdown, reason = "the topics are prose for users: PyPI is a name, not code")]

pub mod man;
pub mod markdown;
pub mod terminal;

/// A topic of the reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topic {
    /// The word after `carboy help`, and the file's name without `.md`.
    pub name: &'static str,
    /// The line that `carboy help` lists.
    pub summary: &'static str,
    /// The topic as Markdown.
    pub text: &'static str,
}

/// Declares a module for each topic, whose documentation is the topic, and the list of all.
macro_rules! topics {
    ($($module:ident $file:literal $summary:literal;)*) => {
        $(#[doc = include_str!($file)] pub mod $module {})*

        /// All topics, in the order in which they are best read.
        pub const TOPICS: &[Topic] = &[
            $(Topic { name: $file.split_at($file.len() - ".md".len()).0, summary: $summary, text: include_str!($file) },)*
        ];
    };
}

topics! {
    configuration "configuration.md" "Every key of carboy.toml, profiles, and where paths may lead";
    command_line "command-line.md" "Verbs, flags, variables, and what is printed where";
    outputs "outputs.md" "Targets, archives, docker and podman, tags, indexes, files about an image";
    dependencies "dependencies.md" "Lock files, wheels, indexes and their credentials";
    libraries "libraries.md" "How shared libraries are found, and `carboy why`";
    image "image.md" "What is in the image: layers, files, records, user, bytecode";
    checks "checks.md" "What carboy checks before it makes an image";
    caching "caching.md" "The cache: content, trust, pruning, and measured speed";
    credentials "credentials.md" "Logging in to registries";
    registries "registries.md" "Which registries are tested, and what carboy does when one fails";
    networks "networks.md" "Mirrors, certificates, proxies, and the machine's file";
    exit_codes "exit-codes.md" "Exit codes, stdout, stderr and JSON";
    troubleshooting "troubleshooting.md" "What an error means and what to do about it";
    codes "codes.md" "Every code of an error or warning, with an example and the fix";
    migration "migration.md" "From a Dockerfile to carboy";
}

/// Finds a topic by its name.
#[must_use]
pub fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}
