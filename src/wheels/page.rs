//! Parses the page of an index: files, their URLs and their hashes.
//!
//! Source: PyPA, "Simple repository API" (PEP 503, 592, 629, 691, 700). Pages are untrusted: names
//! are checked, and links lead to HTTP only.

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;
use url::Url;

use super::html::{self, Tag};
use crate::python::lock::Hash;
use crate::python::tags::Target;

/// The most files of one page: `PyPI`'s largest projects have about ten thousand.
const MANY: usize = 200_000;

/// A file of an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexFile {
    pub name: String,
    pub url: Url,
    /// Hashes of strong kinds only.
    pub hashes: Vec<Hash>,
    /// In bytes.
    pub size: Option<u64>,
    pub requires_python: Option<VersionSpecifiers>,
    /// The reason for which the publisher yanked the file (PEP 592); often empty.
    pub yanked: Option<String>,
}

/// The reason for which a page is unusable.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("its page is not the JSON of an index: {0}")]
    Json(String),
    #[error("its pages are of version {0}, and carboy knows version 1")]
    Version(String),
    #[error("its page lists more than {MANY} files")]
    Many,
}

#[derive(Deserialize)]
struct JsonPage {
    #[serde(default)]
    meta: JsonMeta,
    files: Vec<JsonFile>,
}

#[derive(Deserialize, Default)]
struct JsonMeta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
    size: Option<u64>,
    requires_python: Option<String>,
    /// `false`, `true` or the reason.
    #[serde(default)]
    yanked: serde_json::Value,
}

impl IndexFile {
    /// Returns whether the file's `requires-python` excludes a target. Only the minor version is
    /// known: a file that fits some of its releases counts as fitting.
    #[must_use]
    pub fn excludes(&self, target: &Target) -> bool {
        let Some(specifiers) = &self.requires_python else { return false };
        let release = |patch| Version::new([u64::from(target.python.major), u64::from(target.python.minor), patch]);
        !specifiers.contains(&release(0)) && !specifiers.contains(&release(999))
    }

