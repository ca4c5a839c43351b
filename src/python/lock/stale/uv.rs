//! The requirements of the workspace's members in a `uv.lock`.
//!
//! Source: uv's `crates/uv-resolver/src/lock/mod.rs` (`PackageMetadata`, `satisfies`): uv locks
//! anew if `requires-dist` or `requires-dev` of a member are not those of its `pyproject.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::requirement_set::Wanted;
use crate::diagnostic::some_of;
use crate::python::lock::input::LockInput;
use crate::python::lock::urls;
use crate::python::normalised;

/// The most members of a workspace that are compared.
const MEMBERS: usize = 500;
/// The deepest group that groups include.
const DEEPEST: usize = 20;
/// The most requirements that a message names.
const NAMED: usize = 4;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    manifest: Manifest,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Source,
    metadata: Option<Metadata>,
    dependencies: Option<Value>,
}

#[derive(Deserialize)]
struct Source {
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    requires_dist: Vec<Value>,
    #[serde(default)]
    requires_dev: BTreeMap<String, Vec<Value>>,
}

/// A list of requirements: `dependencies`, an extra or a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum List {
    Dependencies,
    Extra(String),
    Group(String),
}

type Lists = BTreeMap<List, Vec<Wanted>>;

/// Returns the requirements that differ between a lock file and the members of its workspace.
pub(super) fn difference(input: &mut LockInput<'_>) -> Option<String> {
    let Lock { manifest, package } = toml::from_str(input.text).ok()?;
    let is_member = |package: &&Package| {
        let folder = package.source.folder();
        folder == Some(".") || folder.is_some() && manifest.members.contains(&package.name)
    };
    package.iter().filter(is_member).take(MEMBERS).find_map(|package| {
        let text = pyproject(input, package.source.folder()?)?;
        of_member(package, &toml::from_str(&text).ok()?)
    })
}

/// Returns the `pyproject.toml` of a member.
fn pyproject(input: &mut LockInput<'_>, folder: &str) -> Option<String> {
    if folder == "." {
        return input.project.map(str::to_owned);
    }
    let path = urls::joined(Path::new(""), folder).join("pyproject.toml");
    if input.policy.admit(&path).is_err() || !(input.is_file)(&path) {
        return None;
    }
    (input.read)(&path).ok()
}

