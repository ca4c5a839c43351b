//! `/etc/ld.so.cache` against the ldconfig of the image's own Debian release, and
//! against its dynamic loader.
//!
//! Roots are a distroless base with Python and libraries of the builder, and odd
//! files. ldconfig comes from the builder too and runs under bubblewrap, for arm64
//! in qemu-user.

#![expect(clippy::unwrap_used, reason = "a root that cannot be made has failed the test")]

#[path = "ldconfig/images.rs"]
mod images;
#[path = "support/small_layout.rs"]
mod small_layout;
mod support;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use carboy::elf::{self, Loader, Object};
use carboy::glibc::{ld_so_cache, ld_so_conf};
use carboy::oci::{Architecture, Digest};
use carboy::rootfs::{Content, Entry, LocalFile, RootPath, Tree};
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, Pair, Ran, layout, machine, run};
use tempfile::TempDir;

/// A root on disk, and a folder that its programs may write to.
struct Root {
    folder: TempDir,
    pair: Pair,
    platform: &'static str,
}

impl Root {
    /// The base with the builder's Python, some of its libraries and its ldconfig.
    fn new(pair: Pair, platform: &'static str) -> Self {
        let root = Self { folder: TempDir::new().unwrap(), pair, platform };
        let builder = TempDir::new().unwrap();
        for (image, folder) in [(pair.base, root.folder.path()), (pair.builder, builder.path())] {
            let source = format!("oci:{}", layout(image).display());
            run("unpack", [source.as_ref(), platform.as_ref(), folder.as_os_str()]);
        }
        fs::create_dir_all(root.folder.path().join("out")).unwrap();
        let from = builder.path().join("rootfs");
        let libraries = from.join(root.libraries());
        for entry in fs::read_dir(&libraries).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let wanted = ["libsqlite3.", "libz.", "libffi.", "libexpat.", "libreadline.", "libtinfo."];
            if wanted.iter().any(|start| name.starts_with(start)) {
                root.copy(&libraries.join(&name), &format!("{}/{name}", root.libraries()));
            } else if name.starts_with("libbz2.") {
                // where only the cache leads to
                root.copy(&libraries.join(&name), &format!("opt/lib/{name}"));
            }
        }
        let python = format!("python{}", pair.python);
        for path in ["usr/local/lib", &format!("usr/local/bin/{python}"), "usr/sbin/ldconfig"] {
            root.copy(&from.join(path), path);
        }
        root
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("rootfs")
    }

    fn triplet(&self) -> String {
        self.architecture().triplet.to_owned()
    }

    fn architecture(&self) -> &'static Architecture {
        Architecture::known_as(machine(self.platform)).unwrap()
    }

    fn libraries(&self) -> String {
        format!("usr/lib/{}", self.triplet())
    }

    fn copy(&self, from: &Path, to: &str) {
        let to = self.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        run("cp", ["-a".as_ref(), "-T".as_ref(), from.as_os_str(), to.as_os_str()]);
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A library of a soname, for this root's machine.
    fn library(&self, path: &str, soname: &str) {
        self.write(path, library(self.architecture().elf_machine, Some(soname)));
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::default();
        walk(&self.path(), &RootPath::root(), &mut tree);
        tree
    }

    /// Completes the configuration, as a build would.
    fn configure(&self, folders: &[&str]) {
        let folders: Vec<_> = folders.iter().map(|name| RootPath::new(name).unwrap()).collect();
        for (path, bytes) in
            ld_so_conf::configuration(&self.tree(), &mut |path| self.text(path), &folders).unwrap().files
        {
            self.write(std::str::from_utf8(path.as_bytes()).unwrap(), bytes);
        }
    }

    fn text(&self, path: &RootPath) -> std::io::Result<Option<Vec<u8>>> {
        let read = fs::read(self.path().join(std::str::from_utf8(path.as_bytes()).unwrap()));
        read.map(Some).or_else(|cause| if cause.kind() == ErrorKind::NotFound { Ok(None) } else { Err(cause) })
    }

    fn cache(&self) -> Vec<u8> {
        let tree = self.tree();
        let folders = ld_so_conf::folders(&tree, &mut |path| self.text(path)).unwrap();
        let libraries = ld_so_cache::libraries(&tree, &folders, self.architecture(), &Files).unwrap();
        ld_so_cache::cache(&libraries, self.architecture()).unwrap()
    }

    /// A program of the root, without `/proc`.
    fn run(&self, command: &[&str]) -> Ran {
        let mut bwrap = Command::new("bwrap");
        bwrap.args(["--unshare-user", "--unshare-pid", "--die-with-parent", "--clearenv", "--ro-bind"]);
        bwrap.arg(self.path()).args(["/", "--tmpfs", "/tmp", "--bind"]).arg(self.folder.path().join("out"));
        bwrap.arg("/tmp/out");
        if machine(self.platform) == std::env::consts::ARCH {
            bwrap.arg("--");
        } else {
            let qemu = format!("/usr/bin/qemu-{}-static", machine(self.platform));
            assert!(Path::new(&qemu).exists(), "{qemu} is missing: run scripts/setup");
            bwrap.args(["--ro-bind", &qemu, "/tmp/qemu", "--", "/tmp/qemu"]);
        }
        match bwrap.args(command).output() {
            Ok(output) => Ran::of(output),
            Err(cause) => panic!("bwrap: {cause}: run scripts/setup"),
        }
    }

    /// What the root's ldconfig makes, links left alone.
    fn theirs(&self) -> Vec<u8> {
        self.run(&["/usr/sbin/ldconfig", "-X", "-i", "-C", "/tmp/out/cache"]).done();
        fs::read(self.folder.path().join("out/cache")).unwrap()
    }

    /// What the root's ldconfig prints of a cache, but for how many and from whom.
    fn printed(&self, cache: &[u8]) -> Vec<String> {
        fs::write(self.folder.path().join("out/printed"), cache).unwrap();
        let out = self.run(&["/usr/sbin/ldconfig", "-p", "-C", "/tmp/out/printed"]).done();
        let mut lines: Vec<_> = out.lines().map(str::to_owned).collect();
        let count = lines.remove(0);
        lines.retain(|line| !line.starts_with("Cache generated by: "));
        assert!(count.starts_with(&format!("{} libs found", lines.len())), "{count}");
        lines
    }

    fn name(&self) -> String {
        format!("{} {}", self.pair.base, self.platform)
    }
}

