//! One run of a verb: its output, and its access to registries, cache and directories.

use std::io::{self, IsTerminal as _, Write as _};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Args as ClapArgs;
use clap::builder::FalseyValueParser;
use etcetera::BaseStrategy as _;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::credentials::{CredentialArgs, NamedImages, credentials};
use super::error::CliError;
use super::exit_code::{DONE, STOPPED};
use super::machine::MachineArgs;
use super::wiring::{RepositoryOpener, host};
use crate::assemble::{BuildError, Io};
use crate::bytecode::{self, Compiler};
use crate::cpu_pool::CpuPool;
use crate::plan::PathBounds;
use crate::progress::Progress;
use crate::registry::{Options, Registry};
use crate::source::Folders;
use crate::store::{Cache, CacheOptions};
use crate::ui::{self, Frontend, Mode, Screen};
use crate::wheels::WheelIndexes;

/// Columns of a terminal of unknown width.
const WIDTH: usize = 80;

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct SessionArgs {
    /// The most transfers at once [default: 8]
    #[arg(long, env = "CARBOY_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// The directory of pulled and made layers [default: carboy in the user's cache directory]
    #[arg(long, env = "CARBOY_CACHE_DIR", value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
    /// Use a cache for this run alone, in the directory for temporary files
    #[arg(long, env = "CARBOY_NO_CACHE", value_parser = FalseyValueParser::new())]
    no_cache: bool,
    /// Ask no registry and no index: images and wheels come from the cache and from local
    /// directories
    #[arg(long, env = "CARBOY_OFFLINE", value_parser = FalseyValueParser::new())]
    offline: bool,
    /// Trust everything in the cache, even if other users can write to it
    #[arg(long, env = "CARBOY_TRUST_CACHE", value_parser = FalseyValueParser::new())]
    trust_cache: bool,
    /// A Python of the builder's exact version, for `runtime.bytecode` [default: found on this
    /// machine]
    #[arg(long, env = "CARBOY_HOST_PYTHON", value_name = "FILE")]
    host_python: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// The form in which progress is shown
    #[arg(long, env = "CARBOY_PROGRESS", value_name = "MODE", value_enum, default_value_t)]
    progress: Mode,
    /// Show only errors
    #[arg(long, short, env = "CARBOY_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
}

impl SessionArgs {
    /// Runs a verb and returns the exit code. The verb's result goes to stdout.
    pub fn run(&self, verb: impl FnOnce(&Arc<dyn Frontend>) -> Result<Completion<String>, CliError>) -> u8 {
        run_as(if self.quiet { Mode::None } else { self.progress }, verb)
    }

    /// Runs work with registries, cache and directories. `bounds` are those of a project, `named`
    /// the images that flags and variables name.
    ///
    /// # Errors
    /// The work's own error; the cache or the network cannot be set up.
    pub fn work<T, F>(
        &self,
        front: &Arc<dyn Frontend>,
        (bounds, named): (Option<&PathBounds>, &NamedImages),
        work: impl FnOnce(Io) -> F,
    ) -> Result<Completion<T>, CliError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        let network = Arc::new(self.machine.network(bounds, front.as_ref())?);
        let options = Options {
            network: network.clone(),
            credentials: credentials(&self.credentials, named, bounds, front.as_ref()),
            user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Options::default()
        };
        let cpu_pool = CpuPool::new().map_err(CliError::Start)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Start)?;
        // The runtime is never shut down: cancelled work still uses it until the process ends, and
        // would panic. Staged files of such work are deleted later.
        let runtime = ManuallyDrop::new(runtime);
        let _entered = runtime.enter();
        let mut signals = Signals::new().map_err(CliError::Start)?;
        // Deleted when this function returns.
        let scratch = self.no_cache.then(scratch_folder).transpose().map_err(CliError::Start)?;
        let folder = scratch.as_ref().map(TempDir::path).or(self.cache_dir.as_deref());
        let cache = Arc::new(open_cache(folder, self.trust_cache, false, front.clone())?);
        let registry = Registry::new(options, front.clone());
        let repositories = Arc::new(RepositoryOpener::new(registry, cache.clone(), self.offline, front.clone()));
        let jobs = usize::from(self.jobs.unwrap_or(8));
        let folders = Arc::new(Folders::new(cache.clone()));
        let wheel_indexes = WheelIndexes {
            host: host(),
            cache: cache.clone(),
            folders: folders.clone(),
            progress: front.clone(),
            cpu_pool: cpu_pool.clone(),
            network,
            offline: self.offline,
            jobs,
            warned: Mutex::default(),
        };
        let named = self.host_python.as_ref().map(std::path::absolute).transpose().map_err(CliError::Start)?;
        let compiler =
            Compiler::new(bytecode::InterpreterPaths::new(named, |name| std::env::var_os(name)), cache.clone());
        let io = Io {
            repositories: repositories.clone(),
            cache: cache.clone(),
            folders,
            indexes: Arc::new(wheel_indexes),
            compiler: Arc::new(compiler),
            progress: front.clone(),
            cpu_pool,
            jobs,
            offline: self.offline,
        };
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = work(io) => Ok(outcome),
                signal = signals.next() => Err(signal),
            }
        });
        // Nothing may be written after this.
        repositories.close();
        cache.close();
        match outcome {
            Ok(outcome) => Ok(Completion::All(outcome?)),
            Err(signal) => Ok(Completion::Stopped(signal)),
        }
    }
}

