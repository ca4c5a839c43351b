//! Broken lock files: truncated, with bytes and lines changed, with parts of one another.
//! The reader returns, and does not panic.

use std::fs;
use std::path::Path;

use carboy::hint::Hint as _;
use carboy::python::lock::{Format, Lock, LockInput, LockSelection};
use carboy::python::marker::Marker;
use carboy::python::requirement::Requirement;

use super::{Refusing, choice, environment};
use crate::random::Random;
use crate::watchdog::Watchdog;

fn sample(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/locks").join(name)).unwrap()
}

/// Lock files with the projects that they lie with.
fn samples() -> Vec<(Format, String, Option<String>)> {
    vec![
        (Format::Uv, sample("uv/uv.lock"), Some(sample("uv/pyproject.toml"))),
        (Format::Pylock, sample("uv/pylock.toml"), None),
        (Format::Requirements, sample("uv/requirements.txt"), None),
        (Format::Poetry, sample("poetry-2.1/poetry.lock"), Some(sample("poetry-2.1/pyproject.toml"))),
        (Format::Poetry, sample("poetry-2.0/poetry.lock"), Some(sample("poetry-2.0/pyproject.toml"))),
        (Format::Poetry, sample("poetry-1.1/poetry.lock"), Some(sample("poetry-1.1/pyproject.toml"))),
        (Format::Pipfile, sample("pipfile/Pipfile.lock"), None),
    ]
}

/// What a lock file comes to: how many distributions, or an error.
fn read(format: Format, text: &str, project: Option<&str>, beside: &str) -> Result<usize, String> {
    let mut read = |_: &Path| Ok(beside.to_owned());
    let (name, root) = (format.file_name(), Path::new("."));
    let mut input = LockInput {
        name,
        text,
        project,
        read: &mut read,
        is_file: &|path| path.is_relative(),
        root,
        policy: &Refusing,
    };
    let told = |error: carboy::python::lock::LockError| {
        let (text, hint) = (error.to_string(), error.hint().unwrap_or_default());
        assert!(!text.contains('\n') && text.len() < 10_000 && !hint.contains('\n'), "{text} {hint}");
        assert!(!text.contains("s3cret") && !hint.contains("s3cret"), "{text} {hint}");
        text
    };
    let out = Lock::parse(format, &mut input).and_then(|lock| {
        let _ = (lock.warnings(), lock.sources().clone());
        let here = environment("3.11.9", "x86_64");
        let _ = lock.pinned(&here, &choice(&["cache", "tokens", "x"], &["docs", "dev"], None)).map_err(told);
        let _ = lock.pinned(&here, &choice(&[], &[], Some("lib"))).map_err(told);
        let _ = lock.pinned(&environment("3.13.5", "aarch64"), &LockSelection::default()).map_err(told);
        lock.pinned(&here, &LockSelection::default())
    });
    out.map(|pinned| pinned.len()).map_err(told)
}

const WORDS: [&str; 30] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    "\\\n",
    "#",
    "..",
    "-",
    "==",
    ">=",
    "@",
    "://",
    "https://u:s3cret@h/x",
    "${HOME}",
    "\u{0}",
    "é",
    "999999999999999999999999",
    "-1",
    "true",
    "[[package]]\n",
    "extra == 'x'",
    "(",
    "\\u0000",
    "-r a.txt\n",
    "-e .\n",
    "1.0.*",
];