/// Every entry below a folder.
fn walk(folder: &Path, name: &RootPath, tree: &mut Tree) {
    use std::os::unix::ffi::OsStrExt as _;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), name.child(entry.file_name().as_bytes()));
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            tree.insert(name, Entry::link(fs::read_link(&path).unwrap().as_os_str().as_bytes()));
        } else if kind.is_dir() {
            tree.insert(name.clone(), Entry::folder(0o755));
            walk(&path, &name, tree);
        } else {
            let mode = entry.metadata().unwrap().permissions().mode();
            let file = LocalFile { path, size: 0, executable: mode & 1 == 1, digest: Digest::of(b""), magic: [0; 4] };
            let kind = carboy::rootfs::Kind::File(Content::Local(Arc::new(file)));
            tree.insert(name, Entry { kind, ..Entry::bytes(mode & 0o7777, *b"") });
        }
    }
}

/// Reads ELF files where they are on disk.
struct Files;

impl Loader for Files {
    type Error = std::io::Error;

    fn object(&self, _: &RootPath, content: &Content) -> std::io::Result<Option<Arc<Object>>> {
        let Content::Local(file) = content else { panic!("not on disk") };
        let object = elf::parse(&object::ReadCache::new(fs::File::open(&file.path)?)).ok().flatten();
        Ok(object.map(Arc::new))
    }
}

fn library(machine: u16, soname: Option<&str>) -> Vec<u8> {
    object(machine, soname.map(|soname| (14, soname)))
}

