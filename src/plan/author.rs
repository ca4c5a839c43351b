//! The author of a path or URL, a question of trust.

/// The author of a path or URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Author {
    /// The user who runs carboy: flags, environment variables, the configuration of the machine.
    #[default]
    User,
    /// The project's files. Anyone who proposes a change to the project can write them.
    Project,
}
