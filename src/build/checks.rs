//! What must hold of the whole image before anything of it is made.

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use crate::debian::os_release::OsRelease;
use crate::rootfs::Tree;

impl Work<'_> {
    /// Scanners match packages against the release's advisories: mixing two of them
    /// gives wrong answers, even where the libraries would run.
    pub(super) fn check_releases(&mut self) -> Result<(), BuildError> {
        let Some(builder) = self.inputs.builder.as_ref().filter(|_| !self.plan.allow_mixed) else { return Ok(()) };
        if let (Some(base), Some(of_builder)) = (self.release(&self.inputs.base.tree)?, self.release(&builder.tree)?)
            && base != of_builder
        {
            self.problems.push(Problem::Mixed {
                base_name: self.plan.base_name.clone(),
                base,
                builder_name: self.plan.builder_name.clone().unwrap_or_default(),
                builder: of_builder,
            });
        }
        Ok(())
    }

    fn release(&self, tree: &Tree) -> Result<Option<OsRelease>, BuildError> {
        let text = match self.text(tree, &root_path("etc/os-release"))? {
            Some(text) => Some(text),
            None => self.text(tree, &root_path("usr/lib/os-release"))?,
        };
        Ok(text.and_then(|text| OsRelease::parse(&text)))
    }
}
