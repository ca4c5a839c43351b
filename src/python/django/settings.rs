//! The settings that name files which Django's commands make.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Stmt};

use super::evaluator::Evaluator;
use super::paths::{join, normal};
use crate::python::syntax::with_module;

/// The settings of a project, as far as they can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// `STATIC_ROOT`: the directory in the image that `collectstatic` fills. None if it is not set
    /// or can be known only by running the settings.
    pub static_root: Option<String>,
    /// Files in the image that a bundler makes: django-webpack-loader's `STATS_FILE`, django-vite's
    /// `manifest_path`.
    pub bundles: Vec<String>,
    /// Translations are used: `USE_I18N` is not false.
    pub translations: bool,
}

impl Settings {
    /// Reads a module of settings and those that it imports. `root` is the directory of `manage.py`
    /// in the image, `workdir` the one that the process starts in, and `read` reads a module by its
    /// path below the directory of `manage.py`.
    #[must_use]
    pub fn read(
        module: &str,
        root: &str,
        workdir: &str,
        read: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Option<Self> {
        let mut evaluator = Evaluator::new(root, read);
        if !evaluator.module(module) {
            return None;
        }
        let path = |text: &String| normal(&join(workdir, text));
        // A setting that may be unknown is not judged.
        let only = |values: Option<&BTreeSet<Option<String>>>| {
            let values: Option<Vec<_>> = values?.iter().cloned().collect();
            let paths: BTreeSet<_> = values?.iter().filter(|text| !text.is_empty()).map(path).collect();
            (paths.len() == 1).then(|| paths.into_iter().next())?
        };
        let bundles = [("WEBPACK_LOADER", "STATS_FILE"), ("DJANGO_VITE", "manifest_path")];
        let bundle = |(setting, key): (&str, &str)| only(evaluator.keys.get(&(setting.to_owned(), key.to_owned())));
        Some(Self {
            static_root: only(evaluator.possible.get("STATIC_ROOT")),
            bundles: bundles.into_iter().filter_map(bundle).collect(),
            translations: !evaluator.off.contains("USE_I18N"),
        })
    }
}

/// Returns the module of settings that a `manage.py` names:
/// `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")`.
#[must_use]
pub fn settings_module(manage: &str) -> Option<String> {
    with_module(manage, |body| module_in(body, 0))?
}

fn module_in(body: &[Stmt], depth: usize) -> Option<String> {
    body.iter().find_map(|stmt| match stmt {
        Stmt::FunctionDef(function) if depth < 4 => module_in(&function.body, depth + 1),
        Stmt::If(branch) if depth < 4 => module_in(&branch.body, depth + 1),
        Stmt::Expr(expression) => named(&expression.value),
        _ => None,
    })
}

fn named(expr: &Expr) -> Option<String> {
    let call = expr.as_call_expr()?;
    let is_default = call.func.as_attribute_expr()?.attr.as_str() == "setdefault";
    let text = |expr: &Expr| Some(expr.as_string_literal_expr()?.value.to_str().to_owned());
    let [name, module] = &*call.arguments.args else { return None };
    let module = text(module).filter(|_| is_default && text(name).as_deref() == Some("DJANGO_SETTINGS_MODULE"))?;
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    module.split('.').all(is_name).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(files: &[(&str, &str)]) -> Settings {
        let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        Settings::read("shop.settings", "/app", "/app", &read).unwrap()
    }

    #[test]
    fn manage_names_the_settings() {
        let text = "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";
        assert_eq!(settings_module(text).as_deref(), Some("shop.settings"));
        for other in [
            "",
            "os.environ.setdefault('X', 'shop')",
            "x = (",
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', '../x')",
        ] {
            assert_eq!(settings_module(other), None, "{other}");
        }
    }

    #[test]
    fn static_root_is_known_where_literals_decide_it() {
        let base = "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n";
        for (text, root) in [
            ("STATIC_ROOT = BASE_DIR / 'static'", Some("/app/static")),
            ("STATIC_ROOT = os.path.join(BASE_DIR, 'a', 'b')", Some("/app/a/b")),
            ("STATIC_ROOT: str = str(BASE_DIR.joinpath('x'))", Some("/app/x")),
            ("STATIC_ROOT = f'{BASE_DIR}/static'", Some("/app/static")),
            ("STATIC_ROOT = 'static/'", Some("/app/static")),
            ("STATIC_ROOT = '/srv/static'", Some("/srv/static")),
            ("STATIC_ROOT = BASE_DIR.parents[0] / 'x'", Some("/x")),
            (
                "ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\nSTATIC_ROOT = ROOT + '/s'",
                Some("/app/s"),
            ),
            ("import environ\nroot = environ.Path(__file__) - 2\nSTATIC_ROOT = root('static')", Some("/app/static")),
            ("if DEBUG:\n    STATIC_ROOT = BASE_DIR / 'x'\n", Some("/app/x")),
            ("if DEBUG:\n    STATIC_ROOT = BASE_DIR / 'x'\nelse:\n    STATIC_ROOT = BASE_DIR / 'y'", None),
            ("STATIC_ROOT = BASE_DIR / 'x'\nSTATIC_ROOT = os.environ['S']", None),
            ("STATIC_ROOT = os.environ.get('S', BASE_DIR / 'x')", None),
            ("STATIC_ROOT = env('S', default='x')", None),
            ("STATIC_ROOT = env.str('S', 'x')", None),
            ("STATIC_ROOT = env.path('S', 'x')", None),
            ("STATIC_ROOT = config.join('S')", None),
            ("from os import path\nSTATIC_ROOT = path.join(BASE_DIR, 'x')", Some("/app/x")),
            ("import pathlib\nSTATIC_ROOT = pathlib.Path('/app', 'x')", Some("/app/x")),
            ("STATIC_ROOT = None", None),
            ("STATIC_ROOT = ''", None),
            ("STATIC_ROOT = 'x' * 100000000000", None),
            ("", None),
        ] {
            let text = format!("{base}{text}\n");
            assert_eq!(settings(&[("shop/settings.py", &text)]).static_root.as_deref(), root, "{text}");
        }
    }

    #[test]
    fn settings_are_read_through_the_modules_that_they_import() {
        let base = "from pathlib import Path\nBASE_DIR = Path(__file__).parent.parent.parent\nSTATIC_ROOT = BASE_DIR / 'base'\n";
        let found =
            |text: &str| settings(&[("shop/settings/__init__.py", text), ("shop/settings/base.py", base)]).static_root;
        assert_eq!(found("from .base import *\n").as_deref(), Some("/app/base"));
        assert_eq!(
            found("from shop.settings.base import *\nSTATIC_ROOT = BASE_DIR / 'own'").as_deref(),
            Some("/app/own")
        );
        assert_eq!(found("from .base import *\nfrom . import *\nfrom .nothing import *").as_deref(), Some("/app/base"));
    }

    #[test]
    fn bundles_and_translations_are_read() {
        let text = "WEBPACK_LOADER = {'DEFAULT': {'STATS_FILE': '/app/stats.json', 'POLL': 1}}\n\
                    DJANGO_VITE = {'default': {'manifest_path': other}}\nUSE_I18N = False\n";
        let found = settings(&[("shop/settings.py", text)]);
        assert_eq!((found.bundles, found.translations), (vec!["/app/stats.json".to_owned()], false));
        assert!(settings(&[("shop/settings.py", "USE_I18N = True")]).translations);
    }

    #[test]
    fn odd_settings_are_not_judged() {
        let read = |text: &'static str| move |_: &str| Some(text.to_owned());
        assert_eq!(Settings::read("shop.settings", "/app", "/app", &|_| None), None);
        assert_eq!(Settings::read("shop.settings", "/app", "/app", &read("x = (")), None);
        let deep = format!("STATIC_ROOT = 'x'{}\n", " + 'x'".repeat(10_000));
        let deep = move |_: &str| Some(deep.clone());
        assert!(Settings::read("s", "/app", "/app", &deep).is_none_or(|settings| settings.static_root.is_none()));
        let long = "STATIC_ROOT = 'x'\nSTATIC_ROOT = STATIC_ROOT + STATIC_ROOT\n".to_owned()
            + &"STATIC_ROOT = STATIC_ROOT + STATIC_ROOT\n".repeat(100);
        let long = move |_: &str| Some(long.clone());
        assert_eq!(Settings::read("s", "/app", "/app", &long).unwrap().static_root, None);
    }
}
