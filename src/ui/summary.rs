//! The summary of a build as text: each platform's layers, the libraries from the builder, missing
//! libraries, omitted files, and the result. Pure.

use super::elapsed::elapsed;
use super::layer_table::{Row, mark, table};
use super::text::{
    PlatformGroup, alike, asker, broken, command_env_words, command_words, count, from_sdists, heading, local_files,
    missing, notes, wrapped,
};
use crate::assemble::report::{OutputKind, OutputReport, PlatformReport, Report};
use crate::printable::one_line;
use crate::progress::LayerKind;

/// Returns the summary of a build, at most `width` wide unless a name is longer. Ends with a
/// newline.
#[must_use]
pub fn summary_text(report: &Report, width: usize) -> String {
    let mut sections = Vec::new();
    sections.extend(report.profile.as_deref().map(|profile| heading(Some(profile))));
    sections.extend(report.platforms.iter().map(|platform| layers(platform, width)));
    let absent =
        report.platforms.iter().map(|report| (&report.platform, report.missing.as_slice())).collect::<Vec<_>>();
    let told: Vec<_> = report.platforms.iter().map(|report| (&report.platform, report.notes.as_slice())).collect();
    let notes = [
        starts(report, width),
        from_sdist(report, width),
        libraries(report, width),
        missing(&absent, width),
        notes(&told, width),
        local_files(&report.left_out, width),
    ]
    .concat();
    if !notes.is_empty() {
        sections.push(notes.join("\n"));
    }
    sections.push(ending(report));
    sections.join("\n\n") + "\n"
}

/// Returns one platform's table of layers.
fn layers(report: &PlatformReport, width: usize) -> String {
    let mut total = Row { name: "total to pull", size: report.base, ..Row::default() };
    let mut rows = Vec::new();
    if report.base.layers > 0 {
        rows.push(Row { name: "base", size: report.base, ..Row::default() });
    }
    for kind in LayerKind::ALL {
        let layers: Vec<_> = report.layers.iter().filter(|layer| layer.kind == kind).collect();
        let cached = layers.iter().filter(|layer| layer.cached).count();
        let mut row = Row { name: kind.name(), mark: mark(cached, layers.len()), ..Row::default() };
        for layer in &layers {
            row.add(layer.size, layer.files, false);
            total.add(layer.size, layer.files, false);
        }
        if !layers.is_empty() {
            rows.push(row);
        }
    }
    table(&report.platform, report.python.as_deref(), rows.into_iter().chain([total]), width)
}

/// Returns `starts /usr/local/bin/shop ([project.scripts])`, and `sets FLASK_APP (Dockerfile)`.
fn starts(report: &Report, width: usize) -> Vec<String> {
    let lines = |name: &str, words: &dyn Fn(&PlatformReport) -> Vec<String>| {
        let groups = alike(&report.platforms, |report| &report.platform, words).into_iter();
        let line = |group: PlatformGroup<PlatformReport>| {
            broken(&format!("{name}{}", group.only), words(group.first), "", width)
        };
        groups.map(line).collect::<Vec<_>>()
    };
    let command = |platform: &PlatformReport| command_words(&platform.command, platform.command_origin.as_deref());
    let env = |platform: &PlatformReport| command_env_words(&platform.command_env, platform.command_origin.as_deref());
    [lines("starts", &command), lines("sets", &env)].concat()
}

/// Returns `18 libraries from python:3.11-slim: libbz2.so.1.0 (_bz2), …`.
fn libraries(report: &Report, width: usize) -> Vec<String> {
    let from = report.builder.as_ref().map_or_else(String::new, |builder| format!(" from {builder}"));
    let sonames = |platform: &PlatformReport| platform.taken.iter().map(|taken| taken.soname.clone()).collect();
    let paragraph = |group: PlatformGroup<PlatformReport>| {
        let taken = &group.first.taken;
        let items = taken.iter().map(|taken| format!("{} ({})", taken.soname, asker(&taken.needed_by)));
        let head = format!("{}{from}{}:", count(taken.len() as u64, "library", "libraries"), group.only);
        wrapped(&head, items, width)
    };
    alike(&report.platforms, |report| &report.platform, sonames).into_iter().map(paragraph).collect()
}

