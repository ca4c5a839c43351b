//! Reads every ELF file of the examples' wheels as an independent reader does.
//!
//! Wheels are where odd ELF files come from: auditwheel moves string tables to the
//! very end of a file.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read has failed the test")]

#[path = "support/test_cache.rs"]
mod test_cache;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use carboy::elf;
use test_cache::test_cache;

type Facts = BTreeMap<String, (Vec<String>, Option<String>, Vec<String>, Vec<String>, Option<String>)>;

/// Prints what `integration/fixtures/elf.py` reads of every ELF file below a folder.
const READER: &str = r#"
import json, os, sys
sys.path.insert(0, sys.argv[1])
import elf
out = {}
for folder, _, names in os.walk(sys.argv[2]):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            content = f.read()
        found = elf.parse(content) if content[:4] == b"\x7fELF" else None
        if found:
            out[path] = (found.needed, found.soname, found.rpath, found.runpath, found.interp)
json.dump(out, sys.stdout)
"#;

fn texts(list: &[Vec<u8>]) -> Vec<String> {
    list.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect()
}

#[test]
fn every_wheels_objects_read_the_same() {
    let site = test_cache("site");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/fixtures");
    let output = Command::new("python3").args(["-c", READER]).arg(fixtures).arg(&site).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let want: Facts = serde_json::from_slice(&output.stdout).unwrap();
    assert!(want.len() > 100, "only {} ELF files below {}: run scripts/setup", want.len(), site.display());
    for (path, want) in want {
        let file = std::fs::File::open(&path).unwrap();
        let object =
            elf::parse(&object::ReadCache::new(file)).unwrap_or_else(|error| panic!("{path}: {error}")).unwrap();
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        let runpath = object.runpath.as_deref().map(texts).unwrap_or_default();
        let needed: Vec<_> = object.needed().map(<[u8]>::to_vec).collect();
        let got = (texts(&needed), text(object.soname), texts(&object.rpath), runpath, text(object.interpreter));
        assert_eq!(got, want, "{path}");
    }
}
