//! The last layer and the process: the application's files, accounts, the user and
//! the program to start.

use super::application::{Application, root_path};
use super::error::BuildError;
use super::extract::{App, Work};
use super::scratch;
use crate::image::{EntrypointError, Process, process, resolve_program};
use crate::python::Interpreter;
use crate::rootfs::accounts::{Accounts, User};
use crate::rootfs::{Entry, RootPath};

/// What distroless's `nonroot` is.
const NONROOT: &str = "65532:65532";

/// Whether a user as an image's configuration has it is root, of whatever group.
fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("0" | "root"))
}

/// The accounts that carboy adds where they are missing: its own user's, and on scratch
/// those that every system has.
fn added_accounts(work: &Work<'_>, has_python: bool, is_chosen: bool) -> Vec<User> {
    if work.is_scratch() {
        return scratch::accounts().into();
    }
    let has_accounts = work.image.follow(&root_path("etc/passwd")).is_some();
    (is_chosen && (has_python || has_accounts)).then(scratch::nonroot).into_iter().collect()
}

impl Work<'_> {
    pub(super) fn application(&mut self, interpreter: Option<&Interpreter>) -> Result<Process, BuildError> {
        let inputs = self.inputs;
        let plan = self.plan;
        let text = |name: &str| self.text(&self.image, &root_path(name)).map(Option::unwrap_or_default);
        let accounts = Accounts::new(text("etc/passwd")?, text("etc/group")?);
        let mut application = Application { work: self, accounts, files: Vec::new() };
        let base_user = inputs.base.config.user().filter(|user| !is_root(user));
        let is_chosen = plan.image.user.is_none() && base_user.is_none();
        application.users(plan, &added_accounts(application.work, interpreter.is_some(), is_chosen))?;
        match (&plan.app, &inputs.app) {
            (Some(app), Some(App::Files { walk, .. })) => application.app(app, walk, interpreter)?,
            (Some(_), Some(App::Wheel { installed, .. })) => application.installed(installed)?,
            _ => {}
        }
        application.copies(plan, &inputs.copies)?;
        application.directories(plan)?;
        let workdir = root_path(&plan.image.workdir);
        application.ensure(&workdir, &Entry::folder(0o755))?;
        let user = plan.image.user.as_deref().or(base_user).unwrap_or(NONROOT);
        let ids = application.ids("image.user", user);
        if interpreter.is_some() && plan.image.user.is_some() && !application.accounts.has(ids.uid) {
            application.work.warn(format!(
                "the image has no account for uid {0}, so getpass.getuser() and the home folder are not known: \
                 a [[user]] with uid = {0} adds it",
                ids.uid
            ));
        }
        application.volumes(plan, ids)?;
        application.base_volumes(plan, ids);
        let files = std::mem::take(&mut application.files);
        self.refresh_folders()?;
        self.application_libraries(files)?;
        let mut defaults = Vec::new();
        if interpreter.is_some() {
            defaults.extend([("LANG", "C.UTF-8"), ("PYTHONUNBUFFERED", "1"), ("PYTHONFAULTHANDLER", "1")]);
        }
        defaults.extend(self.certificates().map(|path| ("SSL_CERT_FILE", path)));
        let programs: Vec<_> = self.programs.iter().map(ToString::to_string).collect();
        let env = process::environment(&inputs.base.config.env(), &defaults, &plan.image.env, &programs);
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
