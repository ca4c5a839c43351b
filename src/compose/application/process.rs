//! The process that the image starts: program, environment, user.

use super::inputs::Application;
use crate::compose::contents::root_path;
use crate::compose::draft::Draft;
use crate::compose::scratch;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::Hint as _;
use crate::image::{EntrypointError, Process, process, resolve_program};
use crate::python::entrypoint::EntrypointCandidates;
use crate::rootfs::RootPath;
use crate::rootfs::accounts::Ids;

impl Draft<'_> {
    /// Decides on the process. Reports an error if there is no entrypoint, or if it is not in the
    /// image.
    pub(super) fn decide_process(&mut self, app: Option<&Application>, user: Ids) {
        let cx = self.cx;
        let mut defaults = Vec::new();
        if cx.interpreter.is_some() {
            defaults.extend([("LANG", "C.UTF-8"), ("PYTHONUNBUFFERED", "1"), ("PYTHONFAULTHANDLER", "1")]);
        }
        defaults.extend(scratch::certificates(cx, &self.image.tree).map(|path| ("SSL_CERT_FILE", path)));
        let programs: Vec<_> = self.image.programs.iter().map(ToString::to_string).collect();
        let settings = cx.plan.image.clone();
        let env = process::environment(&cx.base_config.env(), &defaults, &settings.env, &programs);
        let entrypoint = self.entrypoint(app, &env);
        self.changes.facts.process = Some(Process {
            entrypoint,
            cmd: settings.cmd,
            env,
            user: format!("{}:{}", user.uid, user.gid),
            workdir: settings.workdir,
            ports: settings.ports,
            volumes: settings.volumes,
            labels: settings.labels,
            stop_signal: settings.stop_signal,
        });
    }

    /// Returns the entrypoint with the absolute path of its program; none if the base's is kept,
    /// or after an error.
    fn entrypoint(&mut self, app: Option<&Application>, env: &[String]) -> Option<Vec<String>> {
        let plan = &self.cx.plan;
        let given = plan.image.entrypoint.clone();
        let Some(mut entrypoint) = given.or_else(|| app?.start()) else {
            let base = &self.cx.base_config;
            let base_starts = base.entrypoint().is_some() || base.cmd().is_some() || plan.image.cmd.is_some();
            if !base_starts || plan.runtime.is_some() {
                self.error(no_entrypoint(&app.map(Application::candidates).unwrap_or_default()));
            }
            return None;
        };
        let workdir = root_path(&plan.image.workdir);
        let tree = &self.image.tree;
        let resolved = match entrypoint.first() {
            Some(program) => resolve_program(tree, program, env, &workdir).map(|path: RootPath| path.to_string()),
            None => Err(EntrypointError::Empty),
        };
        match resolved {
            Ok(program) => {
                entrypoint[0] = program;
                Some(entrypoint)
            }
            Err(error) => {
                self.error(Diagnostic::of(error.code(), &error).hint(error.hint()));
                None
            }
        }
    }
}

/// Makes the error of an image without an entrypoint.
pub fn no_entrypoint(EntrypointCandidates(found): &EntrypointCandidates) -> Diagnostic {
    let hint = if found.is_empty() {
        "put it after `--`, as in: carboy build … -- python -m shop, or set `entrypoint` under [image]".to_owned()
    } else {
        let found: Vec<_> = found.iter().map(|start| format!("`{}`", start.typed())).collect();
        format!("put one of these after `--`, or set `entrypoint` under [image]: {}", found.join(", "))
    };
    Diagnostic::error(Code::NoEntrypoint, "no entrypoint is set").hint(hint)
}
