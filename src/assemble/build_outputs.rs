//! Reads the settings of a Django project, and warns of files that a step before the build makes and
//! that the image does not get.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::error::BuildError;
use crate::compose::{Contents as _, missing_build_outputs};
use crate::plan::{App, Plan};
use crate::python::django::{Settings, settings_module};
use crate::rootfs::{Content, LocalFile, LocalKind, Walk};

/// The most bytes of a module of settings.
const LIMIT: u64 = 256 << 10;
/// The most files called `manage.py` that are read.
const MOST: usize = 8;

/// Warns of missing build outputs of a Django project.
///
/// # Errors
/// Work that panicked.
pub async fn warn_of_missing(cx: &Arc<Context>, plan: &Plan, app: &App, walk: &Arc<Walk>) -> Result<(), BuildError> {
    let is_manage = |name: &&str| *name == "manage.py" || name.ends_with("/manage.py");
    if plan.runtime.is_none() || !walk.file_names().any(|name| is_manage(&name)) {
        return Ok(());
    }
    let (shared, plan, app, walk) = (cx.clone(), plan.clone(), app.clone(), walk.clone());
    let found = cx
        .blocking(move || {
            let mut names: Vec<_> = walk.file_names().filter(is_manage).collect();
            names.sort_by_key(|name| (name.matches('/').count(), *name));
            let files = Files::of(&shared, &walk);
            let settings =
                names.into_iter().take(MOST).find_map(|name| Some((name, settings(&files, &plan, &app, name)?)));
            settings.map(|(name, settings)| missing_build_outputs(&plan, &app, &walk, name, &settings))
        })
        .await?;
    found.into_iter().flatten().for_each(|warning| cx.warn(warning));
    Ok(())
}

/// Reads the settings that a `manage.py` or the image's environment names.
fn settings(files: &Files<'_>, plan: &Plan, app: &App, manage: &str) -> Option<Settings> {
    let named = plan.image.env.get("DJANGO_SETTINGS_MODULE").cloned();
    let module = settings_module(&files.text(manage)?)?;
    let module = named.unwrap_or(module);
    let folder = manage.rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let root = format!("{}/{folder}", app.to.to_string().trim_end_matches('/'));
    Settings::read(&module, root.trim_end_matches('/'), &plan.image.workdir, &|name| files.text(&below(name)))
}

/// The files of a walk, by name.
struct Files<'a> {
    cx: &'a Context,
    files: BTreeMap<&'a [u8], &'a LocalFile>,
}

impl<'a> Files<'a> {
    fn of(cx: &'a Context, walk: &'a Walk) -> Self {
        let files = walk.entries.iter().filter_map(|entry| match &entry.kind {
            LocalKind::File(file) => Some((entry.path.as_slice(), file)),
            _ => None,
        });
        Self { cx, files: files.collect() }
    }

    /// Returns the text of a file; none for one that is too large or cannot be read.
    fn text(&self, name: &str) -> Option<String> {
        let file = self.files.get(name.as_bytes()).filter(|file| file.size <= LIMIT)?;
        let content = Content::Local(Arc::new(LocalFile::clone(file)));
        String::from_utf8(self.cx.tars.read(&content, LIMIT).ok()?).ok()
    }
}
