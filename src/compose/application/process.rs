//! The process that the image starts: program, environment, user.

use super::inputs::Application;
use crate::compose::contents::root_path;
use crate::compose::draft::Draft;
use crate::compose::scratch;
use crate::diagnostic::{Code, Detail, Diagnostic};
use crate::hint::Hint as _;
use crate::image::{EntrypointError, Process, process, resolve_program};
use crate::python::entrypoint::{EntrypointCandidates, Start};
use crate::rootfs::RootPath;
use crate::rootfs::accounts::Ids;

/// The command of an image.
struct Command {
    entrypoint: Vec<String>,
    cmd: Option<Vec<String>>,
    origin: String,
}

impl Draft<'_> {
    /// Returns the working directory of the image.
    pub(super) fn workdir(&self, app: Option<&Application>) -> String {
        let (plan, found) = (&self.cx.plan, self.found(app));
        match (&plan.app, found.filter(|found| !found.folder.is_empty() && plan.image.default_workdir)) {
            (Some(app), Some(found)) => app.to.join(&root_path(&found.folder)).to_string(),
            _ => plan.image.workdir.clone(),
        }
    }

    /// Returns the command of the application, unless the plan names one.
    fn found<'a>(&self, app: Option<&'a Application>) -> Option<&'a Start> {
        let image = &self.cx.plan.image;
        let found = app.filter(|_| image.entrypoint.is_none())?.start().ok();
        // The configuration's `cmd` replaces a found command, but is an argument of a found program.
        found.filter(|found| image.cmd.is_none() || !found.entrypoint.is_empty())
    }

    /// Decides on the process. Reports an error if there is no entrypoint, or if it is not in the
    /// image.
    pub(super) fn decide_process(&mut self, app: Option<&Application>, user: Ids) {
        let cx = self.cx;
        let found = self.found(app);
        let mut defaults = Vec::new();
        if cx.interpreter.is_some() {
            defaults.extend([("LANG", "C.UTF-8"), ("PYTHONUNBUFFERED", "1"), ("PYTHONFAULTHANDLER", "1")]);
        }
        defaults.extend(scratch::certificates(cx, &self.image.tree).map(|path| ("SSL_CERT_FILE", path)));
        let variables = found.iter().flat_map(|found| &found.env);
        defaults.extend(variables.map(|(name, value)| (name.as_str(), value.as_str())));
        let programs: Vec<_> = self.image.programs.iter().map(ToString::to_string).collect();
        let settings = cx.plan.image.clone();
        let mut own = found.map(|found| found.file_env.clone()).unwrap_or_default();
        let mut command_env: Vec<_> = own.keys().cloned().collect();
        command_env.retain(|name| !settings.env.contains_key(name));
        own.extend(settings.env);
        let env = process::environment(&cx.base_config.env(), &defaults, &own, &programs);
        let mut ports = settings.ports;
        if ports.is_empty() {
            ports.extend(found.and_then(|found| port(found, &env)).map(|port| format!("{port}/tcp")));
        }
        let workdir = self.workdir(app);
        let command = self.command(app).and_then(|command| self.resolved(command, &env, &workdir));
        let (entrypoint, cmd, origin) = match command {
            Some(Command { entrypoint, cmd, origin }) => (Some(entrypoint), cmd, Some(origin)),
            None => (None, settings.cmd, None),
        };
        self.changes.facts.command_origin = origin;
        self.changes.facts.command_env = command_env;
        self.changes.facts.process = Some(Process {
            entrypoint,
            cmd,
            env,
            user: format!("{}:{}", user.uid, user.gid),
            workdir,
            ports,
            volumes: settings.volumes,
            labels: settings.labels,
            stop_signal: settings.stop_signal,
        });
    }

    /// Returns the command of the plan or of the application; none if the base's is kept, or after
    /// an error.
    fn command(&mut self, app: Option<&Application>) -> Option<Command> {
        let plan = &self.cx.plan;
        let image = &plan.image;
        let by = if image.by_command_line { "the command line" } else { "entrypoint under [image]" };
        let named = image.entrypoint.clone();
        if let Some(entrypoint) = named {
            return Some(Command { entrypoint, cmd: image.cmd.clone(), origin: by.to_owned() });
        }
        if let Some(found) = self.found(app) {
            let own = (!found.cmd.is_empty()).then(|| found.cmd.clone());
            let cmd = image.cmd.clone().or(own);
            return Some(Command { entrypoint: found.entrypoint.clone(), cmd, origin: found.origin.clone() });
        }
        if plan.runtime.is_none() {
            let base = &self.cx.base_config;
            if base.entrypoint().is_none() && base.cmd().is_none() && image.cmd.is_none() {
                self.error(no_entrypoint(&EntrypointCandidates::default()));
            }
            return None;
        }
        if let Some(cmd) = image.cmd.clone() {
            let origin = "cmd under [image]".to_owned();
            return Some(Command { entrypoint: Vec::new(), cmd: Some(cmd), origin });
        }
        let candidates = app.and_then(|app| app.start().err().cloned());
        self.error(no_entrypoint(&candidates.unwrap_or_default()));
        None
    }

    /// Returns a command with the absolute path of its program; none after an error.
    fn resolved(&mut self, mut command: Command, env: &[String], workdir: &str) -> Option<Command> {
        let workdir = root_path(workdir);
        let words = if command.entrypoint.is_empty() { command.cmd.as_mut() } else { Some(&mut command.entrypoint) };
        let program = words.and_then(|words| words.first_mut());
        let tree = &self.image.tree;
        let resolved = match &program {
            Some(program) => resolve_program(tree, program, env, &workdir).map(|path: RootPath| path.to_string()),
            None => Err(EntrypointError::Empty),
        };
        match (resolved, program) {
            (Ok(path), Some(program)) => {
                *program = path;
                Some(command)
            }
            (Ok(_), None) => None,
            (Err(error), _) => {
                self.error(Diagnostic::of(error.code(), &error).hint(error.hint()));
                None
            }
        }
    }
}

/// Returns the port that a command listens on with the variables of the image.
fn port(found: &Start, env: &[String]) -> Option<u16> {
    let is_port = |name: &str| name == "PORT" || name.ends_with("_PORT");
    let variable = found.env.iter().map(|(name, _)| name).find(|name| is_port(name));
    let value = variable.and_then(|variable| {
        env.iter().find_map(|line| line.strip_prefix(variable.as_str())?.strip_prefix('=')?.parse().ok())
    });
    value.or(found.port)
}

/// Makes the error of an image without an entrypoint.
pub fn no_entrypoint(EntrypointCandidates(found): &EntrypointCandidates) -> Diagnostic {
    if found.is_empty() {
        let hint = "put the command after `--`, as in: carboy build -- python -m shop, or set `entrypoint` under \
                    [image], as in: entrypoint = [\"python\", \"-m\", \"shop\"]";
        return Diagnostic::error(Code::NoEntrypoint, "no entrypoint is set").hint(hint.to_owned());
    }
    let mut lines: Vec<_> = found.iter().map(Start::line).collect();
    lines.dedup();
    let needed = found.iter().find_map(|start| start.needs.as_ref());
    let hint = needed.map(|needed| format!("add `{needed}` to the dependencies if it has to serve the application"));
    let head = "put one of these lines under [image] in carboy.toml, or its words after `--`".to_owned();
    Diagnostic::error(Code::NoEntrypoint, "no entrypoint is set").hint(hint).detail(Detail::Lines { head, lines })
}
