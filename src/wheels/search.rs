//! Searches the sources of a distribution's wheel, in order.

use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::Wheels;
use super::download::{self, FileRequest, FileUrl};
use super::file_hashes::{agree, known_by};
use super::file_name::{is_file_of, is_of, sdist};
use super::file_source::FileSource;
use super::from_sdist::{buildable, explained};
use super::login::shown;
use super::misses::Misses;
use super::no_matching_wheel::WheelQuery;
use super::page::IndexFile;
use super::sources::Index;
use crate::diagnostic::{Code, Diagnostic};
use crate::http::failure::one_line;
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::python::lock::{Hash, LockedFile, PackageOrigin, Pinned};
use crate::python::tags::Target;
use crate::python::wheel::{self, WheelName};
use crate::wheels::{WheelError, WheelFile};

impl Wheels {
    /// Returns the wheel of a distribution that fits best.
    ///
    /// # Errors
    /// The errors of `Wheels::wheel`.
    pub(super) async fn find(&self, wanted: WheelQuery<'_>) -> Result<WheelFile, WheelError> {
        if let Some(file) = self.local_wheels(wanted).await? {
            return Ok(file);
        }
        match &wanted.pinned.origin {
            PackageOrigin::Index { index, files, hashes } if files.is_empty() => {
                self.by_hash(wanted, index.as_deref(), hashes).await
            }
            PackageOrigin::Index { index, files, .. } => self.by_file_name(wanted, index.as_deref(), files).await,
            PackageOrigin::Url(file) => self.at_url(wanted, file).await,
            PackageOrigin::File { path, hashes } => self.at_path(wanted, path, hashes).await,
            PackageOrigin::Folder { path } => Err(wanted.folder(&path.display().to_string())),
            PackageOrigin::Git { url } => Err(wanted.git(url)),
        }
    }

    /// Returns one of the files that the lock file names.
    async fn by_file_name(
        &self,
        wanted: WheelQuery<'_>,
        index: Option<&str>,
        files: &[LockedFile],
    ) -> Result<WheelFile, WheelError> {
        let wheels = files.iter().filter_map(|file| Some((WheelName::parse(&file.name)?, file)));
        let own = wheels.filter(|(wheel, _)| is_of(wheel, wanted.pinned));
        let Some(file) = wheel::best(own, wanted.target) else {
            let locked = buildable(files.iter().map(|file| file.name.as_str()));
            let mut unmade = None;
            if let Some(sdist) = files.iter().find(|file| Some(file.name.as_str()) == locked) {
                match self.wheel_of_sdist(wanted, sdist, Box::pin(self.file(wanted, index, sdist))).await {
                    Ok(file) => return Ok(file),
                    Err(reason) => unmade = Some(reason),
                }
            }
            let (wheel, sdist) = self.suggestions(wanted, index).await;
            let names = files.iter().map(|file| file.name.as_str()).chain(sdist.as_deref());
            return Err(explained(wanted.unfit(names, wheel.as_deref()), unmade.as_ref()));
        };
        self.file(wanted, index, file).await
    }

    /// Returns the archive at a URL.
    async fn at_url(&self, wanted: WheelQuery<'_>, file: &LockedFile) -> Result<WheelFile, WheelError> {
        let sources = url_of(file)?.map(FileSource::Url).into_iter().collect();
        if fits(wanted, &file.name) {
            return self.fetch_first(wanted, file, sources).await;
        }
        let url = file.url.as_deref().and_then(|url| Url::parse(url).ok());
        let place = url.map_or_else(|| file.name.clone(), |url| shown(&url));
        let fetch = self.fetch_first(wanted, file, sources);
        self.of_archive(wanted, (file, &place), fetch).await
    }

    /// Returns the archive at a path beside the lock file.
    async fn at_path(&self, wanted: WheelQuery<'_>, path: &Path, hashes: &[Hash]) -> Result<WheelFile, WheelError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let need = FileRequest { name: &name, hashes, size: None };
        let place = self.settings.folder.join(path);
        let found = async { Ok(self.on_disk(&place, &need).await?) };
        if fits(wanted, &name) {
            return found.await;
        }
        let file = LockedFile { name: name.clone(), url: None, hashes: hashes.to_vec(), size: None };
        self.of_archive(wanted, (&file, &path.display().to_string()), found).await
    }