fn mutated(random: &mut Random, text: &str, other: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    for _ in 0..=random.index(4) {
        let at = random.index(out.len().max(1)).min(out.len());
        match random.below(8) {
            0 => out.truncate(at),
            1 => out[at..].iter_mut().take(1).for_each(|byte| *byte = b' ' + u8::try_from(random.below(95)).unwrap()),
            2 | 3 => drop(out.splice(at..at, random.pick::<&str>(&WORDS).bytes())),
            4 => drop(out.drain(at..(at + random.index(40)).min(out.len()))),
            // A line of its own twice, or elsewhere.
            5 | 6 => {
                let lines: Vec<_> = text.lines().collect();
                let line = format!("{}\n", random.pick(&lines));
                let at = out[at..].iter().position(|&byte| byte == b'\n').map_or(out.len(), |end| at + end + 1);
                out.splice(at..at, line.bytes());
            }
            _ => {
                let other = other.as_bytes();
                let from = random.index(other.len());
                let part = &other[from..(from + 200).min(other.len())];
                out.splice(at..at, part.iter().copied());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn broken_lock_files_are_errors() {
    read_broken(500);
}

#[test]
#[ignore = "long"]
fn many_broken_lock_files_are_errors() {
    read_broken(20_000);
}

fn read_broken(count: usize) {
    let mut random = Random::new(440);
    let (samples, watchdog) = (samples(), Watchdog::start());
    for (format, text, project) in &samples {
        let whole = read(*format, text, project.as_deref(), "").unwrap();
        assert!(whole > 10, "{format:?}: {whole}");
        let (mut fine, mut errors) = (0, 0);
        for number in 0..count {
            watchdog.step(format!("{format:?} {number}"));
            let other = &random.pick(&samples).1;
            let broken = mutated(&mut random, text, other);
            let project = project.as_ref().map(|project| {
                if random.below(4) == 0 { mutated(&mut random, project, other) } else { project.clone() }
            });
            match read(*format, &broken, project.as_deref(), &broken) {
                Ok(_) => fine += 1,
                Err(_) => errors += 1,
            }
        }
        assert!(errors > count / 4 && fine > 0, "{format:?}: {fine} were read, {errors} were not");
    }
}

#[test]
fn truncated_lock_files_are_errors() {
    read_truncated(1009);
}

#[test]
#[ignore = "long"]
fn lock_files_truncated_at_many_places_are_errors() {
    read_truncated(23);
}

/// Reads the lock files truncated after each multiple of `step`.
fn read_truncated(step: usize) {
    for (format, text, project) in &samples() {
        let all = read(*format, text, project.as_deref(), "").unwrap();
        for end in (0..text.len()).step_by(step).filter(|end| text.is_char_boundary(*end)) {
            let some = read(*format, &text[..end], project.as_deref(), "").unwrap_or(0);
            assert!(some <= all, "{format:?} cut at {end} has {some} distributions, the whole has {all}");
        }
    }
}

/// Texts that are large, deep or built so that careless reading takes forever.
#[test]
fn hostile_lock_files_do_not_hang() {
    let watchdog = Watchdog::start();
    watchdog.step("a hostile lock file");
    let deep = |open: &str, close: &str| format!("version = 1\na = {}{}", open.repeat(50_000), close.repeat(50_000));
    let package = |name: &str, more: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://h\" }}\n{more}\n")
    };
    let cycle: String = (0..5000).map(|at| package(&format!("p{at}"), &format!("dependencies = [{{ name = \"p{}\", extra = [\"x\"] }}]\n[package.optional-dependencies]\nx = [{{ name = \"p{}\" }}]", (at + 1) % 5000, (at + 7) % 5000))).collect();
    let root = "[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n";
    let many: String = (0..20_000).map(|_| package("same", "")).collect();
    let wide: String = (0..3000)
        .flat_map(|at| ["{ name = \"p\", extra = [\"x".to_owned(), at.to_string(), "\"] },".to_owned()])
        .collect();
    let conflicts = "conflicts = [[{ package = \"p\", extra = \"x1\" }, { package = \"q\" }]]";
    for (text, cause) in [
        (deep("[", "]"), Some("uv.lock")),
        (deep("{ a = ", "}"), Some("uv.lock")),
        (format!("version = 1\n{root}dependencies = [{{ name = \"p0\" }}]\n{cycle}"), None),
        (
            format!(
                "version = 1\n[[package]]\nname = \"p\"\nversion = \"1\"\nsource = {{ registry = \"{}\" }}\n",
                "a://".repeat(1 << 20)
            ),
            Some("an index URL of more than 8 KiB"),
        ),
        (format!("version = 1\n{root}{many}"), Some("more than 1000 packages `same`")),
        (format!("version = 1\n{conflicts}\n{root}dependencies = [{wide}]\n{}", package("p", "")), None),
    ] {
        match (read(Format::Uv, &text, None, ""), cause) {
            (Ok(_), None) => {}
            (Err(error), Some(cause)) => assert!(error.contains(cause), "{error}"),
            (other, cause) => panic!("{other:?} {cause:?}"),
        }
    }
    let json = format!("{{\"_meta\": {}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(read(Format::Pipfile, &json, None, "").unwrap_err().contains("recursion"));
    let same = "a==1 --hash=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n".repeat(30_000);
    assert_eq!(read(Format::Requirements, &same, None, ""), Ok(1));
    let long = format!("a=={}", "1.".repeat(1 << 20));
    assert!(read(Format::Requirements, &long, None, "").is_err());
    let url = format!("a @ {}", "://".repeat(1 << 20));
    let _ = read(Format::Requirements, &url, None, "");
    let extras: String =
        (0..500).flat_map(|at| ["{ extras = [\"x".to_owned(), at.to_string(), "\"] },".to_owned()]).collect();
    let lock = "package = [{ name = \"a\", version = \"1\" }]\n[metadata]\nlock-version = \"2.0\"\n";
    let project = format!("[tool.poetry.dependencies]\na = [{extras}]\n");
    assert!(read(Format::Poetry, lock, Some(&project), "").unwrap_err().contains("more than 100 extras"));
    // Many versions, and many dependencies that may mean any of them.
    let versions: Vec<_> = (0..100).map(|at| format!("{{ name = \"a\", version = \"{at}\" }}")).collect();
    let versions = versions.join(",");
    let long = format!("{}!=1000", "!=1000,".repeat(500));
    let needs = format!("{{ version = \"{long}\" }},").repeat(40);
    let lock = format!("package = [{versions}]\n[metadata]\nlock-version = \"2.0\"\n");
    let project = format!("[tool.poetry.dependencies]\na = [{needs}]\n");
    assert!(read(Format::Poetry, &lock, Some(&project), "").unwrap_err().contains("too many dependencies"));
    let marker = format!("os_name == '{}'", "x".repeat(1 << 20));
    assert!(Marker::parse(&marker).is_err() && Marker::parse(&"(".repeat(1 << 17)).is_err());
    assert!(Requirement::parse(&format!("a{}", ",==1".repeat(1 << 20))).is_err());
}

const PARTS: [&str; 20] = [
    "python_version",
    "extra",
    "in",
    "not",
    "and",
    "or",
    "(",
    ")",
    "'",
    "\"",
    "==",
    "~=",
    "===",
    " ",
    "1.0",
    "a[b]",
    "@",
    ";",
    "é",
    "\\",
];

#[test]
fn random_texts_are_no_panic() {
    parse_random_texts(50_000);
}

#[test]
#[ignore = "long"]
fn many_random_texts_are_no_panic() {
    parse_random_texts(2_000_000);
}

fn parse_random_texts(count: usize) {
    let mut random = Random::new(508);
    for _ in 0..count {
        let text: String = (0..random.index(12)).map(|_| *random.pick(&PARTS)).collect();
        if let Ok(marker) = Marker::parse(&text) {
            let _ = marker.may_hold(&environment("3.11.9", "x86_64"), &carboy::python::marker::ActiveExtras::default());
        }
        let _ = Requirement::parse(&text).map(|requirement| requirement.exact().cloned());
    }
}