    /// Returns none for a name that is not a distribution's file, and for a URL that is not HTTP.
    fn new(name: &str, link: &str, base: &Url, hashes: Vec<Hash>) -> Option<Self> {
        let mut url = base.join(link.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        url.set_fragment(None);
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"._-+!".contains(&b);
        let named = !name.is_empty() && name.len() <= 255 && name.bytes().all(letter);
        named.then(|| Self { name: name.to_owned(), url, hashes, size: None, requires_python: None, yanked: None })
    }
}

/// Parses the JSON form; `base` is the page's URL.
///
/// # Errors
/// Invalid JSON; an unknown version.
pub fn json(text: &[u8], base: &Url) -> Result<Vec<IndexFile>, PageError> {
    let page: JsonPage = serde_json::from_slice(text)
        .map_err(|cause| PageError::Json(crate::http::failure::one_line(&cause.to_string())))?;
    known_version(page.meta.api_version.as_deref())?;
    if page.files.len() > MANY {
        return Err(PageError::Many);
    }
    let files = page.files.into_iter().filter_map(|file| {
        let hashes = file.hashes.iter().filter_map(|(kind, hex)| Hash::of(kind.trim(), hex.trim())).collect();
        let listed = IndexFile::new(&file.filename, &file.url, base, hashes)?;
        let requires_python = specifiers(file.requires_python.as_deref());
        Some(IndexFile { size: file.size, requires_python, yanked: reason(file.yanked), ..listed })
    });
    Ok(files.collect())
}

/// Parses the HTML form; `base` is the page's URL.
///
/// # Errors
/// An unknown version.
pub fn html(text: &str, base: &Url) -> Result<Vec<IndexFile>, PageError> {
    let mut base = base.clone();
    let mut based = false;
    let mut files = Vec::new();
    for tag in html::tags(text) {
        match tag.name.as_str() {
            "meta" if tag.get("name") == Some("pypi:repository-version") => known_version(tag.get("content"))?,
            // Only the first `<base>` counts.
            "base" if !based => {
                if let Some(href) = tag.get("href") {
                    base = base.join(href).unwrap_or(base);
                    based = true;
                }
            }
            "a" if files.len() == MANY => return Err(PageError::Many),
            "a" => files.extend(anchor(&tag, &base)),
            _ => {}
        }
    }
    Ok(files)
}

/// Returns a file's name: the last part of its URL, as in pip.
fn anchor(tag: &Tag, base: &Url) -> Option<IndexFile> {
    let href = tag.get("href")?;
    let (link, fragment) = href.split_once('#').unwrap_or((href, ""));
    let url = base.join(link.trim()).ok()?;
    let name = percent_decoded(url.path_segments()?.next_back()?);
    let pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
    let hashes = pairs.filter_map(|(kind, hex)| Hash::of(kind.trim(), hex.trim())).collect();
    let listed = IndexFile::new(&name, link, base, hashes)?;
    let requires_python = specifiers(tag.get("data-requires-python"));
    Some(IndexFile { requires_python, yanked: tag.get("data-yanked").map(str::to_owned), ..listed })
}

/// Returns the reason for which a file is yanked, from its JSON value; an empty text means that it
/// is not, as in pip.
fn reason(yanked: serde_json::Value) -> Option<String> {
    match yanked {
        serde_json::Value::Bool(true) => Some(String::new()),
        serde_json::Value::String(reason) if !reason.is_empty() => Some(reason),
        _ => None,
    }
}

fn known_version(version: Option<&str>) -> Result<(), PageError> {
    match version {
        Some(version) if version.split('.').next() != Some("1") => {
            Err(PageError::Version(crate::http::failure::one_line(version)))
        }
        _ => Ok(()),
    }
}

/// Parses version specifiers. Invalid ones exclude no Python, as in pip.
fn specifiers(text: Option<&str>) -> Option<VersionSpecifiers> {
    text.and_then(|text| VersionSpecifiers::from_str(text).ok())
}

/// Decodes `%41` to `A`. Invalid escapes stay; invalid UTF-8 becomes replacement characters.
pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|pair| bytes[at] == b'%' && !pair.starts_with('+'));
        if let Some(byte) = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;
    use crate::python::Cpython;

    fn base() -> Url {
        Url::parse("https://p.example/simple/six/").unwrap()
    }

    fn summary(files: &[IndexFile]) -> Vec<String> {
        let line = |file: &IndexFile| format!("{} {} {}", file.name, file.url, file.hashes.len());
        files.iter().map(line).collect()
    }

    #[test]
    fn endless_pages_are_refused() {
        let links = "<a href=a>".repeat(MANY + 1);
        assert!(matches!(html(&links, &base()), Err(PageError::Many)));
        assert_eq!(html(&links[10..], &base()).unwrap().len(), MANY);
        let files = vec![r#"{"filename":"a","url":"a","hashes":{}}"#; MANY + 1].join(",");
        assert!(matches!(json(format!(r#"{{"files":[{files}]}}"#).as_bytes(), &base()), Err(PageError::Many)));
    }

    #[test]
    fn json_pages_list_files() {
        let digest = Digest::of(b"x").hex();
        let text = format!(
            r#"{{"meta":{{"api-version":"1.3"}},"name":"six","versions":["1"],"files":[
            {{"filename":"six-1-py3-none-any.whl","url":"../../f/six-1-py3-none-any.whl","size":7,
              "hashes":{{"sha256":"{digest}","md5":"00","blake2b":"1"}},"requires-python":">=3.9","yanked":"bad"}},
            {{"filename":"../six.whl","url":"https://p.example/x","hashes":{{}}}},
            {{"filename":"six-1.tar.gz","url":"file:///etc/passwd","hashes":{{}}}},
            {{"filename":"six-2.tar.gz","url":"http://q.example/six-2.tar.gz#sha256=0","hashes":{{"sha512":"zz"}},"yanked":false}}]}}"#
        );
        let files = json(text.as_bytes(), &base()).unwrap();
        assert_eq!(
            summary(&files),
            [
                "six-1-py3-none-any.whl https://p.example/f/six-1-py3-none-any.whl 1",
                "six-2.tar.gz http://q.example/six-2.tar.gz 0"
            ]
        );
        assert_eq!((files[0].size, files[0].hashes[0].clone()), (Some(7), Hash::Sha256(Digest::of(b"x"))));
        assert_eq!(files.iter().map(|file| file.yanked.as_deref()).collect::<Vec<_>>(), [Some("bad"), None]);
        assert!(matches!(json(b"[]", &base()), Err(PageError::Json(_))));
        let second = br#"{"meta":{"api-version":"2.0"},"files":[]}"#;
        assert_eq!(
            json(second, &base()).unwrap_err().to_string(),
            "its pages are of version 2.0, and carboy knows version 1"
        );
    }

    #[test]
    fn html_pages_list_files() {
        let digest = Digest::of(b"x").hex();
        let long = "ab".repeat(64);
        let text = format!(
            "<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.0'>\
             <base href='https://f.example/d/'><base href='https://g.example/'></head><body>\
             <!-- <a href='no-1.tar.gz'>no</a> --><a data-requires-python='&gt;=3.9,&lt;4' \
             HREF = \"six-1-py3-none-any.whl#sha256={digest}\" data-yanked>six</a>\
             <a href=/six-1%2B2.tar.gz?x=1&amp;y=2#sha512={long}&amp;egg=six>six</a>\
             <a href='javascript:alert(1)'>x</a><a href='file:///etc/passwd'>x</a><a>y</a>\
             <script><a href='no-2.tar.gz'>no</a></script><a href='six-3.zip'"
        );
        assert_eq!(
            summary(&html(&text, &base()).unwrap()),
            [
                "six-1-py3-none-any.whl https://f.example/d/six-1-py3-none-any.whl 1",
                "six-1+2.tar.gz https://f.example/six-1%2B2.tar.gz?x=1&y=2 1"
            ]
        );
        let page = "<a href='six-1.zip' data-yanked='a &lt; b'><a href='six-2.zip' data-yanked><a href='six-3.zip'>";
        let files = html(page, &base()).unwrap();
        assert_eq!(
            files.iter().map(|file| file.yanked.as_deref()).collect::<Vec<_>>(),
            [Some("a < b"), Some(""), None]
        );
        let yanked = |text: &str| reason(serde_json::from_str(text).unwrap());
        assert_eq!(["true", "null", "\"\"", "7"].map(yanked), [Some(String::new()), None, None, None]);
        assert!(html("<meta name='pypi:repository-version' content='2.0'>", &base()).is_err());
    }

    #[test]
    fn a_python_is_excluded_only_when_all_its_releases_are() {
        let python = Cpython { major: 3, minor: 9, free_threaded: false, debug: false };
        let target = Target { python, machine: "x86_64", glibc: None };
        for (requires, excluded) in
            [(">=3.10", true), (">=3.9.2", false), ("<3.9", true), ("!=3.9.*", true), ("~=3.6", false), ("what", false)]
        {
            let page = format!("<a href='six-1.tar.gz' data-requires-python='{}'>", requires.replace('<', "&lt;"));
            assert_eq!(html(&page, &base()).unwrap()[0].excludes(&target), excluded, "{requires}");
        }
    }

    #[test]
    fn escapes_are_decoded_as_far_as_they_are_escapes() {
        for (text, decoded) in
            [("a%2Bb", "a+b"), ("%", "%"), ("%4", "%4"), ("%+1", "%+1"), ("%é1", "%é1"), ("%ff", "\u{fffd}")]
        {
            assert_eq!(percent_decoded(text), decoded);
        }
    }
}
