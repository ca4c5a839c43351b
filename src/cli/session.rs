//! One run of a verb: what the user sees of it, and the outside world for its work.

use std::io::{self, IsTerminal as _, Write as _};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use etcetera::BaseStrategy as _;

use super::error::CliError;
use super::wiring::{Markets, Places};
use super::{DONE, STOPPED};
use crate::build::{BuildError, Io};
use crate::bytecode::{self, HostPython};
use crate::hint::Hint as _;
use crate::registry::{Credentials, Options, Registry};
use crate::source::LocalFolders;
use crate::store::DiskCache;
use crate::ui::{self, Front, Mode, Screen};
use crate::workers::Workers;

/// Columns where they cannot be known.
const WIDTH: usize = 80;

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct Session {
    /// How many transfers go on at once [default: 8]
    #[arg(long, env = "CARBOY_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Where pulled and made layers are kept [default: carboy in the user's cache folder]
    #[arg(long, env = "CARBOY_CACHE_DIR", value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
    /// Python of the builder's exact version, for `runtime.bytecode` [default: found on this machine]
    #[arg(long, env = "CARBOY_HOST_PYTHON", value_name = "FILE")]
    host_python: Option<PathBuf>,
    /// A registry that may speak plain HTTP (loopback hosts may anyway); repeatable
    #[arg(long, env = "CARBOY_INSECURE", value_name = "HOST", value_delimiter = ',')]
    insecure: Vec<String>,
    /// How progress is shown
    #[arg(long, env = "CARBOY_PROGRESS", value_name = "MODE", value_enum, default_value_t)]
    progress: Mode,
    /// Show nothing but errors
    #[arg(long, short, env = "CARBOY_QUIET")]
    quiet: bool,
}

impl Session {
    /// Runs a verb and returns the exit code. What the verb returns goes to stdout; with
    /// none it was interrupted.
    pub fn run(&self, verb: impl FnOnce(&Arc<dyn Front>) -> Result<Option<String>, CliError>) -> u8 {
        let mode = if self.quiet { Mode::None } else { self.progress };
        let front = ui::front(mode, screen());
        match verb(&front) {
            Ok(text) => {
                front.finish();
                let Some(text) = text else { return STOPPED };
                let written = print(&text).map_err(CliError::Stdout);
                written.map_or_else(|error| fail(front.as_ref(), &error), |()| DONE)
            }
            Err(error) => fail(front.as_ref(), &error),
        }
    }

    /// Does work with registries, cache and folders. None when it was interrupted.
    ///
    /// # Errors
    /// What the work fails with; a cache or network that cannot be set up.
    pub fn work<T, F>(&self, front: &Arc<dyn Front>, work: impl FnOnce(Io) -> F) -> Result<Option<T>, CliError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        let cache = Arc::new(DiskCache::new(self.cache_dir()?)?);
        let options = Options {
            insecure: self.insecure.clone(),
            credentials: Credentials::new(docker_config()),
            user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Options::default()
        };
        let workers = Workers::new().map_err(CliError::Start)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Start)?;
        // Work given up is not waited for, and finds its runtime until the process ends:
        // shutting that down makes it panic. Staged files that it leaves are swept later.
        let runtime = ManuallyDrop::new(runtime);
        let _entered = runtime.enter();
        let places = Places { registry: Registry::new(options, front.clone())?, progress: front.clone() };
        let jobs = usize::from(self.jobs.unwrap_or(8));
        let folders = Arc::new(LocalFolders::new(cache.clone()));
        let markets = Markets {
            cache: cache.clone(),
            folders: folders.clone(),
            progress: front.clone(),
            workers: workers.clone(),
            insecure: self.insecure.clone(),
            jobs,
        };
        let named = self.host_python.as_ref().map(std::path::absolute).transpose().map_err(CliError::Start)?;
        let compiler = HostPython::new(bytecode::Places::new(named, |name| std::env::var_os(name)), cache.clone());
        let io = Io {
            repositories: Arc::new(places),
            cache,
            folders,
            indexes: Arc::new(markets),
            compiler: Arc::new(compiler),
            progress: front.clone(),
            workers,
            jobs,
        };
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = work(io) => Some(outcome),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        Ok(outcome.transpose()?)
    }

    fn cache_dir(&self) -> Result<PathBuf, CliError> {
        match &self.cache_dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(etcetera::choose_base_strategy().map_err(|_| CliError::NoCache)?.cache_dir().join("carboy")),
        }
    }
}

fn fail(front: &dyn Front, error: &CliError) -> u8 {
    front.error(&error.lines(), &error.hints());
    error.code()
}

/// Writes to stdout. Whoever closed it does not want the text: the work is done all the same.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// docker's `config.json`: `$DOCKER_CONFIG`, else `~/.docker`.
fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(etcetera::home_dir().ok()?.join(".docker")))?;
    Some(folder.join("config.json"))
}

fn screen() -> Screen {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_terminal = io::stderr().is_terminal() && !dumb;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Screen { terminal: is_terminal, color: is_terminal && !no_color, width: width(&console::Term::stderr()) }
}

/// How wide texts for stdout may be.
pub fn stdout_width() -> usize {
    width(&console::Term::stdout())
}

/// How wide a chain may be: programs that filter lines want it whole.
pub fn chain_width() -> usize {
    if io::stdout().is_terminal() { stdout_width() } else { usize::MAX }
}

fn width(terminal: &console::Term) -> usize {
    terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns))
}
