//! URLs and paths of archives and repositories in lock files.

use std::path::{Component, Path, PathBuf};

use super::error::LockError;
use super::{Hash, LockedFile, PackageOrigin, ReferencePolicy, hash, variables};
use crate::python::wheel::WheelName;

/// The prefixes of repository URLs.
const GIT: [&str; 4] = ["git+", "hg+", "bzr+", "svn+"];
/// The endings of archives that are not wheels.
const SDISTS: [&str; 6] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar"];

/// The hash algorithms in the fragment of a URL. A fragment may have other parts.
const STRONG: [&str; 3] = ["sha256", "sha384", "sha512"];
/// The largest number of parts that are read from a fragment.
const PARTS: usize = 16;
/// The largest size of an index URL, in bytes.
const LONGEST: usize = 8 << 10;

/// Returns the file at a URL, with the hash in its fragment.
///
/// # Errors
/// Returns an error for an invalid hash in the fragment.
pub(super) fn file_at(at: &str, url: &str, mut hashes: Vec<Hash>, size: Option<u64>) -> Result<LockedFile, LockError> {
    let (bare, fragment) = url.split_once('#').unwrap_or((url, ""));
    for (kind, digits) in fragment.split('&').take(PARTS).filter_map(|pair| pair.split_once('=')) {
        if STRONG.contains(&kind) {
            let more = hash::hashes(at, [format!("{kind}:{digits}").as_str()])?;
            hashes.extend(more.into_iter().filter(|hash| !hashes.contains(hash)).collect::<Vec<_>>());
        }
    }
    Ok(LockedFile { name: file_name(bare), url: Some(bare.to_owned()), hashes, size })
}

/// Returns the last part of the path of a URL or file: the name of the file.
pub(super) fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    decoded(path.rsplit('/').next().unwrap_or_default())
}

/// Decodes `%2B` to `+`. Text stays unchanged if the result is not UTF-8.
pub(super) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digits = [ahead.next(), ahead.next()].map(|digit| char::from(digit?).to_digit(16));
        match digits {
            [Some(high), Some(low)] if byte == b'%' => {
                out.push(u8::try_from(high << 4 | low).unwrap_or(b'%'));
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Returns whether a text is a URL and not a path.
pub(super) fn is_url(text: &str) -> bool {
    let scheme =
        |scheme: &str| !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    text.split_once("://").is_some_and(|(before, _)| scheme(before))
}

/// Returns the path of a `file:` URL, or a text that is a path.
pub(super) fn local(text: &str) -> Option<String> {
    match text.strip_prefix("file:") {
        Some(rest) => Some(decoded(rest.strip_prefix("//localhost").or(rest.strip_prefix("//")).unwrap_or(rest))),
        None if is_url(text) => None,
        None => Some(text.to_owned()),
    }
}

/// Returns whether a name is the name of an archive.
pub(super) fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".whl").is_some() || SDISTS.iter().any(|ending| name.ends_with(ending))
}

/// Returns the name of the distribution in the name of an archive.
pub(super) fn distribution(file: &str) -> Option<String> {
    if let Some(wheel) = WheelName::parse(file) {
        return Some(wheel.distribution);
    }
    let stem = SDISTS.iter().find_map(|ending| file.strip_suffix(ending))?;
    stem.rsplit_once('-').map(|(name, _)| name.to_owned())
}

/// Returns the origin at a URL or path. Paths are relative to `folder`.
///
/// # Errors
/// Returns an error for an invalid hash in the fragment.
pub(super) fn origin(at: &str, text: &str, hashes: Vec<Hash>, folder: &Path) -> Result<PackageOrigin, LockError> {
    if GIT.iter().any(|kind| text.starts_with(kind)) {
        return Ok(PackageOrigin::Git { url: text.to_owned() });
    }
    let Some(local) = local(text) else { return Ok(PackageOrigin::Url(file_at(at, text, hashes, None)?)) };
    let (path, _) = local.split_once('#').unwrap_or((&local, ""));
    let hashes = file_at(at, &local, hashes, None)?.hashes;
    let path = joined(folder, path);
    let archive = path.file_name().and_then(|name| name.to_str()).is_some_and(is_archive);
    Ok(if archive { PackageOrigin::File { path, hashes } } else { PackageOrigin::Folder { path } })
}

/// Joins a path to a directory, without `.`, and without `..` after the name of a directory.
pub(super) fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut out = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// Expands the variables in a URL.
///
/// # Errors
/// Returns an error for a URL that may not get the values.
pub(super) fn expand(at: &str, url: &mut String, policy: &dyn ReferencePolicy) -> Result<(), LockError> {
    if is_url(url) && !variables::of(url).is_empty() {
        *url = policy.expand(url).map_err(|refusal| refusal.at(at))?;
    }
    Ok(())
}

/// Returns the URL of an index without its trailing slash. Credentials are removed later, together
/// with the variables in them.
///
/// # Errors
/// Returns an error for a URL that is too long.
pub(super) fn index(at: &str, url: &str) -> Result<String, LockError> {
    if url.len() > LONGEST {
        return Err(LockError::new(at, format!("has an index URL of more than {} KiB", LONGEST >> 10)));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files_and_hashes() {
        let hash = "ab".repeat(32);
        let url = format!("https://u:p@h/x/torch-2.5%2Bcpu-py3-none-any.whl?a=b/c#sha256={hash}");
        let file = file_at("x", &url, Vec::new(), None).unwrap();
        assert_eq!(file.name, "torch-2.5+cpu-py3-none-any.whl");
        assert_eq!(file.url.as_deref(), Some("https://u:p@h/x/torch-2.5%2Bcpu-py3-none-any.whl?a=b/c"));
        assert_eq!(file.hashes, Hash::of("sha256", &hash).into_iter().collect::<Vec<_>>());
        assert!(file_at("x", "https://h/a.whl#egg=a&md5=0", Vec::new(), None).unwrap().hashes.is_empty());
        let error = file_at("x", "https://h/a.whl#sha256=abcd", Vec::new(), None).unwrap_err();
        assert_eq!(error.to_string(), "x: `sha256:abcd` is not a sha256, sha384 or sha512 hash");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%ff%zz"), "%ff%zz");
    }

    #[test]
    fn origins_are_recognised() {
        let folder = Path::new("sub");
        let of = |text| origin("x", text, Vec::new(), folder).unwrap();
        assert_eq!(of("git+ssh://git@h/x@1"), PackageOrigin::Git { url: "git+ssh://git@h/x@1".to_owned() });
        assert!(matches!(of("https://h/x-1-py3-none-any.whl"), PackageOrigin::Url(_)));
        assert_eq!(of("../lib/"), PackageOrigin::Folder { path: "lib".into() });
        assert_eq!(of(".."), PackageOrigin::Folder { path: ".".into() });
        assert_eq!(of("../../up"), PackageOrigin::Folder { path: "../up".into() });
        assert_eq!(of("file:///abs/x"), PackageOrigin::Folder { path: "/abs/x".into() });
        assert_eq!(of("./x-1.tar.gz"), PackageOrigin::File { path: "sub/x-1.tar.gz".into(), hashes: Vec::new() });
        assert_eq!(distribution("a_b-1-py3-none-any.whl").as_deref(), Some("a_b"));
        assert_eq!(distribution("a-b-1.0.tar.gz").as_deref(), Some("a-b"));
        assert_eq!(index("", "https://h/simple/").unwrap(), "https://h/simple");
        let error = index("uv.lock: `a`", &"a://".repeat(LONGEST)).unwrap_err().to_string();
        assert_eq!(error, "uv.lock: `a`: has an index URL of more than 8 KiB");
    }
}