impl Source {
    fn folder(&self) -> Option<&str> {
        self.editable.as_deref().or(self.r#virtual.as_deref()).or(self.directory.as_deref())
    }
}

fn of_member(package: &Package, project: &Table) -> Option<String> {
    let name = normalised(project.get("project")?.get("name")?.as_str()?);
    let metadata = match &package.metadata {
        Some(metadata) => metadata,
        None if package.dependencies.is_none() => &Metadata::default(),
        None => return None, // an old uv wrote no metadata
    };
    if name != package.name {
        return None; // reported by the reader of the lock file
    }
    let (declared, known) = declared(&name, project)?;
    let locked = locked(metadata)?;
    let lists: BTreeSet<_> = declared.keys().chain(locked.keys()).collect();
    let (mut lacking, mut gone) = (Vec::new(), Vec::new());
    for list in lists.into_iter().filter(|list| known.compares(list)) {
        let (own, others) = (declared.get(list), locked.get(list));
        let (own, others) = (own.map_or(&[][..], Vec::as_slice), others.map_or(&[][..], Vec::as_slice));
        let only = |these: &[Wanted], those: &[Wanted]| {
            let only = these.iter().filter(|one| !those.iter().any(|other| one.is_same(other)));
            only.map(|one| list.described(&one.shown())).collect::<Vec<_>>()
        };
        lacking.extend(only(own, others));
        gone.extend(only(others, own));
    }
    let lacks = (!lacking.is_empty()).then(|| format!("it lacks {}", some_of(&lacking, NAMED)));
    let has = (!gone.is_empty()).then(|| format!("it was made with {}", some_of(&gone, NAMED)));
    let all: Vec<_> = lacks.into_iter().chain(has).collect();
    (!all.is_empty()).then(|| format!("for `{name}`, {}", all.join(", and ")))
}

impl List {
    fn described(&self, requirement: &str) -> String {
        match self {
            Self::Dependencies => requirement.to_owned(),
            Self::Extra(name) => format!("{requirement} (extra {name})"),
            Self::Group(name) => format!("{requirement} (group {name})"),
        }
    }
}

/// The kinds of lists that a `pyproject.toml` states.
struct Known {
    dependencies: bool,
    extras: bool,
}

impl Known {
    fn compares(&self, list: &List) -> bool {
        match list {
            List::Dependencies => self.dependencies,
            List::Extra(_) => self.extras,
            List::Group(_) => true,
        }
    }
}

/// Returns the requirements in a `pyproject.toml`; `None` if one is not understood.
fn declared(name: &str, root: &Table) -> Option<(Lists, Known)> {
    let project = root.get("project")?;
    let dynamic = project.get("dynamic").and_then(Value::as_array);
    let is_dynamic = |key: &str| dynamic.into_iter().flatten().any(|field| field.as_str() == Some(key));
    let mut out = Lists::new();
    let own = project.get("dependencies").map_or(Some(Vec::new()), wanted)?;
    if own.iter().any(|one| one.name == name) {
        return None;
    }
    out.insert(List::Dependencies, own);
    let mut extras = !is_dynamic("optional-dependencies");
    for (extra, list) in project.get("optional-dependencies").and_then(Value::as_table).into_iter().flatten() {
        let list = wanted(list)?;
        // uv replaces an extra of the project itself by its requirements.
        extras &= !list.iter().any(|one| one.name == name);
        out.entry(List::Extra(normalised(extra))).or_default().extend(list);
    }
    let groups = root.get("dependency-groups").and_then(Value::as_table);
    for (group, _) in groups.into_iter().flatten() {
        let list = group_of(groups?, group, DEEPEST)?;
        out.entry(List::Group(normalised(group))).or_default().extend(list);
    }
    let dev = root.get("tool").and_then(|tool| tool.get("uv")?.get("dev-dependencies"));
    if let Some(list) = dev {
        out.entry(List::Group("dev".to_owned())).or_default().extend(wanted(list)?);
    }
    Some((out, Known { dependencies: !is_dynamic("dependencies"), extras }))
}

fn wanted(list: &Value) -> Option<Vec<Wanted>> {
    list.as_array()?.iter().map(|one| Wanted::parse(one.as_str()?)).collect()
}

/// Returns the requirements of a group and of the groups that it includes.
fn group_of(groups: &Table, name: &str, deepest: usize) -> Option<Vec<Wanted>> {
    let wanted = normalised(name);
    let (_, items) = groups.iter().find(|(other, _)| normalised(other) == wanted)?;
    let mut out = Vec::new();
    for item in items.as_array()? {
        match item {
            Value::String(text) => out.push(Wanted::parse(text)?),
            Value::Table(table) if table.len() == 1 => {
                let included = table.get("include-group")?.as_str()?;
                out.extend(group_of(groups, included, deepest.checked_sub(1)?)?);
            }
            _ => return None,
        }
        out.sort();
        out.dedup();
    }
    Some(out)
}

/// Returns the requirements in the metadata of a package; `None` if one is not understood.
fn locked(metadata: &Metadata) -> Option<Lists> {
    let mut out = Lists::new();
    for table in &metadata.requires_dist {
        let marker = table.get("marker").map_or(Some(""), Value::as_str)?;
        out.entry(list_of(marker)?).or_default().push(Wanted::locked(table)?);
    }
    for (group, tables) in &metadata.requires_dev {
        let list = tables.iter().map(Wanted::locked).collect::<Option<Vec<_>>>()?;
        out.entry(List::Group(normalised(group))).or_default().extend(list);
    }
    Some(out)
}

/// Returns the extra that a marker names; `None` for a marker with several.
fn list_of(marker: &str) -> Option<List> {
    const EXTRA: &str = "extra == '";
    let mentions = marker.matches("extra").count();
    match marker.split_once(EXTRA) {
        None if mentions == 0 => Some(List::Dependencies),
        Some((_, rest)) => {
            let (name, _) = rest.split_once('\'')?;
            let is_only = mentions == 1 + name.matches("extra").count();
            is_only.then(|| List::Extra(normalised(name)))
        }
        None => None,
    }
}
