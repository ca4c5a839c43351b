//! The dependencies that a project's Dockerfile installs, and those that the configuration leaves out.

use crate::folder::HERE;
use crate::support::harness::Harness;
use crate::wheels::Wheel;

/// A project that needs alpha, with a group for beta, an extra for gamma and a development group.
fn shop() -> Harness {
    let wheels = ["alpha", "beta", "delta", "gamma"].map(|name| Wheel::simple(name, "1.0"));
    let own = "[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { editable = \".\" }\n\
               dependencies = [{ name = \"alpha\" }]\n\n\
               [package.optional-dependencies]\nweb = [{ name = \"gamma\" }]\n\n\
               [package.dev-dependencies]\nbot = [{ name = \"beta\" }]\ndev = [{ name = \"delta\" }]\n\n";
    let packages = wheels.iter().map(Wheel::locked).collect::<String>();
    let lock = format!("version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n\n{packages}{own}");
    let code = "from importlib.metadata import distributions\n\
                print(*sorted({one.name for one in distributions()} - {'shop'}))\n";
    wheels
        .iter()
        .fold(crate::folder::project(), Harness::wheel)
        .file("uv.lock", &lock)
        .file("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1\"\n")
        .file("shop/__init__.py", "")
        .file("shop/__main__.py", code)
}

fn dockerfile(command: &str) -> String {
    format!(
        "FROM python:3.11-slim AS build\nRUN pip install uv && {command}\n\
         FROM python:3.11-slim\nCOPY --from=build /venv /venv\nCMD [\"python\", \"-m\", \"shop\"]\n"
    )
}

/// Returns the names of the distributions that the image would get.
fn installed(mut harness: Harness) -> String {
    harness.distributions(&HERE).replace(" 1.0", "")
}

#[test]
fn extras_and_groups_are_those_of_the_dockerfile() {
    for (command, want) in [
        ("uv sync --frozen --no-dev", "alpha"),
        ("uv sync --frozen --group bot --extra web --no-group dev", "alpha, beta, gamma"),
        ("uv sync --frozen --all-extras --all-groups", "alpha, beta, gamma"),
        ("uv sync --extra other --group dev", "alpha"),
        ("pip install '.[web]'", "alpha, gamma"),
    ] {
        assert_eq!(installed(shop().file("Dockerfile", &dockerfile(command))), want, "{command}");
    }
    let harness = shop().file("Dockerfile", &dockerfile("uv sync --group bot --extra web"));
    assert_eq!(harness.started(&HERE, &[]), "alpha beta gamma");
    let harness = harness.file("carboy.toml", "[dependencies]\ngroups = []\nextras = [\"web\"]\n");
    assert_eq!(installed(harness), "alpha, gamma");
}

#[test]
fn excluded_distributions_are_left_out() {
    let harness = shop().file("carboy.toml", "[dependencies]\nexclude = [\"Alpha\"]\ngroups = [\"bot\"]\n");
    assert_eq!(harness.started(&HERE, &[]), "beta");
    let harness = harness.file("carboy.toml", "[dependencies]\nexclude = [\"alpa\"]\n");
    let error = harness.fails(&HERE);
    assert!(error.contains("has no distribution `alpa`") && error.contains("did you mean `alpha`?"), "{error}");
}