    /// Returns a file that the lock file names.
    async fn file(
        &self,
        wanted: WheelQuery<'_>,
        index: Option<&str>,
        file: &LockedFile,
    ) -> Result<WheelFile, WheelError> {
        let mut sources = self.configured_sources();
        let url = url_of(file)?;
        let pypi = self.pypi(index).filter(|_| url.is_none());
        sources.extend(url.filter(|url| !self.settings.no_index || url.scheme() == "file").map(FileSource::Url));
        sources.extend(self.further_sources(index)?);
        sources.extend(pypi);
        self.fetch_first(wanted, file, sources).await
    }

    async fn fetch_first(
        &self,
        wanted: WheelQuery<'_>,
        file: &LockedFile,
        sources: Vec<FileSource>,
    ) -> Result<WheelFile, WheelError> {
        let work = async {
            if self.settings.trusts_cache()
                && let Some(found) = self.cached(&file.name, &file.hashes).await?
            {
                return Ok(found);
            }
            if let Some(found) = self.by_file_url(file, &sources).await? {
                return Ok(found);
            }
            self.refuse_offline(wanted, &sources)?;
            let mut misses = Misses::of(wanted.pinned, &file.hashes);
            for source in &sources {
                if misses.end_before(source) {
                    continue;
                }
                match self.try_source(wanted.pinned, file, source, &mut misses).await {
                    Ok(found) => return Ok(found),
                    Err(error) => misses.add(error)?,
                }
            }
            Err(misses.error())
        };
        self.fetched.get(known_by(file), work).await
    }

    async fn try_source(
        &self,
        pinned: &Pinned,
        file: &LockedFile,
        source: &FileSource,
        misses: &mut Misses,
    ) -> Result<WheelFile, OperationError> {
        if let FileSource::Url(url) = source {
            let need = FileRequest { name: &file.name, hashes: &file.hashes, size: file.size };
            let index = self.index_of(url);
            return self.fetch(&need, FileUrl { url, index: index.as_ref() }).await;
        }
        let (page, index, name) = self.page(source, pinned).await?;
        misses.settle(index, &page);
        let absent = |what: String| OperationError::new(Code::NotFound, what);
        let listed = page.iter().filter(|listed| listed.name == file.name);
        let (same, others): (Vec<_>, Vec<_>) = listed.partition(|listed| agree(&listed.hashes, &file.hashes));
        match same.first() {
            Some(listed) => {
                self.warn_of_yanked(pinned, listed, &name);
                self.listed(listed, index, file).await
            }
            None if others.is_empty() => Err(absent(format!("{name} does not have {}", file.name))),
            None => Err(absent(format!("{name} has another {} than the one that is locked", file.name))),
        }
    }

    /// Returns a file that a page lists, verified with the lock file's hashes.
    pub(super) async fn listed(
        &self,
        listed: &IndexFile,
        index: Option<&Index>,
        file: &LockedFile,
    ) -> Result<WheelFile, OperationError> {
        let hashes = if file.hashes.is_empty() { &listed.hashes } else { &file.hashes };
        if !self.settings.trusts_cache()
            && let Some(found) = self.cached(&listed.name, hashes).await?
        {
            return Ok(found);
        }
        let need = FileRequest { name: &listed.name, hashes, size: file.size.or(listed.size) };
        self.fetch(&need, FileUrl { url: &listed.url, index }).await
    }

    /// Returns the best of an index's files of a version, for a lock file without names of files.
    async fn by_hash(
        &self,
        wanted: WheelQuery<'_>,
        index: Option<&str>,
        hashes: &[Hash],
    ) -> Result<WheelFile, WheelError> {
        let mut sources = self.configured_sources();
        sources.extend(self.further_sources(index)?);
        sources.extend(self.pypi(index));
        if self.settings.network_setting().is_some() {
            if self.settings.trusts_cache()
                && let Some(found) = self.fetched_before(wanted, hashes).await?
            {
                return Ok(found);
            }
            if let Some(found) = self.kept(wanted, hashes).await? {
                return Ok(found);
            }
            self.refuse_offline(wanted, &sources)?;
        }
        let mut misses = Misses::of(wanted.pinned, hashes);
        let mut names = Vec::new();
        for source in &sources {
            if misses.end_before(source) {
                continue;
            }
            match self.best_of(wanted, source, hashes, (&mut names, &mut misses)).await {
                Ok(Some(file)) => return Ok(file),
                Ok(None) => {}
                Err(error) => misses.add(error)?,
            }
        }
        if names.is_empty() || misses.fault.is_some() {
            return Err(misses.error());
        }
        Err(explained(wanted.unfit(names.iter().map(String::as_str), None), misses.unmade.as_ref()))
    }

