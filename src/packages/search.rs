//! Where a distribution's wheel is looked for, in which order.

use std::sync::Arc;

use url::Url;

use super::Wheels;
use super::credentials::shown;
use super::download::{self, At, Need};
use super::hashing::{Written, agree};
use super::lacking::{Wanted, absent};
use super::links::Listed;
use super::names::{is_file_of, is_of};
use super::settings::{Index, Links};
use crate::http::failure::other;
use crate::ports::{NoWheel, PortError, PortErrorKind, WheelFile};
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::python::lock::{Hash, LockedFile, Origin, Pinned};
use crate::python::wheel::{self, WheelName};

/// Asked when nobody names an index.
const PYPI: &str = "https://pypi.org/simple";

/// Somewhere to look for a file.
enum Place {
    Index(Index),
    /// A page of links.
    Page(Url),
    Url(Url),
}

/// What places answered that do not have a file.
#[derive(Default)]
struct Misses {
    said: Vec<String>,
    refusal: Option<PortError>,
}

impl Wheels {
    /// The wheel of a distribution that fits best.
    ///
    /// # Errors
    /// As `Packages::wheel`.
    pub(super) async fn find(&self, wanted: Wanted<'_>) -> Result<WheelFile, NoWheel> {
        if let Some(file) = self.housed(wanted).await? {
            return Ok(file);
        }
        match &wanted.pinned.origin {
            Origin::Index { index, files, hashes } if files.is_empty() => {
                self.unnamed(wanted, index.as_deref(), hashes).await
            }
            Origin::Index { index, files, .. } => self.named(wanted, index.as_deref(), files).await,
            Origin::Url(file) => self.at_url(wanted, file).await,
            Origin::File { path, hashes } => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if !fits(wanted, &name) {
                    return Err(wanted.archive(&name, &path.display().to_string()));
                }
                let need = Need { name: &name, hashes, size: None };
                Ok(self.on_disk(&self.settings.folder.join(path), &need).await?)
            }
            Origin::Folder { path } => Err(wanted.folder(&path.display().to_string())),
            Origin::Git { url } => Err(wanted.git(url)),
        }
    }

    /// One of the files that the lock file names.
    async fn named(&self, wanted: Wanted<'_>, index: Option<&str>, files: &[LockedFile]) -> Result<WheelFile, NoWheel> {
        let wheels = files.iter().filter_map(|file| Some((WheelName::parse(&file.name)?, file)));
        let own = wheels.filter(|(wheel, _)| is_of(wheel, wanted.pinned));
        let Some(file) = wheel::best(own, wanted.target) else {
            let elsewhere = self.elsewhere(wanted, index).await;
            return Err(wanted.unfit(files.iter().map(|file| file.name.as_str()), elsewhere.as_deref()));
        };
        self.file(wanted, index, file).await
    }

    /// The archive at a URL.
    async fn at_url(&self, wanted: Wanted<'_>, file: &LockedFile) -> Result<WheelFile, NoWheel> {
        if !fits(wanted, &file.name) {
            let url = file.url.as_deref().and_then(|url| Url::parse(url).ok());
            return Err(wanted.archive(&file.name, &url.map_or_else(|| file.name.clone(), |url| shown(&url))));
        }
        self.sought(wanted, file, url_of(file)?.map(Place::Url).into_iter().collect()).await
    }

    /// A file that the lock file names.
    async fn file(&self, wanted: Wanted<'_>, index: Option<&str>, file: &LockedFile) -> Result<WheelFile, NoWheel> {
        let mut places = self.configured_places();
        places.extend(url_of(file)?.filter(|url| !self.settings.no_index || url.scheme() == "file").map(Place::Url));
        places.extend(self.further_places(index)?);
        self.sought(wanted, file, places).await
    }

    async fn sought(&self, wanted: Wanted<'_>, file: &LockedFile, places: Vec<Place>) -> Result<WheelFile, NoWheel> {
        let work = async {
            if let Some(found) = self.cached(&file.name, &file.hashes)? {
                return Ok(found);
            }
            if let Some(found) = self.by_file_url(file, &places).await? {
                return Ok(found);
            }
            if let Some(why) = self.settings.offline() {
                return Err(wanted.offline(why));
            }
            let mut misses = Misses::default();
            for place in &places {
                match self.try_place(wanted.pinned, file, place).await {
                    Ok(found) => return Ok(found),
                    Err(error) => misses.add(error, self.is_given_up(place))?,
                }
            }
            Err(misses.error())
        };
        self.fetched.get(known_by(file), work).await
    }

    async fn try_place(&self, pinned: &Pinned, file: &LockedFile, place: &Place) -> Result<WheelFile, PortError> {
        if let Place::Url(url) = place {
            let need = Need { name: &file.name, hashes: &file.hashes, size: file.size };
            let index = self.index_of(url);
            return self.fetch(&need, At { url, index: index.as_ref() }).await;
        }
        let (page, index, name) = self.page(place, pinned).await?;
        let absent = |what: String| PortError { kind: PortErrorKind::NotFound, message: what, hint: None };
        let listed = page.iter().filter(|listed| listed.name == file.name);
        let (same, others): (Vec<_>, Vec<_>) = listed.partition(|listed| agree(&listed.hashes, &file.hashes));
        match same.first() {
            Some(listed) => self.listed(listed, index, file).await,
            None if others.is_empty() => Err(absent(format!("{name} does not have {}", file.name))),
            None => Err(absent(format!("{name} has another {} than the one that is locked", file.name))),
        }
    }

    /// A file that a page lists, held to what the lock file says of it.
    async fn listed(&self, listed: &Listed, index: Option<&Index>, file: &LockedFile) -> Result<WheelFile, PortError> {
        let hashes = if file.hashes.is_empty() { &listed.hashes } else { &file.hashes };
        let need = Need { name: &listed.name, hashes, size: file.size.or(listed.size) };
        self.fetch(&need, At { url: &listed.url, index }).await
    }

    /// The best of the files that an index has of a version, where the lock file has
    /// no names.
    async fn unnamed(&self, wanted: Wanted<'_>, index: Option<&str>, hashes: &[Hash]) -> Result<WheelFile, NoWheel> {
        if let Some(why) = self.settings.offline() {
            return Err(wanted.offline(why));
        }
        let mut places = self.configured_places();
        places.extend(self.further_places(index)?);
        let mut misses = Misses::default();
        let mut names = Vec::new();
        for place in &places {
            match self.best_of(wanted, place, hashes, &mut names).await {
                Ok(Some(file)) => return Ok(file),
                Ok(None) => {}
                Err(error) => misses.add(error, self.is_given_up(place))?,
            }
        }
        if names.is_empty() { Err(misses.error()) } else { Err(wanted.unfit(names.iter().map(String::as_str), None)) }
    }

    /// None when a place has the version, and no wheel of it that fits: `names` has
    /// what there is.
    async fn best_of(
        &self,
        wanted: Wanted<'_>,
        place: &Place,
        hashes: &[Hash],
        names: &mut Vec<String>,
    ) -> Result<Option<WheelFile>, PortError> {
        let (page, index, shown) = self.page(place, wanted.pinned).await?;
        let locked = |listed: &&Listed| hashes.is_empty() || agree(&listed.hashes, hashes);
        let of_version: Vec<_> =
            page.iter().filter(|listed| is_file_of(&listed.name, wanted.pinned)).filter(locked).collect();
        if of_version.is_empty() {
            let what = if hashes.is_empty() { "" } else { " with a locked hash" };
            let message = format!("{shown} does not have it{what}");
            return Err(PortError { kind: PortErrorKind::NotFound, message, hint: None });
        }
        let wheels = of_version.iter().filter(|listed| !listed.excludes(wanted.target));
        let wheels = wheels.filter_map(|listed| Some((WheelName::parse(&listed.name)?, *listed)));
        let Some(listed) = wheel::best(wheels, wanted.target) else {
            names.extend(of_version.iter().map(|listed| listed.name.clone()));
            return Ok(None);
        };
        // The index's hashes tell which of the locked files this is, if they can.
        let both: Vec<_> = listed.hashes.iter().filter(|hash| hashes.contains(hash)).cloned().collect();
        let (hashes, known) = match (both.is_empty(), hashes.is_empty()) {
            (false, _) => (both, true),
            (true, true) => (listed.hashes.clone(), true),
            (true, false) => (hashes.to_vec(), false),
        };
        let (name, url) = (listed.name.clone(), Some(listed.url.to_string()));
        let file = LockedFile { name, url, hashes, size: listed.size };
        let work = async {
            let found = if known { self.cached(&file.name, &file.hashes)? } else { None };
            match found {
                Some(found) => Ok(found),
                None => self.listed(listed, index, &file).await,
            }
        };
        self.fetched.get(known_by(&file), work).await.map(Some)
    }

    /// A wheel of the index that would fit, where the lock file has none: whoever
    /// asks is told, and nobody is when the index does not answer.
    async fn elsewhere(&self, wanted: Wanted<'_>, index: Option<&str>) -> Option<String> {
        if self.settings.offline().is_some() {
            return None;
        }
        let mut places = self.configured_places();
        places.extend(self.further_places(index).ok()?);
        let (page, _, _) = self.page(places.first()?, wanted.pinned).await.ok()?;
        let wheels = page.iter().filter(|listed| !listed.excludes(wanted.target));
        let wheels = wheels.filter_map(|listed| Some((WheelName::parse(&listed.name)?, listed.name.clone())));
        wheel::best(wheels.filter(|(wheel, _)| is_of(wheel, wanted.pinned)), wanted.target)
    }

    /// What a place lists, the index that it is, and its name.
    async fn page<'p>(
        &self,
        place: &'p Place,
        pinned: &Pinned,
    ) -> Result<(Arc<[Listed]>, Option<&'p Index>, String), PortError> {
        let _permit = self.transfers.acquire().await;
        let (page, index, url) = match place {
            Place::Index(index) => {
                (self.pages.project(&self.courier, index, &pinned.name).await?, Some(index), &index.url)
            }
            Place::Page(url) => (self.pages.links(&self.courier, url).await?, None, url),
            // It lists nothing.
            Place::Url(url) => (None, None, url),
        };
        Ok((page.unwrap_or_default(), index, shown(url)))
    }

    /// Fetches a file, unless too many are being fetched.
    async fn fetch(&self, need: &Need<'_>, at: At<'_>) -> Result<WheelFile, PortError> {
        let _permit = self.transfers.acquire().await;
        Box::pin(download::fetch(&self.courier, &*self.cache, &*self.progress, need, at)).await
    }

    fn cached(&self, name: &str, hashes: &[Hash]) -> Result<Option<WheelFile>, PortError> {
        let found = download::cached(&*self.cache, name, hashes)?;
        if found.is_some() {
            let subject = Subject::Wheel(Arc::from(name));
            self.progress.on(Event::Ended { verb: Verb::Pull, subject, outcome: Outcome::Present });
        }
        Ok(found)
    }

    /// A file of this machine that the lock file has by URL.
    async fn by_file_url(&self, file: &LockedFile, places: &[Place]) -> Result<Option<WheelFile>, PortError> {
        let local = places.iter().find_map(|place| match place {
            Place::Url(url) if url.scheme() == "file" => url.to_file_path().ok(),
            _ => None,
        });
        let Some(path) = local else { return Ok(None) };
        let need = Need { name: &file.name, hashes: &file.hashes, size: file.size };
        self.on_disk(&path, &need).await.map(Some)
    }

    /// What comes before the lock file's own URLs.
    fn configured_places(&self) -> Vec<Place> {
        let page = |links: &Links| if let Links::Page(url) = links { Some(Place::Page(url.clone())) } else { None };
        let index = self.settings.index.clone().filter(|_| !self.settings.no_index).map(Place::Index);
        index.into_iter().chain(self.settings.find_links.iter().filter_map(page)).collect()
    }

    /// What comes after them: the lock file's index, other configured ones, the
    /// project's; `PyPI` when nobody names another to ask in its place.
    fn further_places(&self, index: Option<&str>) -> Result<Vec<Place>, PortError> {
        if self.settings.no_index {
            return Ok(Vec::new());
        }
        let locked = index.map(|index| {
            let url = Url::parse(index).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or_else(|| other("the lock file names an index that is no HTTP URL".to_owned()))
        });
        let locked = locked.transpose()?.map(|url| self.index_of(&url).unwrap_or(Index { name: None, url }));
        let settings = &self.settings;
        let alone = locked.is_none() && settings.index.is_none();
        let pypi = Url::parse(PYPI).ok().filter(|_| alone && !settings.project_indexes.iter().any(is_pypi));
        let pypi = pypi.map(|url| Index { name: None, url });
        let mut indexes: Vec<Index> = Vec::new();
        let all = locked.into_iter().chain(settings.extra_indexes.iter().chain(&settings.project_indexes).cloned());
        for index in all.chain(pypi) {
            let same =
                |known: &Index| known.url.as_str().trim_end_matches('/') == index.url.as_str().trim_end_matches('/');
            if !indexes.iter().any(same) && !settings.index.as_ref().is_some_and(same) {
                indexes.push(index);
            }
        }
        Ok(indexes.into_iter().map(Place::Index).collect())
    }

    /// The named index that a URL belongs to.
    fn index_of(&self, url: &Url) -> Option<Index> {
        let settings = &self.settings;
        let known = settings.index.iter().chain(&settings.extra_indexes).chain(&settings.project_indexes);
        let mut here = known.filter(|index| index.url.origin() == url.origin());
        here.clone().find(|index| url.path().starts_with(index.url.path())).or_else(|| here.next()).cloned()
    }

    fn is_given_up(&self, place: &Place) -> bool {
        let (Place::Index(Index { url, .. }) | Place::Page(url) | Place::Url(url)) = place;
        self.courier.fault(url).is_some()
    }
}

