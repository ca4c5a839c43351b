//! What a scanner sees in finished images: the base's packages, the packages of the
//! files that came from the builder, Python and every wheel, each once.
//!
//! What is expected is worked out without carboy: by dpkg-query from the builder's
//! database, for the files that the image has and the base has not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::carboy::Carboy;
use support::image::Unpacked;
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, PYTHON_2, Pair, layout, project, ran, run, test_cache, tool};
use tempfile::TempDir;

/// Type, name and version.
type Package = (String, String, String);

fn package(kind: &str, name: &str, version: &str) -> Package {
    (kind.to_owned(), name.to_owned(), version.to_owned())
}

/// An image as an OCI layout on disk.
struct Built {
    folder: TempDir,
}

impl Built {
    /// An example over the pair's images; `more` is added to its configuration.
    fn new(app: &str, pair: Pair, base: &str, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let project = project(app, pair, folder.path());
        fs::write(project.join("local"), "of this disk\n").unwrap();
        let mut text = fs::read_to_string(project.join("carboy.toml")).unwrap();
        text.push_str(more);
        fs::write(project.join("carboy.toml"), text).unwrap();
        let builder = format!("oci:{}", layout(pair.builder).display());
        let to = format!("oci:{}", folder.path().join("image").display());
        Carboy::build(&project).args(["--base", base, "--builder", &builder]).to(to).line();
        Self { folder }
    }

    fn over(app: &str, pair: Pair) -> Self {
        Self::new(app, pair, &format!("oci:{}", layout(pair.base).display()), "")
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn unpacked(&self, platform: &str) -> Unpacked {
        Unpacked::new(&format!("oci:{}", self.layout().display()), platform)
    }

    fn scanned(&self, platform: &str) -> Value {
        scanned(&self.layout(), platform)
    }
}

/// What syft says of an image.
fn scanned(layout: &Path, platform: &str) -> Value {
    let (home, mut source) = (TempDir::new().unwrap(), std::ffi::OsString::from("oci-dir:"));
    source.push(layout);
    let mut syft = tool("syft");
    syft.arg("scan").arg(source).args(["--platform", platform, "--quiet", "--output", "json"]);
    syft.env("SYFT_CHECK_FOR_APP_UPDATE", "false").env("HOME", home.path());
    let ran = support::Ran::of(syft.output().unwrap());
    serde_json::from_str(&ran.done()).unwrap()
}

/// The packages that a scan lists, sorted; those listed twice are there twice.
fn listed(scan: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let artifacts = scan["artifacts"].as_array().unwrap().iter();
    let all = artifacts.map(|found| (text(&found["type"]), text(&found["name"]), text(&found["version"])));
    let mut all: Vec<_> = all.filter(|(kind, ..)| ["deb", "python", "binary"].contains(&kind.as_str())).collect();
    all.sort();
    all
}

fn fixture(image: &str, platform: &str) -> Unpacked {
    Unpacked::new(&format!("oci:{}", layout(image).display()), platform)
}

/// Everything in a root but folders, as `/PATH`.
fn files(root: &Path) -> BTreeSet<String> {
    let found = run(
        "find",
        [root.as_os_str(), "!".as_ref(), "-type".as_ref(), "d".as_ref(), "-printf".as_ref(), "/%P\\n".as_ref()],
    );
    found.lines().map(str::to_owned).collect()
}

fn status_d(root: &Path) -> PathBuf {
    root.join("var/lib/dpkg/status.d")
}

/// The records of an image by file name; the fields as text.
fn records(root: &Path) -> BTreeMap<String, String> {
    let Ok(found) = fs::read_dir(status_d(root)) else { return BTreeMap::new() };
    let paths = found.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_none_or(|extension| extension != "md5sums"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

/// The packages that dpkg says own some files of the builder: by package, the files.
/// Files are looked up below `/lib` too, where Debian 12 packs them.
fn owners(builder: &Path, files: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let admin = format!("--admindir={}", builder.join("var/lib/dpkg").display());
    let aliases = files.iter().filter_map(|file| file.strip_prefix("/usr")).map(str::to_owned);
    let names = [admin, "--search".to_owned()].into_iter().chain(files.iter().cloned()).chain(aliases);
    let mut out = BTreeMap::<_, BTreeSet<_>>::new();
    for line in ran("dpkg-query", names).stdout.lines() {
        let (package, file) = line.split_once(": ").unwrap();
        let file = if files.contains(file) { file.to_owned() } else { format!("/usr{file}") };
        out.entry(package.split(':').next().unwrap().to_owned()).or_default().insert(file);
    }
    out
}

fn version(builder: &Path, package: &str) -> String {
    let admin = format!("--admindir={}", builder.join("var/lib/dpkg").display());
    run("dpkg-query", [&admin, "--show", "--showformat=${Version}", package])
}

/// The distributions of an example's ready-made site-packages.
fn wheels(app: &str, pair: Pair, platform: &str) -> Vec<Package> {
    let site = test_cache(&format!("site/{app}/{}-{}", pair.python, platform.rsplit('/').next().unwrap()));
    let found = fs::read_dir(site).unwrap().map(|entry| entry.unwrap().path().join("METADATA"));
    let texts = found.filter(|path| path.exists()).map(|path| fs::read_to_string(path).unwrap());
    let name = |text: &str| field(text, "Name").to_lowercase().replace(['_', '.'], "-"); // as syft writes it (PEP 503)
    texts.map(|text| package("python", &name(&text), &field(&text, "Version"))).collect()
}

/// What an image is made of.
struct Contents<'a> {
    built: &'a Built,
    builder: &'a str,
    /// None for scratch.
    base: Option<&'a str>,
    /// What is expected beside the base's packages and those of taken files.
    more: Vec<Package>,
    /// Local files that stand where the builder has some of its own.
    local: &'a [&'a str],
}

impl<'a> Contents<'a> {
    fn of(built: &'a Built, builder: &'a str, base: Option<&'a str>) -> Self {
        Self { built, builder, base, more: Vec::new(), local: &[] }
    }

