//! The system data that Python expects, in an image without a base: a directory for temporary
//! files, certificates, time zones, and the order of name lookups, as in Google's distroless
//! images. The application stage adds accounts.

use super::contents::{Result, root_path};
use super::context::Context;
use super::draft::Draft;
use super::reasons::Because;
use super::source_image::SourceImageId;
use crate::diagnostic::{Code, Diagnostic};
use crate::image::LayerKind;
use crate::rootfs::accounts::User;
use crate::rootfs::{Entry, RootPath, Tree};

/// The certificates of all authorities in one file: the paths of Debian, Fedora and Alpine.
const CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const ZONES: &str = "/usr/share/zoneinfo";
/// Without this file glibc asks DNS before `/etc/hosts` (nsswitch.conf(5), `nss/nss_database.c`).
const NSSWITCH: (&str, &[u8]) = ("etc/nsswitch.conf", b"hosts: files dns\n");
/// The home of accounts without a home, such as Debian's `nobody`.
pub(super) const NO_HOME: &str = "/nonexistent";

/// Returns the accounts of distroless images.
pub(super) fn accounts() -> [User; 3] {
    let user = |name: &str, id, home: &str| User { name: name.to_owned(), uid: id, gid: id, home: home.to_owned() };
    [user("root", 0, "/root"), user("nobody", 65534, NO_HOME), nonroot()]
}

/// Returns the user of an image that would otherwise run as root.
pub(super) fn nonroot() -> User {
    User { name: "nonroot".to_owned(), uid: 65532, gid: 65532, home: "/home/nonroot".to_owned() }
}

/// Returns whether the image has Python and no base.
pub(super) fn is_scratch(cx: &Context) -> bool {
    cx.plan.base.is_none() && cx.plan.runtime.is_some()
}

/// Returns the image's file of certificates, if the image has no base.
pub(super) fn certificates(cx: &Context, tree: &Tree) -> Option<&'static str> {
    let is_file =
        |path: &&str| tree.follow(&root_path(path)).is_some_and(|(_, entry): (RootPath, _)| entry.content().is_some());
    CERTIFICATES.into_iter().filter(|_| is_scratch(cx)).find(is_file)
}

impl Draft<'_> {
    /// Adds the system data to an image without a base.
    pub(super) fn add_system_data(&mut self, builder: SourceImageId) -> Result<()> {
        if !is_scratch(self.cx) {
            return Ok(());
        }
        let tree = self.cx.sources[builder].tree.as_ref();
        let has = |path: &&str| tree.follow(&root_path(path)).is_some();
        let certificates = CERTIFICATES.into_iter().find(has).map(|path| (path, "certificates"));
        let zones = Some(ZONES).filter(|path| has(path)).map(|path| (path, "time zones"));
        for (path, name) in certificates.into_iter().chain(zones) {
            let selected = self.select("the runtime", builder, path)?;
            self.add_selected(LayerKind::Runtime, (builder, &selected), None, &Because::RuntimeData(name.into()))?;
        }
        let (path, text) = NSSWITCH;
        for (path, entry, name) in [
            ("tmp", Entry::folder(0o1777), "temporary files"),
            (path, Entry::bytes(0o644, text), "how names are looked up"),
        ] {
            self.put(LayerKind::Runtime, &root_path(path), entry, Because::RuntimeData(name.into()))?;
        }
        Ok(())
    }
}

/// Warns about system data that an image without a base still lacks.
pub(super) fn missing_data(cx: &Context, tree: &Tree) -> Vec<Diagnostic> {
    let Some(interpreter) = cx.interpreter.as_ref().filter(|_| is_scratch(cx)) else { return Vec::new() };
    let has = |path: &RootPath| tree.follow(path).is_some();
    let mut out = Vec::new();
    if certificates(cx, tree).is_none() {
        let message = format!(
            "the image has no certificates, so no TLS connection can be verified: the builder has no `{}`",
            CERTIFICATES[0]
        );
        let hint = "take it from another image with [[extract]]".to_owned();
        out.push(Diagnostic::warning(Code::NoCertificates, message).hint(hint));
    }
    let package = interpreter.purelib.child(b"tzdata"); // the fallback of `zoneinfo`
    if !has(&root_path(ZONES)) && !has(&package) {
        let message = format!("the image has no time zones: the builder has no `{ZONES}`");
        let hint = "take it from another image with [[extract]], or add `tzdata` to the dependencies".to_owned();
        out.push(Diagnostic::warning(Code::NoTimeZones, message).hint(hint));
    }
    out
}