    /// Returns none if a source has the version, but no wheel that fits: `names` then has its
    /// files.
    async fn best_of(
        &self,
        wanted: WheelQuery<'_>,
        source: &FileSource,
        hashes: &[Hash],
        (names, misses): (&mut Vec<String>, &mut Misses),
    ) -> Result<Option<WheelFile>, OperationError> {
        let (page, index, shown) = self.page(source, wanted.pinned).await?;
        misses.settle(index, &page);
        let locked = |listed: &&IndexFile| hashes.is_empty() || agree(&listed.hashes, hashes);
        let of_version: Vec<_> =
            page.iter().filter(|listed| is_file_of(&listed.name, wanted.pinned)).filter(locked).collect();
        if of_version.is_empty() {
            let what = if hashes.is_empty() { "" } else { " with a locked hash" };
            let message = format!("{shown} does not have it{what}");
            return Err(OperationError::new(Code::NotFound, message));
        }
        let files = of_version.iter().copied().filter(|listed| !listed.excludes(wanted.target));
        let Some(listed) = best_listed(files, wanted.target) else {
            let locked = buildable(of_version.iter().map(|listed| listed.name.as_str()));
            if let Some(sdist) = of_version.iter().find(|listed| Some(listed.name.as_str()) == locked) {
                match self.listed_sdist(wanted, sdist, index, hashes).await {
                    Ok(file) => return Ok(Some(file)),
                    Err(unmade) => misses.unmade = Some(unmade),
                }
            }
            // A wheel can be built from an sdist that is not locked, too.
            let sdists = page.iter().filter(|one| is_file_of(&one.name, wanted.pinned) && sdist(&one.name).is_some());
            names.extend(of_version.into_iter().chain(sdists).map(|listed| listed.name.clone()));
            misses.said.push(format!("{shown} has no wheel of it that fits"));
            return Ok(None);
        };
        self.warn_of_yanked(wanted.pinned, listed, &shown);
        // The index's hashes identify the locked file, if they are of the same kind.
        let both: Vec<_> = listed.hashes.iter().filter(|hash| hashes.contains(hash)).cloned().collect();
        let (hashes, known) = match (both.is_empty(), hashes.is_empty()) {
            (false, _) => (both, true),
            (true, true) => (listed.hashes.clone(), true),
            (true, false) => (hashes.to_vec(), false),
        };
        let (name, url) = (listed.name.clone(), Some(listed.url.to_string()));
        let file = LockedFile { name, url, hashes, size: listed.size };
        let work = async {
            let found = if known { self.cached(&file.name, &file.hashes).await? } else { None };
            match found {
                Some(found) => Ok(found),
                None => self.listed(listed, index, &file).await,
            }
        };
        self.fetched.get(known_by(&file), work).await.map(Some)
    }

    /// Returns the index's files of a version for which the lock file has no fitting wheel: a wheel
    /// that fits, and an sdist. Returns neither if the index does not answer.
    async fn suggestions(&self, wanted: WheelQuery<'_>, index: Option<&str>) -> (Option<String>, Option<String>) {
        if self.settings.network_setting().is_some() {
            return (None, None);
        }
        let mut sources = self.configured_sources();
        sources.extend(self.further_sources(index).unwrap_or_default());
        sources.extend(self.pypi(index));
        let Some(source) = sources.first() else { return (None, None) };
        let Ok((page, ..)) = self.page(source, wanted.pinned).await else { return (None, None) };
        let fine = page.iter().filter(|listed| !listed.excludes(wanted.target) && listed.yanked.is_none());
        let of_version: Vec<_> = fine.filter(|listed| is_file_of(&listed.name, wanted.pinned)).collect();
        let wheel = best_listed(of_version.iter().copied(), wanted.target).map(|listed| listed.name.clone());
        let sdist = of_version.iter().find(|listed| sdist(&listed.name).is_some()).map(|listed| listed.name.clone());
        (wheel, sdist)
    }

    /// Warns of a yanked file. The file is used: the lock file asks for this version.
    fn warn_of_yanked(&self, pinned: &Pinned, listed: &IndexFile, page: &str) {
        let Some(reason) = &listed.yanked else { return };
        let reason = one_line(reason);
        let why = if reason.is_empty() { String::new() } else { format!(" (reason: {reason})") };
        let text = format!("`{}` is yanked on {page}{why}", pinned.requirement());
        let warning = Diagnostic::warning(Code::LockFileDoubt, text).distribution(pinned.requirement());
        self.warn_once(warning.hint("lock a version that is not yanked".to_owned()));
    }

