//! The settings of pip, uv, poetry and carboy for indexes, as one
//! [`WheelSources`](super::WheelSources).
//!
//! The machine's configuration comes before the lock file's URLs. The first source that replaces
//! `PyPI`, or forbids indexes, ends the search; the sources before it add their further indexes:
//!
//! 1. carboy's own `[dependencies] index`, or its flag;
//! 2. `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `UV_INDEX`, `UV_EXTRA_INDEX_URL`, `UV_NO_INDEX`;
//! 3. `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`, `PIP_NO_INDEX`;
//! 4. uv's files of the user and the system;
//! 5. pip's files.
//!
//! `find-links` come from the first of the sources 2 to 5 that has any. The indexes of the
//! project's own files, from which its lock file was made, are asked for distributions without a
//! URL in it.
//!
//! Logins come from `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD` or `POETRY_HTTP_BASIC_<NAME>_…` for
//! indexes with names, then from URLs, then from netrc. Indexes of a lock file have no names here:
//! a lock file must not choose the host that gets a login. `login_policy` decides about hosts that
//! only the project names.
//!
//! Files of 4 and 5 may be inside the project, if `HOME` is the checkout or a variable names a
//! committed file. Their indexes keep their place but count as the project's: they name no host for
//! `login_policy`, and their directories must be inside the project. A netrc inside the project is
//! not read.

mod host;
mod host_environment;
mod host_settings;
mod index_url;
mod login_collector;
mod login_policy;
mod pip;
mod project;
mod project_sources;
mod resolve;
mod settings_file;
mod settings_source;
#[cfg(test)]
mod tests;
mod uv;
mod values;
mod variables;

pub use host::Host;
pub use host_environment::HostEnvironment;
pub use host_settings::HostSettings;
pub use login_policy::{LoginPolicy, variable_part};
pub use project_sources::ProjectSources;
pub use resolve::settings;
pub use variables::put_in;
