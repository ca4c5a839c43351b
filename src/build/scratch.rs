//! What Python expects of a system, in an image without a base: a folder for temporary
//! files, certificates, time zones and how names are looked up. Accounts come with the
//! application's layer. As Google's distroless images have them.

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use crate::progress::LayerKind;
use crate::python::Interpreter;
use crate::rootfs::accounts::User;
use crate::rootfs::{Entry, RootPath, Tree};

/// The certificates of all authorities in one file: Debian's, Fedora's, Alpine's path.
const CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const ZONES: &str = "/usr/share/zoneinfo";
/// Without it glibc asks DNS before `/etc/hosts` (nsswitch.conf(5), `nss/nss_database.c`).
const NAMES: (&str, &[u8]) = ("etc/nsswitch.conf", b"hosts: files dns\n");

/// The accounts of distroless images.
pub(super) fn accounts() -> [User; 3] {
    let user = |name: &str, id, home: &str| User { name: name.to_owned(), uid: id, gid: id, home: home.to_owned() };
    [user("root", 0, "/root"), user("nobody", 65534, super::application::NO_HOME), nonroot()]
}

/// The user of an image that would run as root.
pub(super) fn nonroot() -> User {
    User { name: "nonroot".to_owned(), uid: 65532, gid: 65532, home: "/home/nonroot".to_owned() }
}

impl Work<'_> {
    /// Whether Python has to be given what a base has.
    pub(super) fn is_scratch(&self) -> bool {
        self.plan.base.is_none() && self.plan.runtime.is_some()
    }

    /// Takes certificates and time zones out of the builder, and makes the rest.
    pub(super) fn scratch_data(&mut self, builder: &Tree) -> Result<(), BuildError> {
        let Some(donor) = self.builder().filter(|_| self.is_scratch()) else { return Ok(()) };
        let has = |path: &&str| builder.follow(&root_path(path)).is_some();
        let certificates = CERTIFICATES.into_iter().find(has).map(|path| (path, "certificates"));
        let zones = Some(ZONES).filter(|path| has(path)).map(|path| (path, "time zones"));
        for (path, what) in certificates.into_iter().chain(zones) {
            let selected = self.select("the runtime", donor, path)?;
            self.add_selected(LayerKind::Runtime, donor, &selected, None, &Because::RuntimeData(what.into()))?;
        }
        let (names, text) = NAMES;
        for (path, entry, what) in [
            ("tmp", Entry::folder(0o1777), "temporary files"),
            (names, Entry::bytes(0o644, text), "how names are looked up"),
        ] {
            self.put(LayerKind::Runtime, &root_path(path), entry, Because::RuntimeData(what.into()))?;
        }
        Ok(())
    }

    /// The image's file of certificates, where there is no base that names it.
    pub(super) fn certificates(&self) -> Option<&'static str> {
        let is_file = |path: &&str| {
            self.image.follow(&root_path(path)).is_some_and(|(_, entry): (RootPath, _)| entry.content().is_some())
        };
        CERTIFICATES.into_iter().filter(|_| self.is_scratch()).find(is_file)
    }

    /// Warns of what an image without a base still lacks.
    pub(super) fn warn_of_scratch(&self, interpreter: &Interpreter) {
        let has = |path: &RootPath| self.image.follow(path).is_some();
        if self.is_scratch() && self.certificates().is_none() {
            self.warn(format!(
                "the image has no certificates, so no TLS connection can be verified: the builder has no `{}`; \
                 take it from another image with [[extract]]",
                CERTIFICATES[0]
            ));
        }
        let package = interpreter.purelib.child(b"tzdata"); // what `zoneinfo` falls back to
        if self.is_scratch() && !has(&root_path(ZONES)) && !has(&package) {
            self.warn(format!(
                "the image has no time zones: the builder has no `{ZONES}`; \
                 take it from another image with [[extract]], or add `tzdata` to the dependencies"
            ));
        }
    }
}
