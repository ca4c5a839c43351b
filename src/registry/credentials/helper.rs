//! Credential helpers: programs that keep credentials.
//!
//! Source: docker's `docker-credential-helpers`. `docker_credential` runs helpers too, but fails
//! when one does not read its standard input, and waits forever for one that hangs.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::credential::Credential;
use crate::http::failure::one_line;

/// The longest output of a helper, in bytes.
const OUTPUT: u64 = 1 << 20;
/// The pause between two looks at a helper that closed its output.
const PAUSE: Duration = Duration::from_millis(10);
/// The user name that stands for an identity token.
const TOKEN_USER: &str = "<token>";
/// The messages of a helper without a credential for a server.
const UNKNOWN: [&str; 2] = ["credentials not found", "no credentials server url"];

/// A helper, and the server to ask it about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Helper {
    /// The name without `docker-credential-`.
    pub name: String,
    pub server: String,
}

/// A helper that did not do its work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HelperError {
    #[error("`{0}` is not the name of a program")]
    Name(String),
    #[error("docker-credential-{0} is not in PATH")]
    Missing(String),
    #[error("docker-credential-{name} cannot be run: {cause}")]
    Start { name: String, cause: String },
    #[error("docker-credential-{name} did not answer within {} s", limit.as_secs())]
    Slow { name: String, limit: Duration },
    #[error("docker-credential-{name} failed: {said}")]
    Failed { name: String, said: String },
    #[error("docker-credential-{0} answered without credentials")]
    Answer(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: Option<String>,
    secret: Option<String>,
}

/// The output of a program that ended.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Helper {
    /// Asks for the credential; none if the helper has no credential for the server.
    ///
    /// # Errors
    /// The helper does not run, fails, does not end in time, or gives another answer.
    pub fn get(&self, limit: Duration) -> Result<Option<Credential>, HelperError> {
        let ended = self.run("get", self.server.clone().into_bytes(), limit)?;
        if !ended.status.success() {
            let failure = self.failed(&ended);
            return if is_unknown(&ended) { Ok(None) } else { Err(failure) };
        }
        let text = String::from_utf8_lossy(&ended.stdout);
        let answer: Answer = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|_| HelperError::Answer(self.name.clone()))?;
        match (answer.username.unwrap_or_default(), answer.secret.unwrap_or_default()) {
            (user, secret) if user.is_empty() && secret.is_empty() => Ok(None),
            (user, secret) if user == TOKEN_USER => Ok(Some(Credential::Identity(secret))),
            (user, password) => Ok(Some(Credential::Password { user, password })),
        }
    }

    /// Stores a credential.
    ///
    /// # Errors
    /// The helper does not run, fails, or does not end in time.
    pub fn store(&self, credential: &Credential, limit: Duration) -> Result<(), HelperError> {
        let (user, secret) = match credential {
            Credential::Password { user, password } => (user.as_str(), password),
            Credential::Identity(token) | Credential::Token(token) => (TOKEN_USER, token),
        };
        let input = json!({ "ServerURL": self.server, "Username": user, "Secret": secret });
        let ended = self.run("store", input.to_string().into_bytes(), limit)?;
        if ended.status.success() { Ok(()) } else { Err(self.failed(&ended)) }
    }

    /// Deletes the server's credential, and returns whether there was one.
    ///
    /// # Errors
    /// The helper does not run, fails, or does not end in time.
    pub fn erase(&self, limit: Duration) -> Result<bool, HelperError> {
        if self.get(limit).is_ok_and(|known| known.is_none()) {
            return Ok(false);
        }
        let ended = self.run("erase", self.server.clone().into_bytes(), limit)?;
        match ended.status.success() {
            true => Ok(true),
            false if is_unknown(&ended) => Ok(false),
            false => Err(self.failed(&ended)),
        }
    }

    fn run(&self, action: &str, input: Vec<u8>, limit: Duration) -> Result<Ended, HelperError> {
        if self.name.contains('/') {
            return Err(HelperError::Name(self.name.clone()));
        }
        let piped = Stdio::piped;
        let mut command = Command::new(format!("docker-credential-{}", self.name));
        let spawned = command.arg(action).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
        let mut child = spawned.map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => HelperError::Missing(self.name.clone()),
            _ => self.not_run(&cause),
        })?;
        let ended = communicate(&mut child, input, Instant::now() + limit).map_err(|cause| self.not_run(&cause))?;
        ended.ok_or_else(|| {
            // It may have ended meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            HelperError::Slow { name: self.name.clone(), limit }
        })
    }

    fn not_run(&self, cause: &io::Error) -> HelperError {
        HelperError::Start { name: self.name.clone(), cause: cause.to_string() }
    }

    /// Returns the failure in the helper's words: docker's helpers write them to stdout.
    fn failed(&self, ended: &Ended) -> HelperError {
        let text = |bytes: &[u8]| one_line(&String::from_utf8_lossy(bytes));
        let said = [text(&ended.stderr), text(&ended.stdout)].into_iter().find(|text| !text.is_empty());
        HelperError::Failed { name: self.name.clone(), said: said.unwrap_or_else(|| ended.status.to_string()) }
    }
}

/// Returns whether a helper only reports that it has no credential.
fn is_unknown(ended: &Ended) -> bool {
    [&ended.stdout, &ended.stderr].into_iter().any(|output| {
        let text = String::from_utf8_lossy(output).to_ascii_lowercase();
        UNKNOWN.iter().any(|unknown| text.contains(unknown))
    })
}

/// Writes the input and collects the output; none when the program has not ended by `end`.
fn communicate(child: &mut Child, input: Vec<u8>, end: Instant) -> io::Result<Option<Ended>> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper need not read its input: it may have closed it.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let left = || end.saturating_duration_since(Instant::now());
    let Ok(stdout) = stdout.recv_timeout(left()) else { return Ok(None) };
    loop {
        if let Some(status) = child.try_wait()? {
            // A program that it leaves behind may hold this open.
            let stderr = stderr.recv_timeout(PAUSE.max(left().min(PAUSE * 10))).unwrap_or_default();
            return Ok(Some(Ended { status, stdout, stderr }));
        }
        if left().is_zero() {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Reads a program's output in a thread of its own, which ends with the output.
fn collect(output: Option<impl io::Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(output) = output {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // The text so far is all that a broken pipe has.
            let _ = output.take(OUTPUT).read_to_end(&mut bytes);
            // Nobody may wait for it any more.
            let _ = sender.send(bytes);
        });
    }
    receiver
}
