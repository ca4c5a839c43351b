use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::config::{File, PackageIndex};
use crate::oci::CompressionLevel;
use crate::python::lock::testing::Refusing;
use crate::python::lock::{Format, Lock, LockInput};

fn args() -> Args {
    Args {
        to: vec!["ghcr.io/acme/shop:1".to_owned()],
        entrypoint: Some(vec!["gunicorn".to_owned(), "shop:app".to_owned()]),
        push: Some(true),
        ..Args::default()
    }
}

fn plan(args: &Args, toml: &str) -> Result<Plan, PlanError> {
    Plan::new(args, &File::parse(toml, "carboy.toml").unwrap(), None)
}

fn error(args: &Args, toml: &str) -> String {
    plan(args, toml).unwrap_err().to_string()
}

#[test]
fn a_plain_project_needs_only_a_target() {
    let plan = plan(&args(), "").unwrap();
    assert_eq!(plan.base_name, "gcr.io/distroless/cc-debian13:nonroot");
    assert_eq!(plan.builder_name.as_deref(), Some("python:3.13-slim-trixie"));
    assert_eq!(plan.outputs.targets[0].names, ["1"]);
    assert_eq!(plan.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    assert_eq!((plan.image.workdir.as_str(), plan.compression), ("/app", CompressionLevel::Zstd { level: 3 }));
}

#[test]
fn flags_win_over_the_file() {
    let toml = "to = 'r.io/x'\ntags = ['2']\npython = '3.11'\n[layers]\ncompression = 'gzip'\nlevel = 9\n[image]\nentrypoint = ['a']\ncmd = ['b']";
    let flags = Args {
        tags: vec!["3".to_owned()],
        platforms: ["linux/arm64", "linux/x86_64"].map(str::to_owned).to_vec(),
        python: Some("3.12".to_owned()),
        compression: Some("zstd".to_owned()),
        entrypoint: Some(vec!["c".to_owned()]),
        ..args()
    };
    let plan = plan(&flags, toml).unwrap();
    assert_eq!(plan.outputs.targets[0].to_string(), "ghcr.io/acme/shop:1");
    assert_eq!(plan.outputs.targets[0].names, ["1", "3"]);
    assert_eq!(plan.platforms.len(), 2);
    assert_eq!(plan.builder_name.as_deref(), Some("python:3.12-slim-trixie"));
    assert_eq!(plan.compression, CompressionLevel::default());
    assert_eq!((plan.image.entrypoint, plan.image.cmd), (Some(vec!["c".to_owned()]), None));
}

#[test]
fn the_deployed_python_is_the_default_if_the_project_allows_it() {
    let requires = Some(">=3.10");
    for (dockerfile, runtime, requires, builder) in [
        (Some("FROM python:3.12-alpine\n"), None, requires, "python:3.12-slim-trixie"),
        (Some("FROM ghcr.io/astral-sh/uv:python3.11-alpine\n"), Some("python-3.12.1"), None, "python:3.11-slim-trixie"),
        (Some("FROM node\n"), Some("python-3.12.1\n"), requires, "python:3.12-slim-trixie"),
        (Some("FROM python:3.9\n"), None, requires, "python:3.10-slim-trixie"),
        (Some("FROM python:3.6\n"), None, None, "python:3.13-slim-trixie"),
    ] {
        let args = Args {
            dockerfile: dockerfile.map(|text| ("Dockerfile".to_owned(), text.to_owned())),
            runtime_txt: runtime.map(str::to_owned),
            requires_python: requires.map(str::to_owned),
            ..args()
        };
        assert_eq!(plan(&args, "").unwrap().builder_name.as_deref(), Some(builder), "{dockerfile:?} {runtime:?}");
    }
}

#[test]
fn the_project_files_choose_the_default_python() {
    for (file, requires, builder) in [
        (Some("3.12.4\n"), Some(">=3.10"), "python:3.12-slim-trixie"),
        (None, Some(">=3.10"), "python:3.10-slim-trixie"),
    ] {
        let args =
            Args { python_version: file.map(str::to_owned), requires_python: requires.map(str::to_owned), ..args() };
        assert_eq!(plan(&args, "").unwrap().builder_name.as_deref(), Some(builder));
    }
}

#[test]
fn one_of_base_and_builder_draws_the_other() {
    let base = plan(&args(), "base = 'gcr.io/distroless/cc-debian12'").unwrap();
    assert_eq!(base.builder_name.as_deref(), Some("python:3.13-slim-bookworm"));
    let builder = plan(&args(), "builder = 'python:3.11-slim-bookworm'\npython = '3.11'").unwrap();
    assert_eq!(builder.base_name, "gcr.io/distroless/cc-debian12:nonroot");
}

#[test]
fn relative_paths_start_at_the_configuration() {
    let toml = "to = 'oci:out'\n[dependencies]\nsite-packages = 'build/site'\n[app]\nsource = 'src'";
    let args = Args { to: Vec::new(), folder: PathBuf::from("proj"), ..args() };
    let plan = plan(&args, toml).unwrap();
    assert_eq!(plan.outputs.targets[0].to_string(), "oci:proj/out");
    assert_eq!(plan.app.unwrap().source, Path::new("proj/src"));
    let Dependencies::Ready(folders) = plan.dependencies else { panic!("no folders") };
    assert_eq!(folders.values().next().unwrap(), Path::new("proj/build/site"));
}

#[test]
fn inputs_of_the_build_are_not_part_of_the_application() {
    let toml = "[dependencies]\nsite-packages = 'build/si[te'";
    let args = Args { to: vec!["oci:./out".to_owned()], written: vec!["digest.txt".into()], ..args() };
    let plan = plan(&args, toml).unwrap();
    assert_eq!(plan.output_paths(), ["./out", "digest.txt"].map(Path::new));
    let mut inputs = plan.app.unwrap().inputs;
    inputs.dedup();
    assert_eq!(inputs, [Path::new("build/si[te")]);
}

#[test]
fn flags_override_the_wheel_sources_of_the_file() {
    let toml = "[dependencies]\nlock = 'uv.lock'\nextras = ['My_Extra']\nwheelhouse = ['wheels']\nindex = 'https://file.example'";
    let mut input = LockInput {
        name: "uv.lock",
        text: "",
        project: None,
        read: &mut |_| Err(String::new()),
        is_file: &|_| false,
        root: Path::new("."),
        policy: &Refusing,
    };
    let lock = Arc::new(Lock::parse(Format::Requirements, &mut input).unwrap());
    let lock = LockFile { lock, folder: "proj".into(), member: Some("shop".to_owned()), bounds: Arc::default() };
    let args = Args { folder: "proj".into(), lock: Some(lock), ..args() };
    let locked = |args: &Args| match plan(args, toml).unwrap().dependencies {
        Dependencies::Locked(locked) => locked,
        other => panic!("{other:?}"),
    };
    let from_file = locked(&args);
    assert_eq!(from_file.choice.extras, ["my-extra"]);
    assert_eq!(from_file.choice.member.as_deref(), Some("shop"));
    assert_eq!(from_file.wheelhouses, [Path::new("proj/wheels")]);
    let flags =
        Args { wheelhouse: vec!["w".into()], index: Some(PackageIndex::of_flag("https://flag.example")), ..args };
    let from_flags = locked(&flags);
    assert_eq!(from_flags.wheelhouses, [Path::new("w")]);
    assert_eq!(from_flags.index, Some((Author::User, PackageIndex::of_flag("https://flag.example"))));
    let inputs = plan(&flags, toml).unwrap().app.unwrap().inputs;
    assert_eq!(inputs, ["w", "uv.lock"].map(Path::new));
    assert!(error(&Args { python: Some("false".to_owned()), ..flags }, toml).contains("contradict"));
}

#[test]
fn invalid_settings_are_errors() {
    let none = Args { to: Vec::new(), ..args() };
    assert!(error(&none, "").starts_with("no target"));
    assert!(plan(&Args { push: Some(false), ..none }, "").unwrap().outputs.targets.is_empty());
    let one = "[dependencies]\nsite-packages = { 'linux/amd64' = 'x' }";
    assert!(error(&args(), one).contains("no directory for linux/arm64"));
    assert!(error(&args(), "tags = ['a b']").contains("not a tag"));
    assert!(error(&args(), "platforms = ['linux/mips64le']").contains("linux/mips64le"));
    assert!(error(&args(), "python = false\n[[extract]]\npaths = ['/x']").contains("there is none"));
    assert!(error(&args(), "python = false\n[runtime]\ndlopen = ['libx.so']").contains("contradict"));
    assert!(error(&args(), "[image]\nstop-signal = 'TERM'").contains("not a signal"));
}

fn targets(args: &Args, toml: &str) -> Vec<(String, Vec<String>)> {
    let targets = plan(args, toml).unwrap().outputs.targets;
    targets.into_iter().map(|target| (target.place.to_string(), target.names)).collect()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn every_target_has_the_tags_and_targets_of_one_place_are_one() {
    let one = |place: &str, names: &[&str]| (place.to_owned(), strings(names));
    let toml =
        "platforms = ['linux/amd64']\ntags = ['2']\nto = ['r.io/a:1', 'oci:out', 'r.io/a:3', 'oci-archive:x.tar:x',
        'docker-archive:d.tar:shop', 'docker-archive:e.tar']";
    let want = [
        one("r.io/a", &["1", "2", "3"]),
        one("oci:out", &["2"]),
        one("oci-archive:x.tar", &["x", "2"]),
        one("docker-archive:d.tar", &["docker.io/library/shop:2"]),
        one("docker-archive:e.tar", &[]),
    ];
    let none = Args { to: Vec::new(), ..args() };
    assert_eq!(targets(&none, toml), want);
    let by_digest = Args { push_by_digest: true, ..none };
    assert!(targets(&by_digest, toml).iter().all(|(_, names)| names.is_empty()));
    let untagged = Args { to: strings(&["docker-archive:d.tar:shop"]), ..args() };
    let latest = targets(&untagged, "platforms = ['linux/amd64']");
    assert_eq!(latest, [one("docker-archive:d.tar", &["docker.io/library/shop:latest"])]);
}

#[test]
fn an_image_of_one_platform_is_asked_for_with_one_platform() {
    let two = Args { to: strings(&["docker-archive:d.tar"]), ..args() };
    assert_eq!(
        error(&two, ""),
        "docker-archive:d.tar holds the image of one platform, and there are linux/amd64, linux/arm64"
    );
    let never = Args { image_index: Some("never".to_owned()), ..args() };
    assert!(error(&never, "").starts_with("an image without an index has one platform"));
    assert_eq!(plan(&never, "platforms = ['linux/arm64']").unwrap().outputs.index, crate::config::IndexMode::Never);
    assert_eq!(error(&Args { image_index: Some("no".to_owned()), ..args() }, ""), "`--image-index` cannot be `no`");
}

#[test]
fn loading_replaces_the_targets_of_the_configuration() {
    let host: crate::oci::Platform = "linux/arm64".parse().unwrap();
    let load = LoadArgs { engine: Engine::Found, host: host.clone(), directory: Some("My Shop_2".to_owned()) };
    let loading = Args { to: Vec::new(), push: None, load: Some(load), ..args() };
    let outputs = |args: &Args, toml: &str| {
        let plan = plan(args, toml).unwrap();
        let load = plan.outputs.load.unwrap();
        (plan.outputs.publish, plan.platforms.len(), load.platform.to_string(), load.names.join(" "))
    };
    let arm = || "linux/arm64".to_owned();
    assert_eq!(outputs(&loading, ""), (false, 1, arm(), "localhost/my-shop-2:latest".to_owned()));
    let toml = "to = ['ghcr.io/acme/shop', 'oci:out']\ntags = ['1', '2']";
    let names = "ghcr.io/acme/shop:1 ghcr.io/acme/shop:2".to_owned();
    assert_eq!(outputs(&loading, toml), (false, 1, arm(), names.clone()));
    let both = Args { push: Some(true), ..loading.clone() };
    assert_eq!(outputs(&both, toml), (true, 2, arm(), names));
    let layout = Args { to: strings(&["oci:out"]), ..loading.clone() };
    assert_eq!(outputs(&layout, ""), (true, 2, arm(), "localhost/my-shop-2:latest".to_owned()));
    let amd = "platforms = ['linux/amd64']";
    assert_eq!(outputs(&loading, amd).2, "linux/amd64", "the only one");
    let none = "platforms = ['linux/amd64', 'linux/s390x']";
    assert!(error(&loading, none).starts_with("`--load` has no image for this machine, linux/arm64"));
}

#[test]
fn the_debug_profile_changes_the_base_alone() {
    let debug = plan(&args(), "").unwrap().debug().unwrap();
    assert_eq!(debug.base_name, "gcr.io/distroless/cc-debian13:debug-nonroot");
    assert_eq!(debug.base.unwrap().to_string(), debug.base_name);
    assert_eq!(debug.outputs.targets[0].names, ["1-debug"]);
    assert!(plan(&args(), "base = 'debian:12'").unwrap().debug().is_err());
}