    /// Returns the files that a source lists, the index if the source is one, and its URL for
    /// messages.
    async fn page<'p>(
        &self,
        source: &'p FileSource,
        pinned: &Pinned,
    ) -> Result<(Arc<[IndexFile]>, Option<&'p Index>, String), OperationError> {
        let _permit = self.transfers.acquire().await;
        if let FileSource::Index(index) = source {
            expanded(index)?;
        }
        let (page, index, url) = match source {
            FileSource::Index(index) => {
                (self.pages.project(&self.index_client, index, &pinned.name).await?, Some(index), &index.url)
            }
            FileSource::Page(url) => (self.pages.links(&self.index_client, url).await?, None, url),
            // A URL lists nothing.
            FileSource::Url(url) => (None, None, url),
        };
        Ok((page.unwrap_or_default(), index, shown(url)))
    }

    /// Fetches a file; waits if too many transfers are running.
    async fn fetch(&self, need: &FileRequest<'_>, at: FileUrl<'_>) -> Result<WheelFile, OperationError> {
        let _permit = self.transfers.acquire().await;
        Box::pin(download::fetch(&self.index_client, &self.cache, &*self.progress, need, at)).await
    }

    pub(super) async fn cached(&self, name: &str, hashes: &[Hash]) -> Result<Option<WheelFile>, OperationError> {
        let (cache, of, wanted) = (Arc::clone(&self.cache), name.to_owned(), hashes.to_vec());
        let found = self.compute(move || download::cached(&cache, &of, &wanted)).await?;
        if found.is_some() {
            let subject = Subject::Wheel(Arc::from(name));
            self.progress.on(Event::Ended { verb: Verb::Pull, subject, outcome: Outcome::Present });
        }
        Ok(found)
    }

    /// Returns a local file that the lock file names by a `file` URL.
    async fn by_file_url(
        &self,
        file: &LockedFile,
        sources: &[FileSource],
    ) -> Result<Option<WheelFile>, OperationError> {
        let local = sources.iter().find_map(|source| match source {
            FileSource::Url(url) if url.scheme() == "file" => url.to_file_path().ok(),
            _ => None,
        });
        let Some(path) = local else { return Ok(None) };
        let need = FileRequest { name: &file.name, hashes: &file.hashes, size: file.size };
        self.on_disk(&path, &need).await.map(Some)
    }
}

/// Returns the best of an index's files. A yanked one is best only if no other fits.
fn best_listed<'l>(files: impl Iterator<Item = &'l IndexFile>, target: &Target) -> Option<&'l IndexFile> {
    let wheels = files.filter_map(|listed| Some((WheelName::parse(&listed.name)?, listed)));
    let (yanked, others): (Vec<_>, Vec<_>) = wheels.partition(|(_, listed)| listed.yanked.is_some());
    wheel::best(others, target).or_else(|| wheel::best(yanked, target))
}

/// Checks that an index's URL has no variables: a lock file chooses its host and path.
///
/// # Errors
/// The URL has a variable.
fn expanded(index: &Index) -> Result<(), OperationError> {
    let text = shown(&index.url).replace("%7B", "{").replace("%7D", "}");
    if !text.contains("${") {
        return Ok(());
    }
    let message = format!("{text} has a variable outside of its login, where it is not replaced");
    let hint = "configure the index: index = \"URL\" under [dependencies]".to_owned();
    Err(OperationError::new(Code::InvalidLockFile, message).with_hint(hint))
}

fn fits(wanted: WheelQuery<'_>, name: &str) -> bool {
    let wheel = WheelName::parse(name).filter(|wheel| is_of(wheel, wanted.pinned));
    wheel.is_some_and(|wheel| wheel.tags.iter().any(|tag| wanted.target.accepts(tag)))
}

/// Returns the URL that the lock file has for a file.
fn url_of(file: &LockedFile) -> Result<Option<Url>, OperationError> {
    let Some(text) = &file.url else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
    let mut url = url.ok_or_else(|| {
        OperationError::new(Code::InvalidLockFile, format!("the lock file's address of {} is not a URL", file.name))
    })?;
    url.set_fragment(None);
    Ok(Some(url))
}
