//! `carboy plan --files`: the local files that go into the image and those that stay behind, with
//! their rules. Pulls nothing.

use std::path::Path;
use std::sync::Arc;

use super::context::{Context, Io};
use super::error::BuildError;
use super::local_files::{by_project, copies, own_wheels, walk_application};
use super::report::{FileList, ListedFile};
use crate::compose::CopiedFiles;
use crate::plan::{Plan, join};
use crate::rootfs::{LocalKind, RootPath, Walk};

/// The reason for a file that a table `[[copy]]` names.
const COPY: &str = "[[copy]]";
/// The reason for the wheels of the project and of members of its workspace.
const WHEEL: &str = "[app] wheel";

/// Lists the local files of all plans: those of the application and of copies.
///
/// # Errors
/// A directory or file that cannot be read; links that lead out.
pub async fn files(plans: Vec<Plan>, io: Io) -> Result<Vec<FileList>, BuildError> {
    Context::over(plans, io, |cx, plans| async move {
        let mut out = Vec::new();
        for plan in plans {
            out.push(of_plan(&cx, &plan).await?);
        }
        Ok(out)
    })
    .await
}

async fn of_plan(cx: &Arc<Context>, plan: &Arc<Plan>) -> Result<FileList, BuildError> {
    let mut list = FileList { profile: plan.profile.clone(), ..FileList::default() };
    if let Some(app) = &plan.app {
        let (own, members) = match &app.wheel {
            Some(pattern) => by_project(plan, app, own_wheels(cx, app, pattern).await?),
            None => (Vec::new(), Vec::new()),
        };
        list.included.extend(own.iter().chain(&members).map(|wheel| ListedFile {
            path: wheel.path.display().to_string(),
            to: None,
            size: wheel.size,
            reason: Some(WHEEL.to_owned()),
        }));
        // Wheels of other members do not replace the application's files.
        if own.is_empty() {
            add(&mut list, &app.source, &app.to, &walk_application(cx, plan, app).await?, None);
        }
    }
    for (copy, copied) in plan.copies.iter().zip(copies(cx, plan).await?) {
        match copied {
            CopiedFiles::Directory(walk) => add(&mut list, &copy.from, &copy.to, &walk, Some(COPY)),
            CopiedFiles::File(file) => list.included.push(ListedFile {
                path: copy.from.display().to_string(),
                to: Some(copy.to.to_string()),
                size: file.size,
                reason: Some(COPY.to_owned()),
            }),
        }
    }
    Ok(list)
}

/// Adds the files of a directory.
fn add(list: &mut FileList, folder: &Path, to: &RootPath, walk: &Walk, reason: Option<&str>) {
    for entry in &walk.entries {
        let size = match &entry.kind {
            LocalKind::Folder => continue,
            LocalKind::Link(_) => 0,
            LocalKind::File(file) => file.size,
        };
        let name = String::from_utf8_lossy(&entry.path);
        let kept = walk.kept.get(&entry.path).map(|kept| kept.name());
        list.included.push(ListedFile {
            path: join(folder, Path::new(name.as_ref())).display().to_string(),
            to: Some(format!("{}/{name}", to.to_string().trim_end_matches('/'))),
            size,
            reason: kept.or(reason).map(str::to_owned),
        });
    }
    list.left_out.add(folder, walk.left_out.clone());
}
