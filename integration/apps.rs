//! The examples from their lock files: built, pulled back out of a registry and started
//! on both platforms, as nobody and on a read-only root. None of them names a library
//! or a path of the builder's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use support::carboy::Carboy;
use support::image::{Image, Unpacked};
use support::image_python::ImagePython;
use support::registry::Registry;
use support::running::{Runner, Running, Server, start_with};
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, Pair, emptied, locked_project, machine, run, test_cache};
use tempfile::TempDir;

/// An example in a folder of its own; a registry that has its images.
struct Example {
    registry: Registry,
    _folder: TempDir,
    project: PathBuf,
    pair: Pair,
}

impl Example {
    fn new(app: &str, pair: Pair) -> Self {
        let folder = TempDir::new().unwrap();
        let project = locked_project(app, pair, folder.path());
        Self { registry: Registry::with(pair), _folder: folder, project, pair }
    }

    /// With compiled bytecode, without which an emulated start takes minutes.
    fn compiled(app: &str, pair: Pair) -> Self {
        let example = Self::new(app, pair);
        let file = example.project.join("carboy.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text + "\n[runtime]\nbytecode = \"unchecked-hash\"\n").unwrap();
        example
    }

    /// From the wheels that `scripts/setup` fetched, and from nowhere else. The cache is
    /// that of all tests: the standard library is compiled once.
    fn build(&self, tag: &str) -> Carboy {
        static CACHE: LazyLock<PathBuf> = LazyLock::new(|| emptied("apps-cache"));
        static OLD: LazyLock<ImagePython> = LazyLock::new(|| ImagePython::shared(DEBIAN_12.builder));
        static NEW: LazyLock<ImagePython> = LazyLock::new(|| ImagePython::shared(DEBIAN_13.builder));
        let python = if self.pair.python == DEBIAN_12.python { &OLD } else { &NEW };
        Carboy::over(&self.registry, self.pair, &self.project)
            .to(self.registry.name(&format!("app:{tag}")))
            .cache(&CACHE)
            .args(["--index=false".as_ref(), "--wheelhouse".as_ref(), test_cache("wheels/apps").as_os_str()])
            .args(["--host-python".as_ref(), python.python().as_os_str()])
    }

    fn each(&self, started: impl Fn(&str, &Unpacked)) {
        let reference = self.build("1").line();
        for platform in PLATFORMS {
            started(platform, &Unpacked::new(&reference, platform));
        }
    }
}

#[test]
fn hello_needs_no_lock_file() {
    let example = Example::new("hello", DEBIAN_13);
    fs::write(example.project.join("carboy.toml"), "").unwrap();
    example.each(|platform, image| {
        let out = start_with(image, Runner::Crun, &[], &[]).done();
        assert!(out.starts_with(&format!("hello from {} python 3.13.", machine(platform))), "{out}");
    });
}

fn flask_answers(example: &Example) {
    let pair = example.pair;
    example.each(|platform, image| {
        let body: Value = serde_json::from_str(&Running::serve(image, Runner::Crun).body()).unwrap();
        assert!(body["python"].as_str().unwrap().starts_with(&format!("{}.", pair.python)), "{body}");
        let want =
            json!({ "uid": 65532, "machine": machine(platform), "python": body["python"], "tmp_writable": true });
        assert_eq!(body, want);
    });
}

#[test]
fn flask_under_gunicorn_over_debian_12() {
    flask_answers(&Example::compiled("flask", DEBIAN_12));
}

#[test]
fn flask_under_gunicorn_over_debian_13() {
    flask_answers(&Example::compiled("flask", DEBIAN_13));
}

#[test]
fn fastapi_under_uvicorn() {
    let example = Example::compiled("fastapi", DEBIAN_13);
    example.each(|platform, image| {
        let body: Value = serde_json::from_str(&Running::serve(image, Runner::Crun).body()).unwrap();
        assert_eq!(body, json!({ "uid": 65532, "machine": machine(platform), "python": body["python"] }));
    });
}

/// Nobody names a command. `docker run IMAGE python …` replaces the server, which listens where the
/// platform says.
#[test]
fn servers_among_the_dependencies_are_found() {
    for (app, command, variable) in [
        ("flask", ["/usr/local/bin/gunicorn", "app:app"], "PORT=8000"),
        ("fastapi", ["/usr/local/bin/uvicorn", "main:app"], "UVICORN_PORT=8000"),
    ] {
        let example = Example::new(app, DEBIAN_13);
        fs::write(example.project.join("carboy.toml"), "python = \"3.13\"\nplatforms = [\"linux/amd64\"]\n").unwrap();
        let reference = example.build("found").line();
        let config = &Image::of(&reference, "linux/amd64").config["config"];
        assert_eq!((&config["Entrypoint"], &config["Cmd"]), (&Value::Null, &json!(command)));
        assert_eq!(config["ExposedPorts"], json!({ "8000/tcp": {} }));
        let env = config["Env"].as_array().unwrap();
        assert!(env.contains(&json!(variable)), "{env:?}");
        let image = Unpacked::new(&reference, "linux/amd64");
        let body: Value = serde_json::from_str(&Running::serve(&image, Runner::Crun).body()).unwrap();
        assert_eq!(body["uid"], json!(65532));
    }
}

