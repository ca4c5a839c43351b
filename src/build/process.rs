//! The last layer and the process: the application's files, accounts, the user and
//! the program to start.

use super::application::{Application, root_path};
use super::error::BuildError;
use super::extract::{App, Work};
use crate::image::{EntrypointError, Process, process, resolve_program};
use crate::python::Interpreter;
use crate::rootfs::accounts::Accounts;
use crate::rootfs::{Entry, RootPath};

/// What distroless's `nonroot` is.
const NONROOT: &str = "65532:65532";

impl Work<'_> {
    pub(super) fn application(&mut self, interpreter: Option<&Interpreter>) -> Result<Process, BuildError> {
        let inputs = self.inputs;
        let plan = self.plan;
        let text = |name: &str| self.text(&self.image, &root_path(name)).map(Option::unwrap_or_default);
        let accounts = Accounts::new(text("etc/passwd")?, text("etc/group")?);
        let mut application = Application { work: self, accounts, files: Vec::new() };
        application.users(plan)?;
        match (&plan.app, &inputs.app) {
            (Some(app), Some(App::Files { walk, .. })) => application.app(app, walk, interpreter)?,
            (Some(_), Some(App::Wheel { installed, .. })) => application.installed(installed)?,
            _ => {}
        }
        application.copies(plan, &inputs.copies)?;
        application.directories(plan)?;
        let workdir = root_path(&plan.image.workdir);
        application.ensure(&workdir, &Entry::folder(0o755))?;
        let base_user = inputs.base.config.user().filter(|user| !matches!(*user, "0" | "root" | "0:0" | "root:root"));
        let user = plan.image.user.as_deref().or(base_user).unwrap_or(NONROOT);
        let ids = application.ids("image.user", user);
        let files = std::mem::take(&mut application.files);
        self.refresh_folders()?;
        self.application_libraries(files)?;
        let defaults: &[(&str, &str)] = match interpreter {
            Some(_) => &[("LANG", "C.UTF-8"), ("PYTHONUNBUFFERED", "1"), ("PYTHONFAULTHANDLER", "1")],
            None => &[],
        };
        let programs: Vec<_> = self.programs.iter().map(ToString::to_string).collect();
        let env = process::environment(&inputs.base.config.env(), defaults, &plan.image.env, &programs);
        let entrypoint = match self.entrypoint(&env, &workdir) {
            // A matter of how carboy is used, not of what is in the image.
            Err(cause @ BuildError::NoEntrypoint(_)) => return Err(cause),
            Err(cause) => {
                self.wrong(&cause);
                None
            }
            Ok(entrypoint) => entrypoint,
        };
        let settings = plan.image.clone();
        Ok(Process {
            entrypoint,
            cmd: settings.cmd,
            env,
            user: format!("{}:{}", ids.uid, ids.gid),
            workdir: settings.workdir,
            ports: settings.ports,
            volumes: settings.volumes,
            labels: settings.labels,
            stop_signal: settings.stop_signal,
        })
    }

    fn entrypoint(&self, env: &[String], workdir: &RootPath) -> Result<Option<Vec<String>>, BuildError> {
        let base = &self.inputs.base.config;
        let given = self.plan.image.entrypoint.clone();
        let Some(mut entrypoint) = given.or_else(|| self.inputs.app.as_ref()?.start()) else {
            let base_starts = base.entrypoint().is_some() || base.cmd().is_some() || self.plan.image.cmd.is_some();
            let own = self.inputs.app.as_ref().map(App::candidates).unwrap_or_default();
            return if base_starts && self.plan.runtime.is_none() {
                Ok(None)
            } else {
                Err(BuildError::NoEntrypoint(own))
            };
        };
        let error = |cause| BuildError::Entrypoint { platform: self.inputs.platform.clone(), cause };
        let program = entrypoint.first_mut().ok_or_else(|| error(EntrypointError::Empty))?;
        *program = resolve_program(&self.image, program, env, workdir).map_err(error)?.to_string();
        Ok(Some(entrypoint))
    }
}
