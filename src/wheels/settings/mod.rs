//! What pip, uv, poetry and carboy are told about indexes, as one [`WheelSources`].
//!
//! What is this machine's configuration comes before the lock file's URLs. Of several
//! sources the first that names an index in `PyPI`'s place, or says that there is none,
//! ends the search; those before it add their further indexes:
//!
//! 1. carboy's own `[dependencies] index`, or its flag;
//! 2. `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `UV_INDEX`, `UV_EXTRA_INDEX_URL`, `UV_NO_INDEX`;
//! 3. `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`, `PIP_NO_INDEX`;
//! 4. uv's files of the user and the system;
//! 5. pip's files.
//!
//! `find-links` come from the first of the sources 2 to 5 that has any. What the
//! project's own files name is where its lock file was made from: it is asked for what
//! has no URL there.
//!
//! Logins: `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, `POETRY_HTTP_BASIC_<NAME>_…` for
//! indexes with names, then those in URLs, then netrc's. A lock file's indexes have no
//! names here: it would decide which host gets somebody's login. Which hosts get logins
//! that only the project names is in [`login_policy`].
//!
//! Files of 4 and 5 may lie in the project, where `HOME` is the checkout or a variable
//! names a committed file. Their indexes count in their place, but as the project's: they
//! name no host for [`login_policy`], and their folders stay in the project. netrc is not read there.

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
