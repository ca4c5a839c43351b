//! Links and scripts that are taken: they lead, and start, in the finished image,
//! whose `/bin` may be a folder of its own where the builder's is a link.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/small_layout.rs"]
mod small_layout;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use small_layout::Layout;
use support::carboy::Carboy;
use support::image::Unpacked;
use support::running::{Runner, start};
use support::{DEBIAN_12, DEBIAN_13, Pair, Ran, layout};
use tempfile::TempDir;

fn oci(image: &str) -> String {
    format!("oci:{}", layout(image).display())
}

/// A project over a base, with a pair's builder, for one platform.
struct Project {
    folder: TempDir,
    base: String,
    pair: Pair,
}

impl Project {
    fn new(base: &str, pair: Pair, toml: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("carboy.toml"), format!("platforms = ['linux/amd64']\n{toml}")).unwrap();
        Self { folder, base: base.to_owned(), pair }
    }

    fn target(&self) -> String {
        format!("oci:{}:1", self.folder.path().join("image").display())
    }

    fn build(&self) -> Ran {
        let builder = oci(self.pair.builder);
        let app = ["--base", &self.base, "--builder", &builder];
        // Where the images of other temporary folders are.
        let outside = std::env::temp_dir();
        let build = Carboy::build(self.folder.path()).args(["--allow-outside".as_ref(), outside.as_os_str()]);
        build.args(app).to(self.target()).run()
    }

    fn image(&self) -> Unpacked {
        self.build().done();
        Unpacked::new(&self.target(), "linux/amd64")
    }

    /// What the image's process prints.
    fn runs(&self) -> String {
        start(&self.image(), Runner::Bwrap, &[]).done()
    }
}

fn process(words: &[&str], paths: &[&str]) -> String {
    format!("python = false\n[[extract]]\npaths = {paths:?}\n[image]\nentrypoint = {words:?}\n")
}

/// Without merged usr, from nothing, and with merged usr.
fn bases() -> [(String, Pair); 3] {
    [(oci(DEBIAN_12.base), DEBIAN_12), ("scratch".to_owned(), DEBIAN_12), (oci(DEBIAN_13.base), DEBIAN_13)]
}

#[test]
fn a_script_starts_by_a_program_that_is_a_link() {
    for (base, pair) in bases() {
        let toml = process(&["/usr/bin/egrep", "--version"], &["/usr/bin/egrep", "/usr/bin/grep"]);
        let out = Project::new(&base, pair, &toml).runs();
        assert!(out.starts_with("grep (GNU grep)"), "{base}: {out}");
    }
}

#[test]
fn programs_below_a_link_to_a_folder_start() {
    for (base, pair) in bases() {
        let toml = process(&["/bin/sh", "-c", "echo $((6 * 7))"], &["/bin/sh"]);
        assert_eq!(Project::new(&base, pair, &toml).runs(), "42\n", "{base}");
    }
}

#[test]
fn a_library_is_beside_the_link_to_it() {
    let library = "lib/x86_64-linux-gnu/libapt-pkg.so.6.0";
    let toml = process(&["/usr/bin/env"], &["/usr/bin/env", &format!("/{library}")]);
    let image = Project::new(&oci(DEBIAN_12.base), DEBIAN_12, &toml).image();
    assert!(fs::metadata(image.root().join(library)).unwrap().is_file());
    assert!(!image.root().join("usr").join(library).exists(), "one copy is enough");
}

/// An image with merged usr; its files are scripts.
fn donor(folder: &Path, entries: &[(&str, &str)]) -> PathBuf {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(0);
        if let Some(target) = content.strip_prefix("-> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, path, target).unwrap();
        } else {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    Layout::write(folder, &[tar.into_inner().unwrap()])
}

#[test]
fn links_climb_and_pass_through_links_as_in_the_finished_image() {
    let other = TempDir::new().unwrap();
    let script = "#!/usr/bin/env python3\nimport sys; print('started by', sys.executable)\n";
    donor(
        other.path(),
        &[
            ("bin", "-> usr/bin"),
            ("lib", "-> usr/lib"),
            ("usr/bin/tool", "-> /etc/alternatives/tool"),
            ("etc/alternatives/tool", "-> /bin/other"),
            ("usr/bin/other", "-> ../lib/tools/tool"),
            ("usr/lib/tools", "-> /opt/tools"),
            ("opt/tools/tool", "-> ./main"),
            ("opt/tools/main", script),
        ],
    );
    let from = format!("oci:{}:1", other.path().display());
    let extract = format!(
        "[[extract]]\npaths = ['/usr/bin/env']\n[[extract]]\nfrom = '{from}'\npaths = ['/bin/tool']\n\
         [image]\nentrypoint = ['/bin/tool']\n"
    );
    for pair in [DEBIAN_12, DEBIAN_13] {
        let toml = format!("python = '{}'\n{extract}", pair.python);
        let out = Project::new(&oci(pair.base), pair, &toml).runs();
        assert_eq!(out, "started by /usr/local/bin/python3\n");
    }
}

#[test]
fn a_script_that_nothing_can_start_is_an_error() {
    let other = TempDir::new().unwrap();
    let scripts = [
        ("bin/first", "#!/usr/bin/env nothing\n"),
        ("bin/second", "#!/bin/link -x\n"),
        ("bin/link", "-> /nowhere"),
        ("usr/bin/env", "#!/bin/second\n"),
    ];
    donor(other.path(), &scripts);
    let from = format!("oci:{}:1", other.path().display());
    let toml = format!(
        "python = false\n[[extract]]\nfrom = '{from}'\npaths = ['/bin/first']\n\
         [image]\nentrypoint = ['/bin/first']\n"
    );
    let ran = Project::new(&oci(DEBIAN_12.base), DEBIAN_12, &toml).build();
    assert_eq!(ran.code, Some(1));
    for lacking in [
        "/bin/first starts with `#!/usr/bin/env nothing`",
        "has `nothing`",
        "/bin/second starts with",
        "has `/bin/link`",
    ] {
        assert!(ran.stderr.contains(lacking), "{lacking}: {}", ran.stderr);
    }
}

#[test]
fn scripts_that_cannot_be_started_are_told_of_once_for_each_program() {
    let toml = "python = '3.11'\n[dependencies]\nsite-packages = 'site'\n[image]\nentrypoint = ['python']\n";
    let project = Project::new(&oci(DEBIAN_12.base), DEBIAN_12, toml);
    let bin = project.folder.path().join("site/bin");
    fs::create_dir_all(&bin).unwrap();
    for (name, line) in [
        ("one", "#!/bin/bash"),
        ("two", "#!/bin/bash -e"),
        ("three", "#!/usr/bin/perl"),
        ("four", "#!/usr/bin/env python3"), // carboy writes the interpreter's path
    ] {
        fs::write(bin.join(name), format!("{line}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let ran = project.build();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told: Vec<_> = ran.stderr.lines().filter(|line| line.contains("the image does not have")).collect();
    assert_eq!(told.len(), 2, "{}", ran.stderr);
    let bash = "2 scripts need `/bin/bash`, which the image does not have: /usr/local/bin/one and /usr/local/bin/two";
    assert!(told[0].ends_with(bash), "{told:?}");
    assert!(told[1].ends_with("1 script needs `/usr/bin/perl`, which the image does not have: /usr/local/bin/three"));
}
