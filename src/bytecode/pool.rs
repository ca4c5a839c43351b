//! Several interpreters for one list of sources.
//!
//! Each takes the next source when it is done with one; results are written in the sources' order.
//! A process far ahead of the others waits, so few results are in memory.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::bundle::{Sources, Writer};
use super::compiled::SkipReason;
use super::driver::{Answer, Driver, DriverFailure};
use super::interpreter::Interpreter;
use super::marshal;
use super::source_reader::SourceReader;
use crate::diagnostic::Code;
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::rootfs::{Content, RootPath};

/// The largest source that is compiled, in bytes.
const LARGEST: u64 = 16 << 20;
/// The largest number of results that wait for an earlier one.
const AHEAD: usize = 64;
/// The length of the header of a `.pyc` file: magic number, flags, hash (PEP 552).
const HEADER: usize = 16;
/// The number of sources per process: with fewer, a process takes longer to start than it saves.
const WORTH: usize = 16;

type Compiled = Result<Vec<u8>, SkipReason>;

/// Processes of one interpreter.
pub(super) struct Pool<'a> {
    pub interpreter: &'a Interpreter,
    /// `PATH` of the processes.
    pub search_path: &'a OsStr,
    /// The largest number of processes at once.
    pub processes: NonZeroUsize,
}

impl Pool<'_> {
    /// Compiles all sources into `writer`.
    ///
    /// # Errors
    /// Sources that cannot be read; an interpreter that no longer starts, or writes
    /// malformed code; a bundle that cannot be written.
    pub(super) fn run(
        &self,
        sources: &Sources,
        reading: &SourceReader,
        writer: Writer,
    ) -> Result<Writer, OperationError> {
        let list: Vec<_> = sources.iter().collect();
        let shared = Shared { state: Mutex::new(State::new(writer)), moved: Condvar::new() };
        let processes = self.processes.get().min(list.len().div_ceil(WORTH));
        std::thread::scope(|scope| {
            for _ in 0..processes {
                scope.spawn(|| {
                    let mut worker = Worker { pool: self, reading, driver: None };
                    while let Some(number) = shared.next(list.len()) {
                        let (path, content) = list[number];
                        let result = worker.compile(path, content);
                        (reading.advanced)(content.size());
                        shared.put(number, result);
                    }
                });
            }
        });
        let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failed.map_or(Ok(state.writer), Err)
    }
}

/// The state shared by the workers.
struct Shared {
    state: Mutex<State>,
    /// Notified after each result and each failure.
    moved: Condvar,
}

struct State {
    writer: Writer,
    /// The number of sources that were taken, and of results that were written.
    taken: usize,
    written: usize,
    /// Results by their sources' numbers.
    waiting: BTreeMap<usize, Compiled>,
    failed: Option<OperationError>,
}

impl State {
    fn new(writer: Writer) -> Self {
        Self { writer, taken: 0, written: 0, waiting: BTreeMap::new(), failed: None }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next source to compile, if there is one.
    fn next(&self, sources: usize) -> Option<usize> {
        let ahead = |state: &mut State| state.failed.is_none() && state.taken >= state.written + AHEAD;
        let mut state = self.moved.wait_while(self.state(), ahead).unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() || state.taken == sources {
            return None;
        }
        state.taken += 1;
        Some(state.taken - 1)
    }

    fn put(&self, number: usize, result: Result<Compiled, OperationError>) {
        let mut state = self.state();
        match result {
            Ok(compiled) => {
                state.waiting.insert(number, compiled);
                state.write();
            }
            Err(cause) => state.failed = state.failed.take().or(Some(cause)),
        }
        self.moved.notify_all();
    }
}

impl State {
    /// Writes all results that wait for no earlier one.
    fn write(&mut self) {
        while let Some(compiled) = self.waiting.remove(&self.written) {
            if let Err(cause) = self.writer.add(compiled) {
                self.failed = Some(cause);
            }
            self.written += 1;
        }
    }
}

/// One interpreter, and its replacements after crashes.
struct Worker<'a> {
    pool: &'a Pool<'a>,
    reading: &'a SourceReader<'a>,
    driver: Option<Driver>,
}

impl Worker<'_> {
    fn compile(&mut self, path: &RootPath, content: &Content) -> Result<Compiled, OperationError> {
        if content.size() > LARGEST {
            return Ok(Err(SkipReason::TooLarge));
        }
        let source = (self.reading.read)(content, LARGEST).map_err(|cause| failed(&format!("`{path}`"), &cause))?;
        // The cache finds the result by this digest.
        if content.digest().is_some_and(|want| want != Digest::of(&source)) {
            return Err(match content {
                Content::ZipEntry(member) => failed(
                    &format!("`{path}`"),
                    &format!("it is not what the RECORD of `{}` says", member.archive.name),
                ),
                _ => failed(&format!("`{path}`"), &"it changed while it was being read"),
            });
        }
        self.compiled(path, &source)
    }

    /// Compiles with the current process, and again with a fresh one if that fails.
    fn compiled(&mut self, path: &RootPath, source: &[u8]) -> Result<Compiled, OperationError> {
        let name = [b"/", path.as_bytes()].concat();
        loop {
            let fresh = self.driver.is_none();
            let driver = self.driver()?;
            let skipped = match driver.compile(&name, source) {
                Ok(Answer::Compiled(pyc)) => return self.checked(path, &pyc).map(Ok),
                Ok(Answer::Invalid) => return Ok(Err(SkipReason::Invalid)),
                Ok(Answer::TooDeep) => SkipReason::TooDeep,
                Err(DriverFailure::Crashed) => SkipReason::Crashed,
                Err(DriverFailure::TooSlow) => SkipReason::TooSlow,
            };
            self.driver = None;
            if fresh || skipped == SkipReason::TooSlow {
                return Ok(Err(skipped));
            }
        }
    }

    fn driver(&mut self) -> Result<&mut Driver, OperationError> {
        let driver = match self.driver.take() {
            Some(driver) => driver,
            None => Driver::start(&self.pool.interpreter.path, self.pool.search_path)
                .map(|(driver, _)| driver)
                .map_err(|cause| failed("bytecode", &format!("`{}` {cause}", self.pool.interpreter.path.display())))?,
        };
        Ok(self.driver.insert(driver))
    }

    /// Checks a `.pyc` file and brings it into its canonical form.
    fn checked(&self, path: &RootPath, pyc: &[u8]) -> Result<Vec<u8>, OperationError> {
        let odd = |cause: &dyn fmt::Display| failed(&format!("`{path}`"), cause);
        let Some((header, code)) = pyc.split_at_checked(HEADER) else { return Err(odd(&"it has no header")) };
        if header[..4] != self.pool.interpreter.magic || header[4..8] != [1, 0, 0, 0] {
            return Err(odd(&"the interpreter wrote another kind of bytecode"));
        }
        let code = marshal::canonical(code, self.pool.interpreter.layout).map_err(|cause| odd(&cause))?;
        Ok([header, &code].concat())
    }
}

fn failed(what: &str, cause: &dyn fmt::Display) -> OperationError {
    OperationError::new(Code::NotCompiled, format!("cannot compile {what}")).because(cause.to_string())
}
