//! Engines by their programs: `docker load` and `podman load`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::printable::one_line;

/// The longest wait for a daemon's answer to docker's client.
const ANSWER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// The most bytes that are kept of a program's errors.
const MOST_ERRORS: u64 = 64 << 10;

/// Returns whether docker's client reaches its daemon.
pub(super) fn answers(client: &Endpoint) -> bool {
    let Endpoint::Program { path, .. } = client else { return false };
    let mut command = Command::new(path);
    command.args(["version", "--format", "{{.Server.Version}}"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok_and(|child| succeeds(child).unwrap_or(false))
}

fn succeeds(mut child: Child) -> io::Result<bool> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() > ANSWER {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Runs the verb `load` of a program over an archive.
///
/// # Errors
/// A program that cannot be started or fails, with the last line of its errors.
pub(super) fn load(engine: &str, program: &Path, archive: &Path) -> Result<(), OperationError> {
    let failed = |cause: io::Error| {
        let message = format!("cannot load the image into {engine}");
        OperationError::new(Code::UnwritableOutput, message).because(&cause)
    };
    let mut command = Command::new(program);
    command.arg("load").stdin(File::open(archive).map_err(failed)?).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let mut errors = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.by_ref().take(MOST_ERRORS).read_to_end(&mut errors).map_err(failed)?;
        io::copy(&mut stderr, &mut io::sink()).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&errors);
    let last = errors.lines().rev().find(|line| !line.trim().is_empty());
    let cause = last.map_or_else(|| status.to_string(), |line| one_line(line.trim()));
    Err(OperationError::new(Code::UnwritableOutput, format!("`{engine} load` failed")).because(cause))
}
