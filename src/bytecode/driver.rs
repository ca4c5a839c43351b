//! One process of an interpreter that compiles source after source.
//!
//! Its environment is `PATH` (for wrappers that are scripts) and the settings that make it the same
//! everywhere: a fixed hash seed (`-I` and `-E` would ignore it), UTF-8, no `site`, no user
//! directory, nothing from the working directory. `driver.py` describes the protocol. Every wait
//! for the process has a limit.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = include_str!("driver.py");
/// The longest start of an interpreter.
const START: Duration = Duration::from_secs(10);
/// The longest compilation of one source, after which the process ends itself; `driver.py` has the
/// same number.
const ALARM: Duration = Duration::from_mins(2);
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(150);
/// The largest answer, in bytes. Compiled code is seldom larger than its source.
const LARGEST: u32 = 256 << 20;
/// The number of bytes of its stderr that are kept.
const ERRORS: u64 = 64 << 10;

/// A running interpreter.
pub(super) struct Driver {
    child: Child,
    input: BufWriter<ChildStdin>,
    answers: Receiver<io::Result<(u8, Vec<u8>)>>,
    /// The beginning of its stderr, once it is closed.
    errors: Receiver<Vec<u8>>,
    /// Its working directory, which stays empty.
    _folder: TempDir,
}

/// The result of compiling a source.
pub(super) enum Answer {
    /// A complete `.pyc`.
    Compiled(Vec<u8>),
    Invalid,
    TooDeep,
}

/// The reason that there is no answer. The process cannot be used any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DriverFailure {
    Crashed,
    TooSlow,
}

impl Driver {
    /// Starts an interpreter and reads its description of itself.
    ///
    /// # Errors
    /// The end of a sentence that begins with the interpreter's path: a program that cannot be
    /// started, that is not Python 3.7 or later, or that hangs.
    pub(super) fn start(python: &Path, search_path: &OsStr) -> Result<(Self, String), String> {
        let driver = Self::spawn(python, search_path).map_err(|cause| format!("cannot be started: {cause}"))?;
        match driver.answers.recv_timeout(START) {
            Ok(Ok((b'H', text))) => Ok((driver, String::from_utf8_lossy(&text).into_owned())),
            Ok(Ok(_)) => Err("is not Python 3.7 or later".to_owned()),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                let last = driver.last_error().map(|line| format!(": {line}")).unwrap_or_default();
                Err(format!("is not Python 3.7 or later{last}"))
            }
            Err(RecvTimeoutError::Timeout) => Err(format!("did not answer within {} seconds", START.as_secs())),
        }
    }

    fn spawn(python: &Path, search_path: &OsStr) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(python)
            .args(["-S", "-s", "-B", "-W", "ignore", "-X", "utf8", "-c", PROGRAM])
            .env_clear()
            .envs([("PATH", search_path), ("PYTHONHASHSEED", "0".as_ref()), ("PYTHONSAFEPATH", "1".as_ref())])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let input = BufWriter::with_capacity(64 << 10, child.stdin.take().ok_or_else(gone)?);
        let mut output = child.stdout.take().ok_or_else(gone)?;
        let mut stderr = child.stderr.take().ok_or_else(gone)?;
        let (keeper, errors) = sync_channel(1);
        let (sender, answers) = sync_channel(1);
        std::thread::spawn(move || {
            loop {
                let answer = answer(&mut output);
                let last = answer.is_err();
                if sender.send(answer).is_err() || last {
                    break;
                }
            }
        });
        std::thread::spawn(move || keeper.send(beginning(&mut stderr)));
        Ok(Self { child, input, answers, errors, _folder: folder })
    }

    /// Compiles a source, under its path in the image.
    pub(super) fn compile(&mut self, path: &[u8], source: &[u8]) -> Result<Answer, DriverFailure> {
        let begun = Instant::now();
        let sent = self.send(path, source);
        let received = self.answers.recv_timeout(PATIENCE);
        match (sent, received) {
            (Ok(()), Ok(Ok((b'C', pyc)))) => Ok(Answer::Compiled(pyc)),
            (Ok(()), Ok(Ok((b'I', _)))) => Ok(Answer::Invalid),
            (Ok(()), Ok(Ok((b'D', _)))) => Ok(Answer::TooDeep),
            (_, Err(RecvTimeoutError::Timeout)) => Err(DriverFailure::TooSlow),
            _ if begun.elapsed() >= ALARM => Err(DriverFailure::TooSlow),
            _ => Err(DriverFailure::Crashed),
        }
    }

    fn send(&mut self, path: &[u8], source: &[u8]) -> io::Result<()> {
        for part in [path, source] {
            let length = u32::try_from(part.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            self.input.write_all(&length.to_le_bytes())?;
        }
        self.input.write_all(path)?;
        self.input.write_all(source)?;
        self.input.flush()
    }

    /// Returns the last line of its stderr.
    fn last_error(&self) -> Option<String> {
        let errors = self.errors.recv_timeout(Duration::from_secs(1)).ok()?;
        let text = String::from_utf8_lossy(&errors);
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).take(200).collect())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads one answer: a letter, a length, a text.
fn answer(output: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    output.read_exact(&mut head)?;
    let [letter, length @ ..] = head;
    let length = u32::from_le_bytes(length);
    if !b"HCID".contains(&letter) || length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = Vec::new();
    output.take(u64::from(length)).read_to_end(&mut text)?;
    if text.len() as u64 == u64::from(length) { Ok((letter, text)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads to the end and keeps the beginning, so that the process never blocks on a full pipe.
fn beginning(stderr: &mut impl Read) -> Vec<u8> {
    let mut begin = Vec::new();
    stderr.take(ERRORS).read_to_end(&mut begin).ok();
    io::copy(stderr, &mut io::sink()).ok();
    begin
}
