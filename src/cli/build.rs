//! `carboy build`.

use std::io::{IsTerminal as _, Write as _};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs};
use etcetera::BaseStrategy as _;

use super::error::CliError;
use super::folder::Folder;
use super::wiring::Places;
use super::{DONE, STOPPED};
use crate::build::{self, Io};
use crate::config::ConfigError;
use crate::hint::Hint as _;
use crate::plan::{Args, Plan};
use crate::progress::Event;
use crate::registry::{Credentials, Options, Registry};
use crate::source::LocalFolders;
use crate::store::DiskCache;
use crate::ui::{self, Front, Mode, Screen};

/// 1980-01-01T00:00:00Z, the earliest time that zip files can say.
const EPOCH: u64 = 315_532_800;

/// Flags of `carboy build`. They win over CARBOY_* variables, which win over the file.
#[derive(ClapArgs)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.")]
pub struct Flags {
    /// The project's folder
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the image goes: registry/repository[:tag] or oci:FOLDER[:NAME]
    #[arg(long, env = "CARBOY_TO", value_name = "TARGET")]
    to: Option<String>,
    /// One more tag to move; repeatable
    #[arg(long = "tag", env = "CARBOY_TAGS", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// Platforms, comma-separated or repeated [default: linux/amd64,linux/arm64]
    #[arg(long = "platform", env = "CARBOY_PLATFORMS", value_name = "OS/ARCH", value_delimiter = ',')]
    platforms: Vec<String>,
    /// Python's version, such as 3.13, which chooses base and builder; or false
    #[arg(long, env = "CARBOY_PYTHON", value_name = "VERSION")]
    python: Option<String>,
    /// The image to build on
    #[arg(long, env = "CARBOY_BASE", value_name = "IMAGE")]
    base: Option<String>,
    /// The image to take Python and libraries out of
    #[arg(long, env = "CARBOY_BUILDER", value_name = "IMAGE")]
    builder: Option<String>,
    /// The configuration [default: carboy.toml, or pyproject.toml's [tool.carboy]]
    #[arg(long, env = "CARBOY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A [profile.NAME] of the configuration, `debug` or `default`; repeatable
    #[arg(long = "profile", env = "CARBOY_PROFILES", value_name = "NAME", value_delimiter = ',')]
    profiles: Vec<String>,
    /// zstd or gzip [default: zstd]
    #[arg(long, env = "CARBOY_COMPRESSION", value_name = "KIND")]
    compression: Option<String>,
    /// How many transfers go on at once [default: 8]
    #[arg(long, env = "CARBOY_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Where pulled and made layers are kept [default: carboy in the user's cache folder]
    #[arg(long, env = "CARBOY_CACHE_DIR", value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
    /// A registry that may speak plain HTTP (loopback hosts may anyway); repeatable
    #[arg(long, env = "CARBOY_INSECURE", value_name = "HOST", value_delimiter = ',')]
    insecure: Vec<String>,
    /// Whether to push; false builds everything and publishes nothing
    #[arg(long, env = "CARBOY_PUSH", value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    push: bool,
    /// How progress is shown
    #[arg(long, env = "CARBOY_PROGRESS", value_name = "MODE", value_enum, default_value_t)]
    progress: Mode,
    /// Show nothing but errors
    #[arg(long, short, env = "CARBOY_QUIET")]
    quiet: bool,
    /// What the image starts, instead of the configuration's entrypoint
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs the verb; returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    let mode = if flags.quiet { Mode::None } else { flags.progress };
    let front = ui::front(mode, screen());
    match build(flags, &front) {
        Ok(code) => code,
        Err(error) => {
            front.error(&error.to_string(), error.hint().as_deref());
            error.code()
        }
    }
}

fn build(flags: &Flags, front: &Arc<dyn Front>) -> Result<u8, CliError> {
    let folder = Folder::read(flags.dir.as_deref(), flags.config.as_deref())?;
    let plans = plans(flags, &folder)?;
    if let Some(lock) = folder.lock.filter(|_| folder.file.dependencies.site_packages.is_none()) {
        let text = format!(
            "{lock} is not read yet: the image has no dependencies unless `dependencies.site-packages` names them"
        );
        front.on(Event::Warning(text));
    }
    let cache = Arc::new(DiskCache::new(cache_dir(flags)?)?);
    let options = Options {
        insecure: flags.insecure.clone(),
        credentials: Credentials::new(docker_config()),
        user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
        retries: 4,
        delay: Duration::from_millis(500),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Start)?;
    // Work given up is not waited for, and finds its runtime until the process ends:
    // shutting that down makes it panic. Staged files that it leaves are swept later.
    let runtime = ManuallyDrop::new(runtime);
    let _entered = runtime.enter();
    let places = Places { registry: Registry::new(options, front.clone())?, progress: front.clone() };
    let io = Io {
        repositories: Arc::new(places),
        cache: cache.clone(),
        folders: Arc::new(LocalFolders::new(cache)),
        progress: front.clone(),
        jobs: usize::from(flags.jobs.unwrap_or(8)),
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            reports = build::build(plans, io) => Some(reports),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    let Some(reports) = outcome else {
        front.finish();
        return Ok(STOPPED);
    };
    let reports = reports?;
    for report in &reports {
        front.summary(report);
    }
    let mut out = std::io::stdout().lock();
    for report in &reports {
        // Whoever closed stdout does not want the line; the image is pushed all the same.
        let _ = writeln!(out, "{}", report.reference);
    }
    Ok(DONE)
}

fn plans(flags: &Flags, folder: &Folder) -> Result<Vec<Plan>, CliError> {
    let args = Args {
        folder: folder.path.clone(),
        to: flags.to.clone(),
        tags: flags.tags.clone(),
        platforms: flags.platforms.clone(),
        python: flags.python.clone(),
        base: flags.base.clone(),
        builder: flags.builder.clone(),
        compression: flags.compression.clone(),
        entrypoint: (!flags.command.is_empty()).then(|| flags.command.clone()),
        push: flags.push,
        python_version: folder.python_version.clone(),
        requires_python: folder.requires_python.clone(),
        timestamp: timestamp()?,
    };
    if flags.profiles.is_empty() {
        return Ok(vec![Plan::new(&args, &folder.file, None)?]);
    }
    let one = |name: &String| {
        let named = Some(name.as_str()).filter(|name| *name != "default");
        match folder.file.with_profile(name) {
            Ok(file) => Ok(Plan::new(&args, &file, named)?),
            Err(ConfigError::NoProfile { .. }) if name == "debug" => Ok(Plan::new(&args, &folder.file, None)?.debug()?),
            Err(error) => Err(error.into()),
        }
    };
    flags.profiles.iter().map(one).collect()
}

fn timestamp() -> Result<u64, CliError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| CliError::Epoch(text)),
        _ => Ok(EPOCH),
    }
}

fn cache_dir(flags: &Flags) -> Result<PathBuf, CliError> {
    match &flags.cache_dir {
        Some(folder) => Ok(folder.clone()),
        None => Ok(etcetera::choose_base_strategy().map_err(|_| CliError::NoCache)?.cache_dir().join("carboy")),
    }
}

/// docker's `config.json`: `$DOCKER_CONFIG`, else `~/.docker`.
fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(etcetera::home_dir().ok()?.join(".docker")))?;
    Some(folder.join("config.json"))
}

fn screen() -> Screen {
    let terminal = console::Term::stderr();
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_terminal = std::io::stderr().is_terminal() && !dumb;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = terminal.size_checked().map_or(80, |(_, columns)| usize::from(columns));
    Screen { terminal: is_terminal, color: is_terminal && !no_color, width }
}
