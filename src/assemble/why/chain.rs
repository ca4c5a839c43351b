//! The chain from a file to the reason that brought it into the image, as text.

use super::super::report::{Chain, Step};
use crate::compose::{Because, Reason, Reasons};
use crate::image::LayerKind;
use crate::rootfs::RootPath;

/// Describes the chain of a file. `layer_of` finds the layer of a file without a reason; none for
/// the base's files.
pub fn chain(
    reasons: &Reasons,
    path: &RootPath,
    naming: &Naming<'_>,
    layer_of: impl Fn(&RootPath) -> Option<LayerKind>,
) -> Chain {
    let chain = reasons.chain(path);
    let last = chain.last().unwrap_or(path);
    let end = match reasons.get(last) {
        None => layer_of(last).map_or("base", LayerKind::name).to_owned(),
        Some(Reason { layer, because }) => match because {
            Because::Extract(pattern) => format!("[[extract]] {pattern}"),
            Because::Dlopen => "runtime.dlopen".to_owned(),
            Because::RuntimeData(name) => format!("{}: {name}", layer.name()),
            Because::Record => format!("{}: carboy's record", layer.name()),
            _ => layer.name().to_owned(),
        },
    };
    let steps =
        chain.iter().map(|path| Step { path: path.to_string(), name: naming.short(path), owner: (naming.owner)(path) });
    Chain { steps: steps.collect(), end }
}

/// The names of files in a chain.
pub struct Naming<'a> {
    /// The distribution or package that owns a file, with its version.
    pub owner: &'a dyn Fn(&RootPath) -> Option<String>,
    pub purelib: Option<&'a RootPath>,
}

impl Naming<'_> {
    fn short(&self, path: &RootPath) -> String {
        if let Some(below) = self.purelib.and_then(|purelib| path.strip(purelib)) {
            return below.to_string().trim_start_matches('/').to_owned();
        }
        let name = path.name().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
        if name.contains(".so") { name } else { path.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    #[test]
    fn chains_lead_up_and_end() {
        let mut reasons = Reasons::default();
        let (libraries, dependencies) = (LayerKind::Libraries, LayerKind::Dependencies);
        reasons.note(path("usr/lib/libz.so.1"), libraries, Because::NeededBy(vec![path("site/numpy/_core.so")]));
        reasons.note(path("usr/lib/liba.so"), libraries, Because::NeededBy(vec![path("usr/lib/liba.so")]));
        reasons.note(path("site/numpy/_core.so"), dependencies, Because::Dependency);
        let owner = |path: &RootPath| path.as_bytes().starts_with(b"site").then(|| "numpy 2.3".to_owned());
        let naming = Naming { owner: &owner, purelib: Some(&path("site")) };
        let of = |name: &str| chain(&reasons, &path(name), &naming, |_| None);
        let libz = of("usr/lib/libz.so.1");
        let names: Vec<_> = libz.steps.iter().map(|step| (step.name.as_str(), step.owner.as_deref())).collect();
        assert_eq!(names, [("libz.so.1", None), ("numpy/_core.so", Some("numpy 2.3"))]);
        assert_eq!(libz.end, "dependencies");
        assert_eq!(of("usr/lib/liba.so").steps.len(), 1, "a library that needs itself");
        assert_eq!(of("etc/passwd").end, "base");
    }
}
