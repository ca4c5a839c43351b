//! Files that a step before the build makes, that Django's settings name, and that the image does
//! not get: collected static files, compiled catalogues of translations, a bundler's output. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::plan::{App, Plan};
use crate::python::django::Settings;
use crate::rootfs::{LeftOutPath, Walk};

/// The most catalogues that a warning names.
const TOLD: usize = 3;
/// The catalogues that Django reads.
const CATALOGUES: [&str; 2] = ["django.po", "djangojs.po"];

/// The application's files, and the places of the image that others fill.
struct Application<'a> {
    files: BTreeSet<&'a str>,
    left_out: &'a [LeftOutPath],
    /// The directory of the application in the image, with a slash at its end.
    to: String,
    filled: Vec<String>,
}

/// Returns a warning for each kind of files that the settings of a Django project name and the image
/// does not get. `manage` is the path of `manage.py` in the application.
#[must_use]
pub fn missing_build_outputs(
    plan: &Plan,
    app: &App,
    walk: &Walk,
    manage: &str,
    settings: &Settings,
) -> Vec<Diagnostic> {
    let copies = plan.copies.iter().map(|copy| copy.to.to_string());
    let directories = plan.directories.iter().map(|directory| directory.path.to_string());
    let application = Application {
        files: walk.file_names().collect(),
        left_out: &walk.left_out.paths,
        to: format!("{}/", app.to.to_string().trim_end_matches('/')),
        filled: copies.chain(directories).chain(plan.image.volumes.iter().cloned()).collect(),
    };
    let command = |verb: &str| format!("python {manage} {verb}");
    let static_root = settings.static_root.as_ref().and_then(|root| application.static_root(root, &command));
    let bundles = settings.bundles.iter().filter_map(|bundle| application.bundle(bundle));
    let catalogues = if settings.translations { application.catalogues(&command) } else { None };
    static_root.into_iter().chain(bundles).chain(catalogues).collect()
}