impl Misses {
    /// Notes what a place does not have, or forbids.
    ///
    /// # Errors
    /// Whatever else went wrong there, with what was found before.
    fn add(&mut self, error: PortError, given_up: bool) -> Result<(), PortError> {
        match error.kind {
            PortErrorKind::NotFound => self.said.push(error.message),
            PortErrorKind::Denied if !given_up => {
                self.said.push(error.message.clone());
                self.refusal.get_or_insert(error);
            }
            _ if self.said.is_empty() => return Err(error),
            _ => {
                let message = format!("{}, and {}", self.said.join(", "), error.message);
                return Err(PortError { message, ..error });
            }
        }
        Ok(())
    }

    fn error(self) -> NoWheel {
        match self.refusal {
            Some(refusal) => NoWheel { message: self.said.join(", and "), ..refusal.into() },
            None => absent(self.said.join(", and ")),
        }
    }
}

/// What tells one file from another: its hashes, or its address.
fn known_by(file: &LockedFile) -> String {
    if file.hashes.is_empty() {
        return format!("{} {}", file.name, file.url.as_deref().unwrap_or_default());
    }
    file.hashes.iter().fold(file.name.clone(), |known, hash| format!("{known} {}", Written(hash)))
}

fn fits(wanted: Wanted<'_>, name: &str) -> bool {
    let wheel = WheelName::parse(name).filter(|wheel| is_of(wheel, wanted.pinned));
    wheel.is_some_and(|wheel| wheel.tags.iter().any(|tag| wanted.target.accepts(tag)))
}

fn is_pypi(index: &Index) -> bool {
    index.url.host_str() == Some("pypi.org")
}

/// Where the lock file says that a file is.
fn url_of(file: &LockedFile) -> Result<Option<Url>, PortError> {
    let Some(text) = &file.url else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
    let mut url = url.ok_or_else(|| other(format!("the lock file's address of {} is no URL", file.name)))?;
    url.set_fragment(None);
    Ok(Some(url))
}
