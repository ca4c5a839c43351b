//! Checks that libraries define the symbol versions that the objects loading them need.

use std::collections::BTreeMap;

use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::compose::interpreter::release;
use crate::debian::releases::release_that_defines;
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::elf::{Edge, Mismatch, MismatchKind, versions};
use crate::rootfs::RootPath;

/// The most objects that a message names.
const LISTED: usize = 8;

/// Checks the symbol versions of all edges. A missing strong version is an error, any other
/// mismatch a warning.
///
/// # Errors
/// A release file that cannot be read.
pub fn check(composition: &Composition<'_>, edges: &[Edge]) -> Result<Vec<Diagnostic>> {
    let mut groups: BTreeMap<(RootPath, MismatchKind, Vec<u8>), Vec<Mismatch>> = BTreeMap::new();
    for one in versions::check(edges, |path| composition.object_at(path)) {
        let version = if one.kind == MismatchKind::Unversioned { Vec::new() } else { one.version.clone() };
        groups.entry((one.library.clone(), one.kind, version)).or_default().push(one);
    }
    let groups = groups.into_iter();
    groups.map(|((library, kind, version), group)| describe(composition, (&library, kind, &version), &group)).collect()
}

fn describe(
    composition: &Composition<'_>,
    (library, kind, version): (&RootPath, MismatchKind, &[u8]),
    group: &[Mismatch],
) -> Result<Diagnostic> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut objects: Vec<_> = group.iter().map(|one| one.object.to_string()).collect();
    objects.dedup();
    let (objects, version) = (some_of(&objects, LISTED), text(version));
    let warning = |message| Diagnostic::warning(Code::SymbolVersion, message).file(library);
    Ok(match kind {
        MismatchKind::Missing => {
            let newest = group[0].newest.as_deref().map(|newest| format!("versions up to {}", text(newest)));
            let defined = newest.unwrap_or_else(|| "no such version".to_owned());
            let soname = text(&group[0].soname);
            let message = format!("{version} of {soname} is needed by {objects}, but {library} defines {defined}");
            let error = Diagnostic::error(Code::SymbolVersion, message).file(library);
            error.hint(base_that_would_do(composition, group)?)
        }
        MismatchKind::Weak => {
            warning(format!("{library} does not define {version}, an optional requirement of {objects}"))
        }
        MismatchKind::Unversioned => warning(format!("{library} defines no symbol versions, needed by {objects}")),
    })
}

/// Suggests a base with libraries of the needed versions.
fn base_that_would_do(composition: &Composition<'_>, group: &[Mismatch]) -> Result<Option<String>> {
    let cx = composition.cx;
    let Some(builder) = cx.builder() else { return Ok(None) };
    let origins = &composition.image.origins[builder];
    let from_builder = |one: &Mismatch| origins.contains_key(&one.object);
    let release = match release(cx.contents.as_ref(), &cx.sources[builder].tree)? {
        Some(release) if group.iter().any(from_builder) && release.id == "debian" => release.version.parse().ok(),
        _ => group.iter().map(|one| release_that_defines(&one.version)).max().flatten(),
    };
    Ok(release.map(|release: u32| {
        let base = &cx.plan.base_name;
        let tag = base.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        let tag = tag.filter(|_| base.contains("distroless")).unwrap_or("nonroot");
        format!("use a base of Debian {release}: base = \"gcr.io/distroless/cc-debian{release}:{tag}\"")
    }))
}