impl Application<'_> {
    fn static_root(&self, root: &str, command: &dyn Fn(&str) -> String) -> Option<Diagnostic> {
        let path = self.absent(root, true)?;
        let hint = self.bring_in(&path, true).unwrap_or_else(|| {
            format!("run `{}` before the build, as a step of CI", command("collectstatic --noinput"))
        });
        let message = format!("the image has no static files: STATIC_ROOT is `{path}`, {}", self.reason(&path));
        Some(Diagnostic::warning(Code::MissingBuildOutput, message).file(path).hint(hint))
    }

    fn bundle(&self, bundle: &str) -> Option<Diagnostic> {
        let path = self.absent(bundle, false)?;
        let hint = self.bring_in(&path, false);
        let hint =
            hint.unwrap_or_else(|| "run the bundler before the build, as a step of CI: npm run build".to_owned());
        let message = format!("the image has no bundle: the settings name `{path}`, {}", self.reason(&path));
        Some(Diagnostic::warning(Code::MissingBuildOutput, message).file(path).hint(hint))
    }

    fn catalogues(&self, command: &dyn Fn(&str) -> String) -> Option<Diagnostic> {
        let is_catalogue = |path: &&str| {
            let mut names = path.rsplit('/');
            names.next().is_some_and(|name| CATALOGUES.contains(&name)) && names.next() == Some("LC_MESSAGES")
        };
        let compiled = |path: &str| format!("{}.mo", path.trim_end_matches(".po"));
        let all = self.files.iter().copied().filter(is_catalogue);
        let missing: Vec<_> = all.filter(|path| !self.files.contains(compiled(path).as_str())).collect();
        let first = *missing.first()?;
        let names = some_of(&missing.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>(), TOLD);
        let one = compiled(first);
        let is_left_out = self.rule(&one, false).is_some();
        let hint = if is_left_out {
            "name the compiled files: include = [\"**/*.mo\"] under [app]".to_owned()
        } else {
            format!("run `{}` before the build, as a step of CI", command("compilemessages"))
        };
        let what = if is_left_out { "is left out" } else { "is missing" };
        let message = format!("the image has no translations: the compiled file of {names} {what}");
        Some(Diagnostic::warning(Code::MissingBuildOutput, message).file(first).hint(hint))
    }

    /// Returns the path of a file or directory below the application's, if the image gets nothing of
    /// it.
    fn absent(&self, path: &str, is_folder: bool) -> Option<String> {
        let below = path.strip_prefix(&self.to).filter(|below| !below.is_empty())?;
        let within = format!("{below}/");
        let next = self.files.range(within.as_str()..).next();
        let exists = if is_folder {
            next.is_some_and(|file| file.starts_with(&within)) || self.files.contains(below)
        } else {
            self.files.contains(below)
        };
        let is_filled =
            self.filled.iter().any(|place| Path::new(path).starts_with(place) || Path::new(place).starts_with(path));
        (!exists && !is_filled).then(|| below.to_owned())
    }

    /// Returns the rule that leaves a path out, if it is there.
    fn rule(&self, path: &str, is_folder: bool) -> Option<&str> {
        let holds = |one: &&LeftOutPath| {
            let name = one.path.trim_end_matches('/');
            name == path
                || one.path.ends_with('/') && path.starts_with(&one.path)
                || is_folder && Path::new(name).starts_with(path)
        };
        self.left_out.iter().filter(|one| one.files > 0).find(holds).map(|one| one.rule.as_str())
    }

    fn reason(&self, path: &str) -> String {
        let rule = self.rule(path, true);
        rule.map_or_else(|| "which does not exist".to_owned(), |rule| format!("which the rule `{rule}` leaves out"))
    }

    fn bring_in(&self, path: &str, is_folder: bool) -> Option<String> {
        self.rule(path, true)?;
        let end = if is_folder { "/**" } else { "" };
        Some(format!("name it: include = [\"{path}{end}\"] under [app]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use crate::oci::Digest;
    use crate::plan::Args;
    use crate::rootfs::{LocalEntry, LocalFile, LocalKind};

    /// The warnings of an application with these files, without `STATIC_ROOT` in its own directory.
    fn found(toml: &str, files: &[&str], left_out: &[(&str, &str)], settings: &Settings) -> Vec<String> {
        let file = File::parse(toml, "carboy.toml").unwrap();
        let plan = Plan::new(&Args { push: Some(false), ..Args::default() }, &file, None).unwrap();
        let file = |path: &&str| {
            let (local, digest) = (path.into(), Digest::of(b""));
            let kind = LocalKind::File(LocalFile { path: local, size: 0, executable: false, digest, magic: [0; 4] });
            LocalEntry { path: path.as_bytes().to_vec(), kind }
        };
        let mut walk = Walk { entries: files.iter().map(file).collect(), ..Walk::default() };
        let left_out = left_out.iter();
        let path = |(path, rule): &(&str, &str)| LeftOutPath { path: (*path).into(), rule: (*rule).into(), files: 1 };
        walk.left_out.paths = left_out.map(path).collect();
        let all = missing_build_outputs(&plan, plan.app.as_ref().unwrap(), &walk, "manage.py", settings);
        all.into_iter().map(|one| format!("{}; {}", one.message, one.hint.unwrap())).collect()
    }

    #[test]
    fn absent_static_files_are_told_with_the_way_to_make_them_or_to_bring_them_in() {
        let settings = Settings { static_root: Some("/app/static".to_owned()), ..Settings::default() };
        let of = |toml: &str, files: &[&str], left_out: &[(&str, &str)]| found(toml, files, left_out, &settings);
        let missing = "the image has no static files: STATIC_ROOT is `static`, which does not exist; run \
                       `python manage.py collectstatic --noinput` before the build, as a step of CI";
        assert_eq!(of("", &["manage.py", "static.py", "staticx/a"], &[]), [missing]);
        let left_out = "the image has no static files: STATIC_ROOT is `static`, which the rule `.gitignore` leaves out; \
                        name it: include = [\"static/**\"] under [app]";
        for path in ["static/", "static/admin/", "static/x"] {
            assert_eq!(of("", &["manage.py"], &[(path, ".gitignore")]), [left_out], "{path}");
        }
        let nothing: [&str; 0] = [];
        assert_eq!(of("", &["manage.py", "static/admin/x.css"], &[]), nothing);
        for toml in [
            "[[copy]]\nfrom = 'x'\nto = '/app/static'\n",
            "[[directory]]\npath = '/app/static'\n",
            "[image]\nvolumes = ['/app/static']\n",
        ] {
            assert_eq!(of(toml, &["manage.py"], &[]), nothing, "{toml}");
        }
        for elsewhere in ["/srv/static", "/app", "/app-2/static"] {
            let settings = Settings { static_root: Some(elsewhere.to_owned()), ..Settings::default() };
            assert_eq!(found("", &["manage.py"], &[], &settings), nothing, "{elsewhere}");
        }
    }

    #[test]
    fn catalogues_and_bundles_that_are_absent_are_told() {
        let settings =
            Settings { translations: true, bundles: vec!["/app/web/stats.json".to_owned()], static_root: None };
        let of = |files: &[&str], left_out: &[(&str, &str)]| found("", files, left_out, &settings);
        let files =
            ["manage.py", "locale/de/LC_MESSAGES/django.po", "locale/fr/LC_MESSAGES/django.po", "web/stats.json"];
        assert_eq!(
            of(&files, &[]),
            ["the image has no translations: the compiled file of `locale/de/LC_MESSAGES/django.po` and \
              `locale/fr/LC_MESSAGES/django.po` is missing; run `python manage.py compilemessages` before the build, as a \
              step of CI"]
        );
        let left_out = [("locale/de/LC_MESSAGES/django.mo", ".gitignore")];
        assert!(
            of(&files, &left_out)[0]
                .ends_with("is left out; name the compiled files: include = [\"**/*.mo\"] under [app]")
        );
        let compiled =
            ["locale/de/LC_MESSAGES/django.mo", "locale/de/LC_MESSAGES/django.po", "locale/x/LC_MESSAGES/other.po"];
        assert_eq!(
            of(&compiled, &[]),
            [
                "the image has no bundle: the settings name `web/stats.json`, which does not exist; run the bundler before \
              the build, as a step of CI: npm run build"
            ]
        );
        assert!(found("", &files, &[], &Settings { translations: false, ..Settings::default() }).is_empty());
    }
}
