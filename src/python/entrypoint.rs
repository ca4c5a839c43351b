//! The default entrypoint of an image: the only script of the project, or else its runnable
//! package, or else a single `main.py` or `app.py`.

use std::collections::BTreeSet;

use super::normalised;
use super::project::ProjectMetadata;

/// Files at the root of a project that are meant to be started.
const PROGRAMS: [&str; 2] = ["main.py", "app.py"];

/// A possible entrypoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entrypoint {
    /// A script of the project: `shop`.
    Script(String),
    /// `python -m PACKAGE`.
    Package(String),
    /// `python FILE`, with a path below the directory of the project.
    File(String),
}

/// The possible entrypoints, if there are none or several.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntrypointCandidates(pub Vec<Entrypoint>);

impl Entrypoint {
    /// Returns the command line. `folder` is the directory of the project in the image.
    #[must_use]
    pub fn command(&self, folder: &str) -> Vec<String> {
        match self {
            Self::Script(name) => vec![name.clone()],
            Self::Package(name) => ["python", "-m", name].map(str::to_owned).into(),
            Self::File(file) => vec!["python".to_owned(), format!("{}/{file}", folder.trim_end_matches('/'))],
        }
    }

    /// Writes the command line as a user types it after `--`.
    #[must_use]
    pub fn typed(&self) -> String {
        match self {
            Self::Script(name) => name.clone(),
            Self::Package(name) => format!("python -m {name}"),
            Self::File(file) => format!("python {file}"),
        }
    }
}

/// Finds the entrypoint among the files of a project, which are paths below its directory.
///
/// # Errors
/// Returns the possible entrypoints if there is not exactly one.
#[expect(clippy::needless_pass_by_value, reason = "an iterator is made on the spot, and copied here")]
pub fn start<'a>(
    project: Option<&ProjectMetadata>,
    files: impl Iterator<Item = &'a str> + Clone,
) -> Result<Entrypoint, EntrypointCandidates> {
    let scripts: Vec<_> =
        project.iter().flat_map(|project| project.scripts.keys()).cloned().map(Entrypoint::Script).collect();
    let packages = packages(project, files.clone());
    let programs: Vec<_> = PROGRAMS.into_iter().filter(|name| files.clone().any(|file| file == *name)).collect();
    let programs: Vec<_> = programs.into_iter().map(|name| Entrypoint::File(name.to_owned())).collect();
    for found in [&scripts, &packages, &programs] {
        if let [only] = found.as_slice() {
            return Ok(only.clone());
        }
    }
    Err(EntrypointCandidates([scripts, packages, programs].concat()))
}

/// Finds the entrypoint of a wheel with these scripts and modules, which are paths below
/// site-packages.
///
/// # Errors
/// Returns the possible entrypoints if there is not exactly one.
pub fn of_installed<'a>(
    name: &str,
    scripts: &[String],
    modules: impl Iterator<Item = &'a str> + Clone,
) -> Result<Entrypoint, EntrypointCandidates> {
    let mut project = ProjectMetadata::default();
    project.name = Some(name.to_owned());
    project.scripts.extend(scripts.iter().map(|name| (name.clone(), String::new())));
    // A `main.py` is not an entrypoint when it is installed as a module.
    start(Some(&project), modules.filter(|path| path.contains('/')))
}

/// Returns the packages at the root or below `src` that have a `__main__.py`, the package of the
/// project first.
fn packages<'a>(project: Option<&ProjectMetadata>, files: impl Iterator<Item = &'a str> + Clone) -> Vec<Entrypoint> {
    let src = super::project::src_layout(files.clone());
    let package = |file: &'a str| {
        let below = file.strip_prefix("src/").filter(|_| src).unwrap_or(file);
        below.strip_suffix("/__main__.py").filter(|package| !package.contains('/'))
    };
    let found: BTreeSet<_> = files.filter_map(package).collect();
    let own = project.and_then(|project| project.name.as_deref()).map(normalised);
    let own = found.iter().find(|package| own.as_deref() == Some(normalised(package).as_str()));
    let chosen = own.map_or_else(|| found.iter().copied().collect(), |own| vec![*own]);
    chosen.into_iter().map(|package| Entrypoint::Package(package.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pyproject: &str, files: &[&str]) -> Result<String, Vec<String>> {
        let project = ProjectMetadata::parse(pyproject).unwrap();
        let found = start(Some(&project), files.iter().copied());
        found.map(|start| start.typed()).map_err(|all| all.0.iter().map(Entrypoint::typed).collect())
    }

    #[test]
    fn scripts_come_first_then_packages_then_files() {
        let script = "[project]\nname = \"shop\"\nscripts = { serve = \"shop:main\" }";
        let two = "[project]\nname = \"shop\"\nscripts = { serve = \"shop:main\", work = \"shop:work\" }";
        let all = ["shop/__main__.py", "main.py"];
        assert_eq!(found(script, &all), Ok("serve".to_owned()));
        assert_eq!(found(two, &all), Ok("python -m shop".to_owned()));
        assert_eq!(found("", &all), Ok("python -m shop".to_owned()));
        assert_eq!(found("", &["src/shop/__main__.py"]), Ok("python -m shop".to_owned()));
        assert_eq!(found("", &["app.py", "lib/main.py"]), Ok("python app.py".to_owned()));
        assert_eq!(
            found("[project]\nname = \"My-Shop\"", &["a/__main__.py", "my_shop/__main__.py"]),
            Ok("python -m my_shop".to_owned())
        );
    }

    #[test]
    fn several_or_no_entrypoints_are_an_error() {
        let two = "[project]\nname = \"x\"\nscripts = { serve = \"shop:main\", work = \"shop:work\" }";
        let all = ["serve", "work", "python -m a", "python -m b", "python main.py", "python app.py"].map(str::to_owned);
        assert_eq!(found(two, &["a/__main__.py", "b/__main__.py", "main.py", "app.py"]), Err(all.to_vec()));
        assert_eq!(found("", &["a/b/__main__.py", "shop.py"]), Err(Vec::new()));
    }

    #[test]
    fn a_wheel_has_scripts_or_a_package() {
        let of = |scripts: &[&str], modules: &[&str]| {
            let scripts: Vec<_> = scripts.iter().map(|name| (*name).to_owned()).collect();
            of_installed("shop", &scripts, modules.iter().copied())
                .map(|start| start.typed())
                .map_err(|all| all.0.len())
        };
        assert_eq!(of(&["serve"], &["shop/__main__.py"]), Ok("serve".to_owned()));
        assert_eq!(of(&["a", "b"], &["shop/__main__.py", "main.py"]), Ok("python -m shop".to_owned()));
        assert_eq!(of(&[], &["tests/__main__.py", "shop/__main__.py"]), Ok("python -m shop".to_owned()));
        assert_eq!((of(&["a", "b"], &[]), of(&[], &["main.py"])), (Err(2), Err(0)));
    }

    #[test]
    fn a_file_is_started_by_its_place_in_the_image() {
        assert_eq!(Entrypoint::File("main.py".to_owned()).command("/app"), ["python", "/app/main.py"]);
    }
}
