//! A project's folder with a wheelhouse.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::harness::{AMD64, CC, Harness, Run, SLIM};
use crate::support::image::{Image, Unpacked};
use crate::support::running::{Runner, start};
use crate::wheels::Wheel;

/// Over Python 3.11, for one platform, from the wheelhouse and from nowhere else.
pub const HERE: [&str; 6] = [CC, SLIM, AMD64, "--index=false", "--wheelhouse", "wheels"];

/// A project that prints nothing and has a wheelhouse.
pub fn project() -> Harness {
    let harness = Harness::warm().file("main.py", "");
    fs::create_dir(harness.project().join("wheels")).unwrap();
    harness
}

impl Harness {
    /// Puts a wheel into the wheelhouse.
    pub fn wheel(self, wheel: &Wheel) -> Self {
        wheel.write(&self.project().join("wheels"));
        self
    }

    /// Another verb, in the same harness.
    pub fn verb(&mut self, words: &[&str]) {
        self.first = words.iter().chain(&["--progress=plain"]).map(|word| (*word).to_owned()).collect();
    }

    /// What `plan --json` tells of the only profile.
    #[track_caller]
    pub fn plan(&mut self, args: &[&str]) -> Value {
        self.verb(&["plan", "--json"]);
        let run = self.succeeds(args);
        let plans: Value = serde_json::from_str(&run.stdout).unwrap();
        plans[0].clone()
    }

    /// The distributions that the only platform would get.
    #[track_caller]
    pub fn distributions(&mut self, args: &[&str]) -> String {
        let plan = self.plan(args);
        let names = plan["platforms"][0]["distributions"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(", ")
    }

    /// The warnings of a run that succeeds.
    #[track_caller]
    pub fn warnings(&self, args: &[&str]) -> String {
        told(&self.succeeds(args))
    }

    /// Builds; the image's name with its digest.
    #[track_caller]
    pub fn built(&self, args: &[&str]) -> String {
        self.full(self.succeeds(args).stdout.trim())
    }

    /// Builds and starts the image, or `command` in it; what it prints.
    #[track_caller]
    pub fn started(&self, args: &[&str], command: &[&str]) -> String {
        let image = Unpacked::new(&self.built(args), "linux/amd64");
        start(&image, Runner::Bwrap, command).done().trim().to_owned()
    }
}

/// The warnings of a run, with their hints.
pub fn told(run: &Run) -> String {
    let is_warning = |line: &&str| line.starts_with("warning[") || line.starts_with("  hint: ");
    run.stderr.lines().filter(is_warning).collect::<Vec<_>>().join("\n")
}

/// A layer of an image, as its history tells it.
pub type Told = (String, String);

/// Carboy's layers: what the history says, and the digest.
pub fn layers(reference: &str) -> Vec<Told> {
    let image = Image::of(reference, "linux/amd64");
    let history = image.config["history"].as_array().unwrap();
    let made = history.iter().filter(|step| step["empty_layer"] != true);
    let told = made.map(|step| step["created_by"].as_str().unwrap_or_default().to_owned());
    told.zip(image.layers()).filter(|(told, _)| told.starts_with("carboy: ")).collect()
}

/// The digest of the layer whose history says this.
#[track_caller]
pub fn layer<'a>(layers: &'a [Told], says: &str) -> &'a str {
    let found = layers.iter().find(|(told, _)| told == says);
    &found.unwrap_or_else(|| panic!("no layer says `{says}`: {layers:?}")).1
}

/// Pins of wheels, with hashes.
pub fn pins(wheels: &[&Wheel]) -> String {
    wheels.iter().map(|wheel| wheel.pin()).collect()
}

/// A `uv.lock` of the project `shop`, whose table has `more`, and other packages.
pub fn uv_lock(more: &str, packages: &str) -> String {
    format!(
        "version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"shop\"\nversion = \"1.0\"\n\
         source = {{ virtual = \".\" }}\n{more}\n\n{packages}"
    )
}

/// An archive that git, or anybody, makes of a folder.
pub fn tar_gz(folder: &Path, name: &str) {
    let output = Command::new("tar").current_dir(folder).args(["-czf", name, "--files-from=/dev/null"]).output();
    assert!(output.unwrap().status.success());
}