    /// Holds the scan, the release and every list of files against what is expected.
    fn check(&self, platform: &str) {
        let (image, builder) = (self.built.unpacked(platform), fixture(self.builder, platform));
        let base = self.base.map(|base| fixture(base, platform));
        let before = base.as_ref().map(|base| files(&base.root())).unwrap_or_default();
        let mut came: BTreeSet<_> = files(&image.root()).difference(&before).cloned().collect();
        came.retain(|file| !file.starts_with("/var/lib/dpkg/") && !file.starts_with("/usr/share/doc/"));
        // what carboy writes is no package's, though the builder has one of that name
        came.retain(|file| file != "/etc/ld.so.conf" && !self.local.contains(&file.as_str()));
        let owners = owners(&builder.root(), &came);

        let mut want: BTreeSet<_> = self.more.iter().cloned().collect();
        want.extend(self.base.iter().zip(&base).flat_map(|(name, base)| packages(name, &base.root(), platform)));
        want.extend(owners.keys().map(|name| package("deb", name, &version(&builder.root(), name))));
        let scan = self.built.scanned(platform);
        assert_eq!(listed(&scan), Vec::from_iter(want), "{platform}");
        let release = base.as_ref().unwrap_or(&builder).root().join("usr/lib/os-release");
        let release = fs::read_to_string(release).unwrap();
        let number = release.lines().find_map(|line| line.strip_prefix("VERSION_ID=")).unwrap().trim_matches('"');
        assert_eq!(scan["distro"]["id"], "debian");
        let version = scan["distro"]["versionID"].as_str().unwrap(); // syft adds the point release
        assert_eq!(version.split('.').next(), Some(number));

        // every file of a package is on its list, and every list is true
        let own = base.as_ref().map(|base| records(&base.root())).unwrap_or_default();
        for (package, files) in owners {
            let list = status_d(&image.root()).join(format!("{package}.md5sums"));
            let text = fs::read_to_string(&list).unwrap();
            for file in files.iter().filter(|file| !image.root().join(&file[1..]).is_symlink()) {
                assert!(text.lines().any(|line| line[34..] == file[1..]), "{package} lacks {file}: {text}");
            }
            if !own.contains_key(&package) {
                verify(&image.root(), &package);
            }
        }
        assert_eq!(false_lines(&image.root()), base.map(|base| false_lines(&base.root())).unwrap_or_default());
    }
}

/// What is in a base: what its records tell, or what syft lists where dpkg's own
/// database is. Of a distroless base alone syft 1.50.0 lists next to nothing.
fn packages(base: &str, root: &Path, platform: &str) -> Vec<Package> {
    if root.join("var/lib/dpkg/status").exists() {
        return listed(&scanned(&layout(base), platform));
    }
    records(root).values().map(|text| package("deb", &field(text, "Package"), &field(text, "Version"))).collect()
}

/// Python, as the builder's configuration tells its version.
fn python(builder: &str, platform: &str) -> Package {
    let config = fs::read(fixture(builder, platform).path().join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let mut env = config["config"]["Env"].as_array().unwrap().iter();
    package("binary", "python", env.find_map(|entry| entry.as_str()?.strip_prefix("PYTHON_VERSION=")).unwrap())
}

/// A Python image over a base (none for scratch) and its wheels.
fn check(built: &Built, pair: Pair, base: Option<&str>, platform: &str, wheels: Vec<Package>) {
    let more = wheels.into_iter().chain([python(pair.builder, platform)]).collect();
    Contents { more, ..Contents::of(built, pair.builder, base) }.check(platform);
}

/// Compares a list with the files that it names.
#[track_caller]
fn verify(root: &Path, record: &str) {
    let list = status_d(root).join(format!("{record}.md5sums"));
    let summed = tool("md5sum").args(["--check", "--strict", "--quiet"]).arg(list).current_dir(root).output().unwrap();
    assert!(summed.status.success(), "{record}: {summed:?}");
}

/// The files of a root that are not as some list has them; those that are missing are
/// left out. Distroless changes os-release and not its list.
fn false_lines(root: &Path) -> BTreeSet<String> {
    let lists = "find var/lib/dpkg -name '*.md5sums' -exec cat {} + | md5sum --check --quiet --ignore-missing";
    let summed = support::Ran::of(tool("sh").args(["-c", lists]).current_dir(root).output().unwrap());
    assert!(!summed.stderr.contains("improperly formatted"), "{}", summed.stderr);
    summed.stdout.lines().map(|line| line.strip_suffix(": FAILED").unwrap_or(line).to_owned()).collect()
}

#[test]
fn hello_over_debian_12_lists_what_is_in_it() {
    let built = Built::over("hello", DEBIAN_12);
    for platform in PLATFORMS {
        check(&built, DEBIAN_12, Some(DEBIAN_12.base), platform, Vec::new());
    }
}

#[test]
fn hello_over_debian_13_lists_what_is_in_it() {
    hello(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn hello_over_debian_13_lists_what_is_in_it_on_arm64() {
    hello(PLATFORMS[1]);
}

fn hello(platform: &str) {
    let built = Built::over("hello", DEBIAN_13);
    check(&built, DEBIAN_13, Some(DEBIAN_13.base), platform, Vec::new());
}

#[test]
fn pandas_lists_every_wheel_once() {
    pandas(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn pandas_lists_every_wheel_once_on_arm64() {
    pandas(PLATFORMS[1]);
}

fn pandas(platform: &str) {
    let built = Built::over("pandas", DEBIAN_13);
    let wheels = wheels("pandas", DEBIAN_13, platform);
    assert!(wheels.iter().any(|(_, name, _)| name == "numpy"), "{wheels:?}");
    check(&built, DEBIAN_13, Some(DEBIAN_13.base), platform, wheels);
}

/// Its standard library has records of modules that once were packages.
#[test]
fn python_2_lists_itself_and_its_wheels() {
    flask27(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn python_2_lists_itself_and_its_wheels_on_arm64() {
    flask27(PLATFORMS[1]);
}

fn flask27(platform: &str) {
    let built = Built::over("flask27", PYTHON_2);
    let wheels = wheels("flask27", PYTHON_2, platform);
    assert_eq!(wheels.len(), 7, "{wheels:?}");
    check(&built, PYTHON_2, Some(PYTHON_2.base), platform, wheels);
}

#[test]
fn an_image_on_scratch_says_of_which_release_it_is() {
    scratch(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn an_image_on_scratch_says_of_which_release_it_is_on_arm64() {
    scratch(PLATFORMS[1]);
}

fn scratch(platform: &str) {
    let built = Built::new("hello", DEBIAN_13, "scratch", "");
    check(&built, DEBIAN_13, None, platform, Vec::new());
    let image = built.unpacked(platform);
    let root = image.root();
    assert_eq!(fs::read_link(root.join("etc/os-release")).unwrap(), Path::new("../usr/lib/os-release"));
    assert!(root.join("usr/lib/os-release").is_file() && status_d(&root).join("base-files").is_file());
}

#[test]
fn a_later_layer_extends_a_record_and_another_version_has_its_own() {
    let old = format!("oci:{}", layout(DEBIAN_12.builder).display());
    let more = format!(
        "\n[[extract]]\nfrom = \"builder\"\npaths = [\"/usr/lib/*/libformw.so.6*\"]\n\
         \n[[extract]]\nfrom = \"{old}\"\npaths = [\"/usr/share/zoneinfo/Europe/Berlin\"]\nto = \"/opt/old\"\n"
    );
    let base = format!("oci:{}", layout(DEBIAN_13.base).display());
    let built = Built::new("hello", DEBIAN_13, &base, &more);
    let platform = PLATFORMS[0];
    let (image, plain) = (built.unpacked(platform), Built::over("hello", DEBIAN_13));
    let tzdata = records(&fixture(DEBIAN_12.base, platform).root())["tzdata"].clone();
    let version = field(&tzdata, "Version");

    let mut want = listed(&plain.scanned(platform));
    want.push(package("deb", "tzdata", &version));
    want.sort();
    assert_eq!(listed(&built.scanned(platform)), want);

    let list = |record: &str| fs::read_to_string(status_d(&image.root()).join(format!("{record}.md5sums"))).unwrap();
    let ncurses = list("libncursesw6");
    assert!(["libncursesw", "libpanelw", "libformw"].iter().all(|name| ncurses.contains(name)), "{ncurses}");
    verify(&image.root(), "libncursesw6");
    let own = format!("tzdata_{version}_all");
    assert!(list(&own).ends_with("  opt/old/usr/share/zoneinfo/Europe/Berlin\n"), "{}", list(&own));
    verify(&image.root(), &own);
    let base = fixture(DEBIAN_13.base, platform);
    assert_eq!(list("tzdata"), fs::read_to_string(status_d(&base.root()).join("tzdata.md5sums")).unwrap());
    // as distroless has it: what dpkg noted is left out, all else is as it was packed
    assert_eq!(records(&image.root())[&own], tzdata);
}

#[test]
fn flask_lists_every_wheel_once() {
    flask(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn flask_lists_every_wheel_once_on_arm64() {
    flask(PLATFORMS[1]);
}

fn flask(platform: &str) {
    let built = Built::over("flask", DEBIAN_12);
    let wheels = wheels("flask", DEBIAN_12, platform);
    assert!(wheels.iter().any(|(_, name, _)| name.eq_ignore_ascii_case("flask")), "{wheels:?}");
    check(&built, DEBIAN_12, Some(DEBIAN_12.base), platform, wheels);
}

const NGINX: Pair = Pair { builder: "nginx:1.22-bookworm", ..DEBIAN_12 };
/// Local files of the example that stand where Debian's nginx has its own.
const CONFIGURED: [&str; 2] = ["/etc/nginx/nginx.conf", "/usr/share/nginx/html/index.html"];

#[test]
fn nginx_over_distroless_and_over_nothing_lists_debians_packages() {
    nginx(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn nginx_over_distroless_and_over_nothing_lists_debians_packages_on_arm64() {
    nginx(PLATFORMS[1]);
}

fn nginx(platform: &str) {
    // The packaged configuration is taken first, and then replaced.
    let more = "\n[[extract]]\npaths = [\"/etc/nginx/nginx.conf\"]\n";
    for base in [Some(NGINX.base), None] {
        let name = base.map_or("scratch".to_owned(), |base| format!("oci:{}", layout(base).display()));
        let built = Built::new("nginx", NGINX, &name, more);
        Contents { local: &CONFIGURED, ..Contents::of(&built, NGINX.builder, base) }.check(platform);
        let image = built.unpacked(platform);
        let list = fs::read_to_string(status_d(&image.root()).join("nginx-common.md5sums")).unwrap();
        assert!(list.contains("etc/nginx/mime.types") && !list.contains("etc/nginx/nginx.conf"), "{list}");
    }
}

#[test]
fn a_base_with_dpkgs_own_database_keeps_it_and_gets_records_beside_it() {
    nginx_over_python(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn a_base_with_dpkgs_own_database_keeps_it_and_gets_records_beside_it_on_arm64() {
    nginx_over_python(PLATFORMS[1]);
}

fn nginx_over_python(platform: &str) {
    let base = DEBIAN_12.builder;
    let built = Built::new("nginx", NGINX, &format!("oci:{}", layout(base).display()), "");
    Contents { local: &CONFIGURED, ..Contents::of(&built, NGINX.builder, Some(base)) }.check(platform);
}

#[test]
fn a_local_file_over_a_bases_or_a_taken_one_leaves_its_packages_list() {
    let copies = ["/usr/share/zoneinfo/Europe/Berlin", "/usr/lib/locale/C.utf8/LC_NUMERIC"];
    let more = copies.map(|to| format!("\n[[copy]]\nfrom = \"local\"\nto = \"{to}\"\n")).concat();
    let base = format!("oci:{}", layout(DEBIAN_12.base).display());
    let (built, plain) = (Built::new("hello", DEBIAN_12, &base, &more), Built::over("hello", DEBIAN_12));
    let platform = PLATFORMS[0];
    let (unpacked, before) = (built.unpacked(platform), plain.unpacked(platform));
    let image = unpacked.root();
    for (package, file) in ["tzdata", "libc-bin"].into_iter().zip(copies) {
        let list = |root: &Path| fs::read_to_string(status_d(root).join(format!("{package}.md5sums"))).unwrap();
        let (old, new) = (list(&before.root()), list(&image));
        let gone: Vec<_> = old.lines().filter(|line| !new.contains(line)).map(|line| &line[34..]).collect();
        assert_eq!(gone, [&file[1..]], "{package}");
        assert!(new.lines().all(|line| old.contains(line)), "{package}");
    }
    assert_eq!(false_lines(&image), false_lines(&before.root()));
    assert_eq!(listed(&built.scanned(platform)), listed(&plain.scanned(platform)));
}
