//! Adds the targets of links, at the paths that the links have in the new image.
//!
//! A link's text is kept. Its target depends on the link's directory: `/bin/sh -> dash` is
//! `/usr/bin/dash` in a builder with merged `/usr`, and `/bin/dash` in an image with a separate
//! `/bin` directory.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::Result;
use super::draft::Draft;
use super::reasons::Because;
use super::source_image::SourceImageId;
use crate::image::LayerKind;
use crate::rootfs::{Kind, RootPath};

/// The most copies of one file for links: layers may be hostile.
const COPIES: usize = 8;

impl Draft<'_> {
    /// Adds the targets of the links among `added`, and of links among the targets. A dangling link
    /// of the source image stays dangling. Returns the added paths.
    pub(super) fn add_link_targets(
        &mut self,
        kind: LayerKind,
        source: SourceImageId,
        added: &[RootPath],
        because: &Because,
    ) -> Result<Vec<RootPath>> {
        let (mut open, mut out) = (added.to_vec(), Vec::new());
        let mut copies = BTreeMap::<RootPath, BTreeSet<RootPath>>::new();
        while let Some(at) = open.pop() {
            let Some((from, to)) = self.link_target(source, &at) else { continue };
            let made = copies.entry(from.clone()).or_default();
            if made.len() == COPIES || !made.insert(to.clone()) {
                continue;
            }
            let new = self.add_below(kind, (source, &from), &to, because)?;
            open.extend(new.iter().cloned());
            out.extend(new);
        }
        Ok(out)
    }

    /// Returns the target of a link that came from a source image: its path there, and in the new
    /// image.
    fn link_target(&self, source: SourceImageId, at: &RootPath) -> Option<(RootPath, RootPath)> {
        let (tree, origins) = (&self.image.tree, &self.image.origins[source]);
        let Kind::Link(_) = tree.get(at)?.kind else { return None };
        let source_tree = &self.cx.sources[source].tree;
        let from = source_tree.link_target(origins.get(at)?)?;
        let entry = source_tree.get(&from).filter(|entry| entry.kind != Kind::Special)?;
        let to = tree.link_target(at)?;
        let in_the_way = tree.is_folder(&to) && !entry.is_folder();
        (!in_the_way && origins.get(&to) != Some(&from)).then_some((from, to))
    }

    /// Adds an entry and all entries below it.
    fn add_below(
        &mut self,
        kind: LayerKind,
        (source, from): (SourceImageId, &RootPath),
        to: &RootPath,
        because: &Because,
    ) -> Result<Vec<RootPath>> {
        let tree = self.cx.sources[source].tree.as_ref();
        let below: Vec<_> = tree.below(from).map(|(path, _)| path.clone()).collect();
        let mut out = Vec::new();
        for path in std::iter::once(from.clone()).chain(below) {
            let at = to.join(&path.strip(from).unwrap_or_default());
            if tree.is_folder(&path) && self.is_folder(&at) {
                continue; // the image's own directories keep mode and owner
            }
            out.extend(self.put_from((source, &path), kind, &at, because.clone())?);
        }
        Ok(out)
    }
}