/// Runs a verb without a session's flags, and returns the exit code.
pub fn finish(verb: impl FnOnce(&Arc<dyn Frontend>) -> Result<String, CliError>) -> u8 {
    run_as(Mode::default(), |front| verb(front).map(Completion::All))
}

fn run_as(mode: Mode, verb: impl FnOnce(&Arc<dyn Frontend>) -> Result<Completion<String>, CliError>) -> u8 {
    let front = ui::front(mode, screen());
    match verb(&front) {
        Ok(done) => {
            front.finish();
            let text = match done {
                Completion::All(text) => text,
                Completion::Stopped(signal) => return STOPPED + signal,
            };
            let written = print(&text).map_err(CliError::Stdout);
            written.map_or_else(|error| fail(front.as_ref(), &error), |()| DONE)
        }
        Err(error) => fail(front.as_ref(), &error),
    }
}

/// The end of some work.
pub enum Completion<T> {
    All(T),
    /// Stopped by a signal of this number.
    Stopped(u8),
}

impl<T> Completion<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Completion<U> {
        match self {
            Self::All(value) => Completion::All(change(value)),
            Self::Stopped(signal) => Completion::Stopped(signal),
        }
    }
}

/// The signals that stop a run.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Returns the number of the next signal.
    async fn next(&mut self) -> u8 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        u8::try_from(kind.as_raw_value()).unwrap_or_default()
    }
}

/// Opens the cache in a named directory, or in the user's cache directory. A cache that is opened
/// to be made smaller may be `full`.
///
/// # Errors
/// There is no directory; it cannot be used.
pub fn open_cache(
    named: Option<&Path>,
    trust: bool,
    full: bool,
    progress: Arc<dyn Progress>,
) -> Result<Cache, CliError> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => etcetera::choose_base_strategy().map_err(|_| CliError::NoCache)?.cache_dir().join("carboy"),
    };
    Ok(Cache::with_options(CacheOptions { folder, scratch: std::env::temp_dir(), trust, full }, progress)?)
}

/// Creates the directory of a cache for one run.
fn scratch_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("carboy-cache-").tempdir()
}

fn fail(front: &dyn Frontend, error: &CliError) -> u8 {
    front.errors(&error.diagnostics(), error.platforms());
    error.exit_code()
}

/// Writes to stdout. A closed stdout is not an error: the work is done.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn screen() -> Screen {
    let is_terminal = io::stderr().is_terminal() && !is_dumb();
    Screen { terminal: is_terminal, color: is_terminal && !no_color(), width: width(&console::Term::stderr()) }
}

/// Returns whether the terminal cannot move its cursor.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Returns whether the user turned colour off.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Returns the width of texts for stdout.
pub fn stdout_width() -> usize {
    width(&console::Term::stdout())
}

/// Returns the width of chains. Programs that filter lines need whole ones.
pub fn chain_width() -> usize {
    if io::stdout().is_terminal() { stdout_width() } else { usize::MAX }
}

fn width(terminal: &console::Term) -> usize {
    terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns))
}
