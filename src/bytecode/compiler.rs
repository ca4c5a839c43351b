//! Compiles the sources of one call, or finds them compiled in the cache.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use super::bundle::{self, CompileOutcome, Sources, Writer};
use super::compiled::{Bytecode, SkipReason};
use super::interpreter::Interpreter;
use super::interpreter_paths::InterpreterPaths;
use super::pool::Pool;
use super::python_build::PythonBuild;
use super::source_reader::SourceReader;
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::rootfs::{Content, RootPath};
use crate::store::{Cache, CacheKind};

/// A compiler of Python sources, with the interpreters of this machine.
pub struct Compiler {
    places: InterpreterPaths,
    cache: Arc<Cache>,
    /// The largest number of processes at once.
    processes: NonZeroUsize,
    /// The results of earlier searches for an interpreter.
    found: Mutex<BTreeMap<PythonBuild, Result<Interpreter, OperationError>>>,
    /// Held by one call at a time: each uses all cores, and two platforms mostly have the same
    /// sources.
    busy: Mutex<()>,
}

impl Compiler {
    /// Creates a compiler that searches for interpreters when the first is needed. A named
    /// interpreter is an absolute path, or a name to find in `PATH`.
    #[must_use]
    pub fn new(places: InterpreterPaths, cache: Arc<Cache>) -> Self {
        let processes = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { places, cache, processes, found: Mutex::default(), busy: Mutex::default() }
    }

    /// Sets the number of processes. The result does not depend on it.
    #[must_use]
    pub fn with_processes(self, processes: NonZeroUsize) -> Self {
        Self { processes, ..self }
    }

    fn find(&self, python: &PythonBuild) -> Result<Interpreter, OperationError> {
        let Ok(mut found) = self.found.lock() else { return Interpreter::find(&self.places, python) };
        found.entry(python.clone()).or_insert_with(|| Interpreter::find(&self.places, python)).clone()
    }

    /// Compiles all sources into the cache.
    fn fill(
        &self,
        interpreter: &Interpreter,
        key: &Digest,
        sources: &Sources,
        reading: &SourceReader,
    ) -> Result<(Digest, Vec<CompileOutcome>), OperationError> {
        let writer = Writer::new(Arc::clone(&self.cache), key)?;
        let pool = Pool { interpreter, search_path: &self.places.search_path, processes: self.processes };
        let writer = pool.run(sources, reading, writer)?;
        let (staged, outcomes) = writer.finish()?;
        // A bundle with crashes or timeouts gets another key, so that a later run tries again.
        let troubled = |outcome: &CompileOutcome| {
            matches!(outcome, CompileOutcome::SkipReason(SkipReason::Crashed | SkipReason::TooSlow))
        };
        let key = if outcomes.iter().any(troubled) { Digest::of(key.hex().as_bytes()) } else { *key };
        self.cache.commit(staged, CacheKind::Bytecode, &key)?;
        Ok((key, outcomes))
    }
}

impl Compiler {
    /// Checks that the required interpreter exists.
    ///
    /// # Errors
    /// There is none of exactly this version; the message lists the interpreters found, and says
    /// how to go on.
    pub fn check(&self, python: &PythonBuild) -> Result<(), OperationError> {
        self.find(python).map(drop)
    }

    /// Compiles sources, by their paths in the image; names that do not end in `.py` are skipped.
    /// The result depends on version, path and content of each source only. The sources of one call
    /// are one entry of the cache, so each distribution is best compiled by itself.
    ///
    /// # Errors
    /// As `check`; sources that cannot be read; a cache that cannot be written. A source that
    /// cannot be compiled is no error.
    pub fn compile(
        &self,
        python: &PythonBuild,
        sources: &BTreeMap<RootPath, Content>,
        reading: &SourceReader,
    ) -> Result<Bytecode, OperationError> {
        let interpreter = self.find(python)?;
        let tag = &interpreter.cache_tag;
        let is_source = |(path, _): &(&RootPath, &Content)| bundle::compiled_path(path, tag).is_some();
        let sources: Sources =
            sources.iter().filter(is_source).map(|(path, content)| (path.clone(), content.clone())).collect();
        if sources.is_empty() {
            return Ok(Bytecode::default());
        }
        let key = bundle::key(python, &interpreter, &sources);
        let _busy = self.busy.lock();
        let kept = self.cache.open(CacheKind::Bytecode, &key)?;
        let outcomes = kept.and_then(|file| {
            let outcomes = bundle::outcomes(file, &key, sources.len());
            if outcomes.is_none() {
                self.cache.damaged(CacheKind::Bytecode, &key, "compiled bytecode");
            }
            outcomes
        });
        let (key, outcomes) = match outcomes {
            Some(outcomes) => {
                (reading.advanced)(sources.values().map(Content::size).sum());
                (key, outcomes)
            }
            None => self.fill(&interpreter, &key, &sources, reading)?,
        };
        Ok(bundle::bytecode(&self.cache.path(CacheKind::Bytecode, &key), key, outcomes, &sources, tag))
    }
}