#[test]
fn pandas_computes() {
    let example = Example::compiled("pandas", DEBIAN_13);
    example.each(|_, image| {
        let out = start_with(image, Runner::Crun, &[], &[]).done();
        assert_eq!(out.split_whitespace().collect::<Vec<_>>(), ["city", "Bergen", "11.0", "Oslo", "3.0"]);
    });
}

/// A client that speaks to `server.py`, which the image of this machine's platform has too.
fn client_speaks(app: &str, variable: &str, scheme: &str, want: impl Fn(&str) -> String) {
    let example = Example::compiled(app, DEBIAN_13);
    let reference = example.build("1").line();
    let own = Unpacked::new(&reference, PLATFORMS[0]);
    let server = Server::start(&own, "/app/server.py");
    for platform in PLATFORMS {
        let image = Unpacked::new(&reference, platform);
        let address = format!("{scheme}127.0.0.1:{}", server.port());
        let out = start_with(&image, Runner::Crun, &[(variable, &address)], &[]).done();
        assert_eq!(out.trim(), want(platform), "{platform}");
    }
}

#[test]
fn pubsub_client_with_grpc() {
    client_speaks("pubsub", "PUBSUB_EMULATOR_HOST", "", |platform| format!("hello {}", machine(platform)));
}

#[test]
fn kubernetes_client() {
    client_speaks("kubernetes", "KUBERNETES_API", "http://", |_| "shop-1 Running ghcr.io/acme/shop:1".to_owned());
}

/// uv's own command for a project's folder.
fn uv(folder: &Path, args: &[&str]) {
    let uv = test_cache("venv/bin/uv");
    let temporary = TempDir::new().unwrap(); // uv leaves the locks of its projects there
    let output = Command::new(uv).current_dir(folder).env("TMPDIR", temporary.path()).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The layers of a kind in each platform's image.
fn layers(reference: &str, kind: &str) -> Vec<Vec<String>> {
    let of = |platform| {
        let image = Image::of(reference, platform);
        let history = image.config["history"].as_array().unwrap();
        let made: Vec<_> = history.iter().filter(|step| step["empty_layer"] != true).collect();
        let is = |step: &Value| step["created_by"].as_str().unwrap_or_default().starts_with(&format!("carboy: {kind}"));
        image.layers().into_iter().zip(made).filter(|(_, step)| is(step)).map(|(layer, _)| layer).collect()
    };
    PLATFORMS.map(of).to_vec()
}

/// Whatever the format, the same distributions give the same layers.
#[test]
fn lock_files_that_uv_makes_give_the_same_layers() {
    let example = Example::new("fastapi", DEBIAN_13);
    let from_requirements = layers(&example.build("requirements").line(), "dependencies");
    assert!(from_requirements.iter().all(|layers| !layers.is_empty()));

    let pins = fs::read_to_string(example.project.join("requirements.txt")).unwrap();
    let pins: Vec<_> =
        pins.lines().filter(|line| line.contains("==")).map(|line| line.trim_end_matches(" \\")).collect();
    let wanted = fs::read_to_string(example.project.join("requirements.in")).unwrap();
    let list = |items: &mut dyn Iterator<Item = &str>| format!("{:?}", items.collect::<Vec<_>>());
    let pyproject = format!(
        "[project]\nname = \"shop\"\nversion = \"1.2.3\"\nrequires-python = \">=3.11\"\ndependencies = {}\n\
         [tool.uv]\nconstraint-dependencies = {}\n",
        list(&mut wanted.lines()),
        list(&mut pins.iter().copied())
    );
    fs::remove_file(example.project.join("requirements.txt")).unwrap();
    fs::write(example.project.join("pyproject.toml"), pyproject).unwrap();
    uv(&example.project, &["lock", "--quiet", "--python", "3.11"]);
    assert_eq!(layers(&example.build("uv").line(), "dependencies"), from_requirements);

    uv(
        &example.project,
        &["export", "--quiet", "--no-dev", "--no-emit-project", "--format", "pylock.toml", "-o", "pylock.toml"],
    );
    fs::remove_file(example.project.join("uv.lock")).unwrap();
    let reference = example.build("pylock").line();
    assert_eq!(layers(&reference, "dependencies"), from_requirements);

    // what importlib.metadata finds of the application itself
    let image = Unpacked::new(&reference, PLATFORMS[0]);
    let code = "from importlib.metadata import version; print(version('shop'), version('fastapi'))";
    let out = start_with(&image, Runner::Crun, &[], &["/usr/local/bin/python", "-c", code]).done();
    assert_eq!(out.trim(), "1.2.3 0.121.2");
    let listed = run("crane", ["ls", &example.registry.name("app")]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["pylock", "requirements", "uv"]);
}
