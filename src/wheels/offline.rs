//! Wheels without the network: from the cache, by the files that earlier runs fetched.

use std::sync::Arc;

use super::Wheels;
use super::download::{self, KnownWheel};
use super::file_name::is_of;
use super::file_source::FileSource;
use super::no_matching_wheel::WheelQuery;
use super::{WheelError, WheelFile};
use crate::http::hosts::authority;
use crate::operation_error::OperationError;
use crate::python::lock::Hash;
use crate::python::wheel::{self, WheelName};

impl Wheels {
    /// Fails if no host may be asked. The error names the hosts that would be asked.
    ///
    /// # Errors
    /// The network is not used.
    pub(super) fn refuse_offline(&self, wanted: WheelQuery<'_>, sources: &[FileSource]) -> Result<(), WheelError> {
        let Some(setting) = self.settings.network_setting() else { return Ok(()) };
        let mut hosts: Vec<String> = Vec::new();
        for source in sources {
            let url = source.url();
            let host = authority(url);
            if url.scheme() != "file" && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let local = self.local_wheels_of(wanted.pinned);
        Err(wanted.offline(setting, &hosts, &local))
    }

    /// Returns the best wheel of a distribution that an earlier run fetched, for a lock file
    /// without names of files.
    pub(super) async fn fetched_before(
        &self,
        wanted: WheelQuery<'_>,
        hashes: &[Hash],
    ) -> Result<Option<WheelFile>, OperationError> {
        let (cache, name) = (Arc::clone(&self.cache), wanted.pinned.name.clone());
        let known = self.compute(move || download::known_wheels(&cache, &name)).await?;
        let named = known.into_iter().filter_map(|known| Some((WheelName::parse(&known.name)?, known)));
        let mut left: Vec<_> = named.filter(|(wheel, _)| is_of(wheel, wanted.pinned)).collect();
        while let Some(best) = wheel::best(left.iter().map(|(wheel, known)| (wheel.clone(), known)), wanted.target) {
            let best = best.clone();
            let (cache, wanted) = (Arc::clone(&self.cache), hashes.to_vec());
            let KnownWheel { name, digest } = best.clone();
            if let Some(found) = self.compute(move || download::cached_as(&cache, &name, &digest, &wanted)).await? {
                return Ok(Some(found));
            }
            left.retain(|(_, known)| *known != best);
        }
        Ok(None)
    }
}
