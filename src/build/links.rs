//! What links lead to comes along, to where they lead in the finished image.
//!
//! A link's text is kept. Where it leads depends on the folder that it is put in:
//! `/bin/sh -> dash` is `/usr/bin/dash` in a builder with merged usr, and `/bin/dash`
//! in an image whose `/bin` is a folder of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use crate::progress::LayerKind;
use crate::rootfs::{Kind, RootPath};

/// At most so many copies of one file are made for links: layers may be hostile.
const COPIES: usize = 8;

impl Work<'_> {
    /// Adds what the links among `added` lead to, with what those lead to in turn. A
    /// link that leads nowhere in the donor is left so. Returns what was added.
    pub(super) fn add_targets(
        &mut self,
        kind: LayerKind,
        donor: DonorId,
        added: &[RootPath],
        because: &Because,
    ) -> Result<Vec<RootPath>, BuildError> {
        let (mut open, mut out) = (added.to_vec(), Vec::new());
        let mut copies = BTreeMap::<RootPath, BTreeSet<RootPath>>::new();
        while let Some(at) = open.pop() {
            let Some((from, to)) = self.target(donor, &at) else { continue };
            let places = copies.entry(from.clone()).or_default();
            if places.len() == COPIES || !places.insert(to.clone()) {
                continue;
            }
            let new = self.add_at(kind, donor, &from, &to, because)?;
            open.extend(new.iter().cloned());
            out.extend(new);
        }
        Ok(out)
    }

    /// Where a link that came from the donor leads: there, and in the image.
    fn target(&self, donor: DonorId, at: &RootPath) -> Option<(RootPath, RootPath)> {
        let Kind::Link(_) = self.image.get(at)?.kind else { return None };
        let donor = &self.donors[donor];
        let from = donor.image.tree.link_target(donor.origins.get(at)?)?;
        let entry = donor.image.tree.get(&from).filter(|entry| entry.kind != Kind::Special)?;
        let to = self.image.link_target(at)?;
        let in_the_way = self.image.is_folder(&to) && !entry.is_folder();
        (!in_the_way && donor.origins.get(&to) != Some(&from)).then_some((from, to))
    }

    /// Adds an entry with everything below it.
    fn add_at(
        &mut self,
        kind: LayerKind,
        donor: DonorId,
        from: &RootPath,
        to: &RootPath,
        because: &Because,
    ) -> Result<Vec<RootPath>, BuildError> {
        let tree = &self.donors[donor].image.tree;
        let below: Vec<_> = tree.below(from).map(|(path, _)| path.clone()).collect();
        let mut out = Vec::new();
        for path in std::iter::once(from.clone()).chain(below) {
            let at = to.join(&path.strip(from).unwrap_or_default());
            let is_folder = self.donors[donor].image.tree.is_folder(&path);
            if is_folder && self.image.resolve(&at).is_ok_and(|real| self.image.is_folder(&real)) {
                continue; // the image's own folders keep mode and owner
            }
            out.extend(self.put_from(donor, &path, kind, &at, because.clone())?);
        }
        Ok(out)
    }
}