/// The smallest shared object: headers, a dynamic section with a name by its tag, names.
fn object(machine: u16, name: Option<(u64, &str)>) -> Vec<u8> {
    let mut names = vec![0];
    names.extend(name.unwrap_or_default().1.bytes());
    names.push(0);
    let (dynamic, strings) = (64 + 2 * 56, 64 + 2 * 56 + 4 * 16);
    let size = strings + names.len() as u64;
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend([3u16, machine].iter().flat_map(|half| half.to_le_bytes()));
    out.extend(1u32.to_le_bytes());
    out.extend([0u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    out.extend(0u32.to_le_bytes());
    out.extend([64u16, 56, 2, 64, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    for (kind, offset, size) in [(1u32, 0, size), (2, dynamic, 4 * 16)] {
        out.extend([kind, 4].iter().flat_map(|half| half.to_le_bytes()));
        out.extend([offset, offset, offset, size, size, 0x1000].iter().flat_map(|word| word.to_le_bytes()));
    }
    // DT_STRTAB, DT_STRSZ, DT_SONAME or another or nothing, the end
    let name = name.map_or([0, 0], |(tag, _)| [tag, 1]);
    for tag in [[5, strings], [10, names.len() as u64], name, [0, 0]] {
        out.extend(tag.iter().flat_map(|word| word.to_le_bytes()));
    }
    [out, names].concat()
}

/// A cache as it were, had its ldconfig not told which one it is: the generator's
/// section is always the first of the extension.
fn without_generator(cache: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes(cache[at..at + 4].try_into().unwrap()) as usize;
    let (strings, extension) = (48 + 24 * word(20) + word(24), word(32));
    assert_eq!(word(extension + 8), 0, "the first section is not the generator's");
    let mut out = cache[..strings].to_vec();
    if word(extension + 4) == 1 {
        out[32..36].fill(0);
        return out;
    }
    let (list, size) = (word(extension + 32), word(extension + 36));
    out.resize(extension, 0);
    out.extend(&cache[extension..extension + 4]);
    for number in [1, 1, 0, extension + 24, size] {
        out.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    out.extend(&cache[list..list + size]);
    out
}

const FOLDERS: [&str; 4] = ["usr/local/lib", "opt/lib", "opt/odd", "opt/gone"];

/// Odd files that ldconfig lists, or leaves out, as carboy does.
fn add_odd(root: &Root) {
    for (path, soname) in [
        // numbers sort as numbers
        ("opt/odd/libfoo.so.9", "libfoo.so.9"),
        ("opt/odd/libfoo.so.10", "libfoo.so.10"),
        ("opt/odd/libfoo2.so.1", "libfoo2.so.1"),
        ("opt/odd/libfoo-2.so", "libfoo-2.so"),
        ("opt/odd/libfo\u{e9}.so", "libfo\u{e9}.so"),
        ("opt/odd/libfoz.so", "libfoz.so"),
        // in more than one folder
        ("opt/odd/libz.so.1", "libz.so.1"),
        ("opt/lib/libz.so.1", "libz.so.1"),
        ("usr/lib/libz.so.1", "libz.so.1"),
        // two files of one soname
        ("opt/odd/libtwo.so.1.9", "libtwo.so.1"),
        ("opt/odd/libtwo.so.1.10", "libtwo.so.1"),
        // for better machines
        ("opt/odd/glibc-hwcaps/x86-64-v3/libfoo.so.9.1", "libfoo.so.9"),
        ("opt/odd/glibc-hwcaps/x86-64-v2/libfoo.so.9", "libfoo.so.9"),
        ("opt/odd/glibc-hwcaps/x86-64-v2/libtwo.so.1", "libtwo.so.1"),
        ("opt/odd/glibc-hwcaps/.hidden/libfoo.so.9", "libfoo.so.9"),
        ("opt/odd/glibc-hwcaps/a:b/libfoo.so.9", "libfoo.so.9"),
        // not called as a library is
        ("opt/odd/foo.so.1", "foo.so.1"),
        ("opt/odd/libfoo.a", "libfoo.a"),
    ] {
        root.library(path, soname);
    }
    let number = if machine(root.platform) == "aarch64" { 183 } else { 62 };
    root.write("opt/odd/libnone.so.1.2", library(number, None));
    root.write("opt/odd/libtext.so", "INPUT ( libfoo.so.9 ) GROUP ()\n");
    root.write("opt/odd/libempty.so", "");
    root.write("opt/odd/libshort.so", "\x7fELF");
    for (path, target) in [
        ("opt/odd/libtwo.so.1", "libtwo.so.1.10"),
        ("opt/odd/libtwo.so", "libtwo.so.1"),
        ("opt/odd/libnone.so", "libnone.so.1.2"),
        ("opt/odd/libother.so.5", "libfoo.so.9"),
        ("opt/odd/libgone.so.1", "nowhere"),
        ("opt/odd/libloop.so.1", "libloop.so.1"),
        ("opt/odd/libdir.so.1", "."),
        ("opt/odd/libabs.so.1", "/opt/odd/libtwo.so.1.9"),
        ("opt/odd/glibc-hwcaps/x86-64-v3/anything", "libfoo.so.9.1"),
        ("opt/gone", "lib"),
    ] {
        root.link(path, target);
    }
}

/// A configuration that has all that a file may say, and a library in each folder.
fn add_configuration(root: &Root) {
    for (path, text) in [
        ("B.conf", "include more/[!a]*.inc\tmore/a?.inc # and no more\n/opt/c8/ \r\nhwcap 0 nosegneg\n"),
        (".hidden.conf", "/opt/c9\n"),
        ("more/b.inc", "  /opt/c1\ninclude ../zz.conf /opt/{c9,c8}.inc\n/opt/c2#/opt/c9"),
        ("more/c.inc", "/opt/c3"),
        ("more/.d.inc", "/opt/c9"),
        ("more/aa.inc", "/opt/c5\n/opt/c1\nincluded /opt/c9\n"),
        ("more/ab.inc", "/opt/with space/c6  \n#/opt/c9\n"),
        ("zz.conf", "/opt/../opt/c7\n"),
    ] {
        root.write(&format!("etc/ld.so.conf.d/{path}"), text);
    }
    for folder in ["c1", "c2", "c3", "c5", "with space/c6", "c8", "c9"] {
        root.library(&format!("opt/{folder}/libmany.so.1"), "libmany.so.1");
    }
}

/// The folders that a print lists a name in.
fn folders_of(listed: &[String], name: &str) -> Vec<String> {
    let paths = listed.iter().filter_map(|line| line.split_once(&format!("\t{name} "))?.1.split_once("=> "));
    paths.map(|(_, path)| path.strip_suffix(&format!("/{name}")).unwrap().to_owned()).collect()
}

#[test]
fn the_cache_is_the_one_that_ldconfig_makes() {
    compare([(DEBIAN_12, PLATFORMS[1]), (DEBIAN_13, PLATFORMS[0])]);
}

#[test]
#[ignore = "long"]
fn the_cache_is_the_one_that_ldconfig_makes_on_the_other_platforms() {
    compare([(DEBIAN_12, PLATFORMS[0]), (DEBIAN_13, PLATFORMS[1])]);
}

fn compare(releases: [(Pair, &'static str); 2]) {
    for root in releases.map(|(pair, platform)| Root::new(pair, platform)) {
        root.configure(&FOLDERS);
        let (ours, theirs) = (root.cache(), root.theirs());
        assert_eq!(root.printed(&ours), root.printed(&theirs), "{}", root.name());
        assert!(ours == without_generator(&theirs), "{}", root.name());
        let python = format!("libpython{}.so.1.0", root.pair.python);
        let listed = root.printed(&ours);
        assert!(listed.iter().any(|line| line.ends_with(&format!("=> /usr/local/lib/{python}"))), "{listed:#?}");

        add_odd(&root);
        add_configuration(&root);
        root.configure(&FOLDERS);
        let (ours, theirs) = (root.cache(), root.theirs());
        assert_eq!(root.printed(&ours), root.printed(&theirs), "{}", root.name());
        assert!(ours == without_generator(&theirs), "{}", root.name());
        let listed = root.printed(&ours);
        assert_eq!(listed.iter().filter(|line| line.contains("hwcap")).count(), 3, "{listed:#?}");
        let folders = ["c1", "c2", "c3", "c5", "with space/c6", "c8"].map(|name| format!("/opt/{name}"));
        assert_eq!(folders_of(&listed, "libmany.so.1"), folders);
        only_what_is_there_and_fits_is_listed(&root);
    }
}

/// Where carboy leaves out what `ldconfig -X` lists.
fn only_what_is_there_and_fits_is_listed(root: &Root) {
    let before = root.printed(&root.cache());
    // a soname that no file has
    root.library("opt/odd/libunlinked.so.1.2", "libunlinked.so.1");
    root.library("opt/odd/libstale.so.1.2", "libstale.so.1");
    root.link("opt/odd/libstale.so.1", "libstale.so.1.1");
    // other machines, the second one a 32-bit one of the same family
    let (other, small) = if machine(root.platform) == "aarch64" { (62, 40) } else { (183, 3) };
    root.write("opt/odd/libmachine.so.1", library(other, Some("libmachine.so.1")));
    let mut class = library(small, Some("libclass.so.1"));
    class[4] = 1;
    root.write("opt/odd/libclass.so.1", class);
    assert_eq!(root.printed(&root.cache()), before, "{}", root.name());
    let left_out = ["libunlinked.so.1", "libstale.so.1", "libmachine.so.1", "libclass.so.1"];
    let (more, theirs): (Vec<_>, Vec<_>) = root
        .printed(&root.theirs())
        .into_iter()
        .partition(|line| left_out.iter().any(|name| line.starts_with(&format!("\t{name} "))));
    assert_eq!(theirs, before, "{}", root.name());
    assert!(more.len() >= 2, "ldconfig no longer lists sonames that are not there: {more:?}");
}

/// Emulated, the interpreter says nothing more about the loader.
#[test]
fn the_loader_finds_libraries_by_name_without_proc() {
    for pair in [DEBIAN_12, DEBIAN_13] {
        let native = PLATFORMS.into_iter().find(|platform| machine(platform) == std::env::consts::ARCH).unwrap();
        let root = Root::new(pair, native);
        let python = format!("/usr/local/bin/python{}", pair.python);
        let open = "import ctypes, os; [ctypes.CDLL(name) for name in ('libsqlite3.so.0', 'libbz2.so.1.0')]; \
                    print(os.path.exists('/proc/self'))";
        let without = root.run(&[&python, "-c", open]);
        assert_ne!(without.code, Some(0));
        assert!(
            without.stderr.contains(&format!("libpython{}.so.1.0: cannot open", pair.python)),
            "{}",
            without.stderr
        );
        root.configure(&FOLDERS);
        root.write("etc/ld.so.cache", root.cache());
        assert_eq!(root.run(&[&python, "-c", open]).done(), "False\n", "{}", root.name());
    }
}
