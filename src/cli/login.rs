//! `carboy login` and `carboy logout`.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use console::Term;

use super::credentials::{docker_file, helper_limit};
use super::error::CliError;
use super::machine::MachineArgs;
use super::session::finish;
use crate::diagnostic::{Code, Diagnostic};
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;
use crate::registry::{Credential, CredentialOrigin, CredentialStore, FoundCredential, Options, Registry, StoredIn};
use crate::ui::Frontend;

/// The longest password, in bytes.
const PASSWORD: u64 = 64 << 10;

#[derive(ClapArgs)]
pub struct LoginFlags {
    /// The registry, such as ghcr.io or registry.example.com:5000
    #[arg(value_name = "REGISTRY")]
    registry: String,
    /// The user name [default: asked for on a terminal]
    #[arg(long, short, value_name = "USER")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(ClapArgs)]
pub struct LogoutFlags {
    /// The registry, such as ghcr.io or registry.example.com:5000
    #[arg(value_name = "REGISTRY")]
    registry: String,
}

/// Runs `carboy login` and returns the exit code.
pub fn login(flags: &LoginFlags) -> u8 {
    finish(|front| {
        let registry = host(&flags.registry)?;
        let file = file()?;
        let user = flags.user()?;
        let password = flags.password()?;
        let credential = Credential::Password { user: user.clone(), password };
        flags.check(&registry, &credential, front)?;
        let stored = CredentialStore::new(file.clone(), helper_limit()).save(&registry, &credential)?;
        let place = match stored {
            StoredIn::Helper(name) => name,
            StoredIn::File => {
                let text = format!("the password is stored unencrypted in `{}`", file.display());
                let hint = "a credential helper encrypts it: name one in the file's `credsStore`";
                front.warn(Diagnostic::warning(Code::UnencryptedPassword, text).hint(hint.to_owned()));
                format!("`{}`", file.display())
            }
        };
        Ok(format!("logged in to {registry} as {user}; stored in {place}\n"))
    })
}

/// Runs `carboy logout` and returns the exit code.
pub fn logout(flags: &LogoutFlags) -> u8 {
    finish(|_| {
        let registry = host(&flags.registry)?;
        let file = file()?;
        let removed = CredentialStore::new(file.clone(), helper_limit()).remove(&registry)?;
        let what = if removed { "removed the" } else { "no" };
        Ok(format!("{what} credentials for {registry} in `{}`\n", file.display()))
    })
}

impl LoginFlags {
    fn user(&self) -> Result<String, CliError> {
        let user = match &self.username {
            Some(user) => user.clone(),
            None if self.can_ask() => ask("User name: ", Term::read_line)?,
            None => return Err(wrong("no user name is given", "pass --username")),
        };
        if user.is_empty() || user.contains([':', '\n']) {
            return Err(wrong("the user name is empty, or has a colon", "pass --username"));
        }
        Ok(user)
    }

    fn password(&self) -> Result<String, CliError> {
        let password = if self.password_stdin {
            let mut text = String::new();
            let read = io::stdin().lock().take(PASSWORD + 1).read_to_string(&mut text);
            read.map_err(|cause| {
                OperationError::new(Code::UnreadableFile, "cannot read the password").because(&cause)
            })?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        } else if self.can_ask() {
            ask("Password: ", Term::read_secure_line)?
        } else {
            return Err(wrong("no password is given", "pass --password-stdin, and the password on standard input"));
        };
        if password.is_empty() || password.len() as u64 > PASSWORD {
            return Err(wrong("the password is empty or too long", "pass it on one line of standard input"));
        }
        Ok(password)
    }

    /// Returns whether a person can be asked.
    fn can_ask(&self) -> bool {
        !self.password_stdin && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn check(&self, registry: &str, credential: &Credential, front: &Arc<dyn Frontend>) -> Result<(), CliError> {
        let network = Arc::new(self.machine.network(None, front.as_ref())?);
        let options = Options { network, ..Options::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Start)?;
        let origin = Arc::new(CredentialOrigin::given("the command line"));
        let found = FoundCredential { credential: credential.clone(), origin };
        let client = Registry::new(options, front.clone());
        Ok(runtime.block_on(client.check_login(registry, &found))?)
    }
}

/// Asks a question on the terminal.
fn ask(question: &str, answer: impl Fn(&Term) -> io::Result<String>) -> Result<String, CliError> {
    let term = Term::stderr();
    let answered = term.write_str(question).and_then(|()| answer(&term));
    answered.map_err(|cause| OperationError::new(Code::UnreadableFile, "cannot read the answer").because(&cause).into())
}

/// Returns the host of a registry, which may be written as a URL.
fn host(text: &str) -> Result<String, CliError> {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let bare = if bare == "index.docker.io/v1" { "docker.io" } else { bare };
    match format!("{bare}/x").parse() {
        Ok(crate::oci::Location::Registry(RegistryName { registry, repository, .. }))
            if registry == bare && repository.trim_start_matches("library/") == "x" =>
        {
            Ok(registry)
        }
        _ => {
            let message = format!("`{text}` is not a registry");
            Err(wrong(&message, "write its host, as in ghcr.io or registry.example.com:5000"))
        }
    }
}

fn file() -> Result<PathBuf, CliError> {
    docker_file().ok_or_else(|| wrong("no directory for credentials is known", "set HOME or DOCKER_CONFIG"))
}

fn wrong(message: &str, hint: &str) -> CliError {
    CliError::Usage { message: message.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_hosts() {
        for (text, expected) in [
            ("ghcr.io", Some("ghcr.io")),
            ("https://ghcr.io/", Some("ghcr.io")),
            ("localhost", Some("localhost")),
            ("127.0.0.1:5000", Some("127.0.0.1:5000")),
            ("docker.io", Some("docker.io")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("ghcr.io/acme", None),
            ("acme", None),
            ("", None),
            ("ghcr.io:", None),
        ] {
            assert_eq!(host(text).ok().as_deref(), expected, "{text}");
        }
    }
}