/// Returns `2 distributions built from their sdists: docopt 0.6.2, sgmllib3k 1.0.0`.
fn from_sdist(report: &Report, width: usize) -> Vec<String> {
    let made = |platform: &PlatformReport| platform.from_sdist.clone();
    let paragraph = |group: PlatformGroup<PlatformReport>| {
        let made = &group.first.from_sdist;
        let head = format!("{}{}:", from_sdists(made.len()), group.only);
        wrapped(&head, made.iter().cloned(), width)
    };
    alike(&report.platforms, |report| &report.platform, made).into_iter().map(paragraph).collect()
}

/// Returns `pushed ghcr.io/acme/shop:1.4.2 in 3.2 s`, with a line for each output.
fn ending(report: &Report) -> String {
    let time = elapsed(report.elapsed);
    if report.outputs.is_empty() {
        return format!("built in {time}, not pushed (--push=false)");
    }
    let lines: Vec<_> = report.outputs.iter().map(|output| one_line(&published(output))).collect();
    format!("{} in {time}", lines.join("\n"))
}

fn published(OutputReport { place, kind, names, .. }: &OutputReport) -> String {
    match (kind, names.as_slice()) {
        (OutputKind::Engine, names) => format!("loaded {} into {place}", names.join(", ")),
        (OutputKind::Registry, []) => format!("pushed {place} by digest"),
        (OutputKind::Registry, [tag]) => format!("pushed {place}:{tag}"),
        (OutputKind::Registry, tags) => format!("pushed {place} (tags {})", tags.join(", ")),
        (_, []) => format!("wrote {place}"),
        (_, [name]) => format!("wrote {place}:{name}"),
        (_, names) => format!("wrote {place} (names {})", names.join(", ")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::assemble::report::{
        LayerReport, LeftOut, MissingLibrary, ResolvedLibraries, Size, TakenLibrary, Tracked,
    };
    use crate::oci::{Descriptor, Digest, Platform, media_type};

    /// A build for two platforms.
    pub fn report() -> Report {
        let mut arm64 = platform("arm64", "aarch64");
        arm64.layers[0].cached = false;
        Report {
            platforms: vec![platform("amd64", "x86_64"), arm64],
            builder: Some("python:3.13-slim-trixie".to_owned()),
            left_out: LeftOut {
                rules: [(".env*".to_owned(), 1), (".gitignore".to_owned(), 173), ("__pycache__".to_owned(), 40)].into(),
                tracked: [("certs/dev.key", 1), (".github/", 3)]
                    .map(|(path, files)| Tracked { path: path.to_owned(), rule: String::new(), files })
                    .into(),
                ..LeftOut::default()
            },
            ..narrow_report()
        }
    }

    /// A build with little to say.
    pub fn narrow_report() -> Report {
        let mut scratch = platform("arm64", "aarch64");
        scratch.taken.truncate(1);
        scratch.layers.truncate(1);
        Report {
            profile: None,
            reference: format!("ghcr.io/acme/shop:1.4.2@{}", Digest::of(b"index")),
            digest: Digest::of(b"index"),
            root: Descriptor::of(media_type::INDEX, b"index"),
            pushed: true,
            tags: vec!["1.4.2".to_owned()],
            outputs: vec![output("ghcr.io/acme/shop", OutputKind::Registry, &["1.4.2"])],
            base_digest: None,
            base: "gcr.io/distroless/cc-debian13:nonroot".to_owned(),
            builder: None,
            platforms: vec![PlatformReport { base: Size::default(), missing: Vec::new(), python: None, ..scratch }],
            left_out: LeftOut::default(),
            elapsed: Duration::from_millis(3_200),
        }
    }

    /// The image at a place.
    pub fn output(place: &str, kind: OutputKind, names: &[&str]) -> OutputReport {
        OutputReport {
            reference: format!("{place}@{}", Digest::of(b"index")),
            place: place.to_owned(),
            kind,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            digest: Digest::of(b"index"),
        }
    }

    fn platform(architecture: &str, machine: &str) -> PlatformReport {
        let layer = |kind, packed, unpacked, files, cached| {
            let digest = Digest::of(format!("{kind:?}{architecture}{packed}").as_bytes());
            LayerReport { kind, distribution: None, digest, size: Size { layers: 1, packed, unpacked }, files, cached }
        };
        let module =
            |name: &str| format!("/usr/local/lib/python3.13/lib-dynload/{name}.cpython-313-{machine}-linux-gnu.so");
        let taken = |soname: &str, needed_by: String| TakenLibrary {
            soname: soname.to_owned(),
            path: format!("/usr/lib/{machine}-linux-gnu/{soname}"),
            needed_by,
            layer: LayerKind::Runtime,
        };
        let missing = |soname: &str| MissingLibrary { soname: soname.to_owned(), needed_by: module("_tkinter") };
        PlatformReport {
            platform: Platform::new("linux", architecture),
            manifest: Descriptor::of(media_type::MANIFEST, architecture.as_bytes()),
            config: Descriptor::of(media_type::CONFIG, machine.as_bytes()),
            base_digest: None,
            base: Size { layers: 14, packed: 12_400_000, unpacked: 35_100_000 },
            layers: vec![
                layer(LayerKind::Runtime, 18_400_000, 61_000_000, 1_234, true),
                layer(LayerKind::Dependencies, 21_000_000, 80_000_000, 900, true),
                layer(LayerKind::Dependencies, 9_950_000, 30_500_000, 412, false),
                layer(LayerKind::Application, 312_000, 1_020_000, 41, false),
            ],
            python: Some("3.13.5".to_owned()),
            command: ["/usr/local/bin/python", "-m", "shop"].map(str::to_owned).to_vec(),
            command_origin: Some("shop/__main__.py".to_owned()),
            command_env: Vec::new(),
            from_sdist: Vec::new(),
            taken: vec![
                taken("libbz2.so.1.0", module("_bz2")),
                taken("libcrypto.so.3", "/usr/local/lib/libssl.so.3".to_owned()),
                taken("libffi.so.8", module("_ctypes")),
                taken("libssl.so.3", module("_ssl")),
                taken("libpython3.13.so.1.0", "/usr/local/bin/python3.13".to_owned()),
            ],
            missing: vec![missing("libtcl8.6.so"), missing("libtk8.6.so")],
            notes: vec!["the program may need a module that the image does not have: `x` (/app/x.py:1)".to_owned()],
            resolved: ResolvedLibraries::default(),
        }
    }

    #[test]
    fn eighty_columns_show_everything() {
        insta::assert_snapshot!(summary_text(&report(), 80), @"
        linux/amd64, Python 3.13.5
                         layers   packed  unpacked  files
          base               14  12.4 MB   35.1 MB
          runtime             1  18.4 MB   61.0 MB   1234  cached
          dependencies        2  31.0 MB  110.5 MB   1312  1 of 2 cached
          application         1   312 kB    1.0 MB     41
          total to pull      18  62.1 MB  207.6 MB   2587

        linux/arm64, Python 3.13.5
                         layers   packed  unpacked  files
          base               14  12.4 MB   35.1 MB
          runtime             1  18.4 MB   61.0 MB   1234
          dependencies        2  31.0 MB  110.5 MB   1312  1 of 2 cached
          application         1   312 kB    1.0 MB     41
          total to pull      18  62.1 MB  207.6 MB   2587

        starts /usr/local/bin/python -m shop (shop/__main__.py)
        5 libraries from python:3.13-slim-trixie: libbz2.so.1.0 (_bz2),
          libcrypto.so.3 (libssl.so.3), libffi.so.8 (_ctypes), libssl.so.3 (_ssl),
          libpython3.13.so.1.0 (python3.13)
        not available: libtcl8.6.so (needed by _tkinter),
          libtk8.6.so (needed by _tkinter)
        note: the program may need a module that the image does not have: `x`
          (/app/x.py:1)
        left out 214 files: .gitignore 173, __pycache__ 40, .env* 1
        git tracks of these: certs/dev.key, .github/ (3 files)

        pushed ghcr.io/acme/shop:1.4.2 in 3.2 s
        ");
    }

    #[test]
    fn forty_columns_give_up_counts_before_sizes() {
        insta::assert_snapshot!(summary_text(&report(), 40), @"
        linux/amd64, Python 3.13.5
                          packed
          base           12.4 MB
          runtime        18.4 MB  cached
          dependencies   31.0 MB  1 of 2 cached
          application     312 kB
          total to pull  62.1 MB

        linux/arm64, Python 3.13.5
                          packed
          base           12.4 MB
          runtime        18.4 MB
          dependencies   31.0 MB  1 of 2 cached
          application     312 kB
          total to pull  62.1 MB

        starts /usr/local/bin/python -m shop
          (shop/__main__.py)
        5 libraries from
          python:3.13-slim-trixie:
          libbz2.so.1.0 (_bz2),
          libcrypto.so.3 (libssl.so.3),
          libffi.so.8 (_ctypes),
          libssl.so.3 (_ssl),
          libpython3.13.so.1.0 (python3.13)
        not available:
          libtcl8.6.so (needed by _tkinter),
          libtk8.6.so (needed by _tkinter)
        note: the program may need a module that
          the image does not have: `x`
          (/app/x.py:1)
        left out 214 files: .gitignore 173,
          __pycache__ 40, .env* 1
        git tracks of these: certs/dev.key,
          .github/ (3 files)

        pushed ghcr.io/acme/shop:1.4.2 in 3.2 s
        ");
    }

    #[test]
    fn little_to_say_is_said_shortly() {
        let report =
            Report { profile: Some("debug".to_owned()), pushed: false, outputs: Vec::new(), ..narrow_report() };
        insta::assert_snapshot!(summary_text(&report, 80), @"
        profile debug

        linux/arm64
                         layers   packed  unpacked  files
          runtime             1  18.4 MB   61.0 MB   1234  cached
          total to pull       1  18.4 MB   61.0 MB   1234

        starts /usr/local/bin/python -m shop (shop/__main__.py)
        1 library: libbz2.so.1.0 (_bz2)
        note: the program may need a module that the image does not have: `x`
          (/app/x.py:1)

        built in 3.2 s, not pushed (--push=false)
        ");
    }

    #[test]
    fn platforms_that_differ_are_told_apart() {
        let mut report = report();
        report.platforms[0].taken.truncate(2);
        report.platforms[1].taken.truncate(1);
        report.platforms[1].missing.clear();
        report.outputs[0].names.push("1.4".to_owned());
        let text = summary_text(&report, 80);
        insta::assert_snapshot!(text.rsplit_once("total to pull").map_or("", |(_, end)| end), @"
              18  62.1 MB  207.6 MB   2587

        starts /usr/local/bin/python -m shop (shop/__main__.py)
        2 libraries from python:3.13-slim-trixie (linux/amd64): libbz2.so.1.0 (_bz2),
          libcrypto.so.3 (libssl.so.3)
        1 library from python:3.13-slim-trixie (linux/arm64): libbz2.so.1.0 (_bz2)
        not available (linux/amd64): libtcl8.6.so (needed by _tkinter),
          libtk8.6.so (needed by _tkinter)
        note: the program may need a module that the image does not have: `x`
          (/app/x.py:1)
        left out 214 files: .gitignore 173, __pycache__ 40, .env* 1
        git tracks of these: certs/dev.key, .github/ (3 files)

        pushed ghcr.io/acme/shop (tags 1.4.2, 1.4) in 3.2 s
        ");
    }

    #[test]
    fn every_output_has_a_line_with_its_own_verb() {
        let outputs = vec![
            output("ghcr.io/acme/shop", OutputKind::Registry, &[]),
            output("oci:out", OutputKind::Layout, &["1.4.2"]),
            output("oci-archive:x.tar", OutputKind::OciArchive, &[]),
            output("docker", OutputKind::Engine, &["localhost/shop:latest"]),
        ];
        insta::assert_snapshot!(ending(&Report { outputs, ..narrow_report() }), @"
        pushed ghcr.io/acme/shop by digest
        wrote oci:out:1.4.2
        wrote oci-archive:x.tar
        loaded localhost/shop:latest into docker in 3.2 s
        ");
    }

    #[test]
    fn no_line_is_wider_than_asked_where_names_allow() {
        for width in 43..120 {
            let text = summary_text(&report(), width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
        }
    }
}
