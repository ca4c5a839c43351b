use std::collections::BTreeMap;

use tempfile::TempDir;

use url::Url;

use super::*;
use crate::config::PackageIndex;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::python::lock::Sources;
use crate::wheels::sources::{FindLinks, Index, WheelSources};

mod credentials;
mod project_files;

/// A home, a system and a project in a folder.
struct World {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl World {
    fn new(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect(), folder }
    }

    fn read(&self, own: &ProjectSources) -> Result<WheelSources, OperationError> {
        self.host(|host| settings(own, host))
    }

    fn host<T>(&self, look: impl FnOnce(&HostEnvironment<'_>) -> T) -> T {
        let at = |path: &str| self.folder.path().join(path);
        let (home, system, project) = (at("home"), at("etc"), at("project"));
        look(&HostEnvironment {
            variable: &|name| self.variables.get(name).cloned(),
            home: Some(&home),
            folder: &project,
            system: &system,
            projects: &[&project],
            admit: &|_, named| {
                let inside = named.is_relative() && !named.starts_with("../out");
                if inside {
                    Ok(())
                } else {
                    Err(OperationError::new(Code::OutsideProject, format!("`{}` is outside", named.display())))
                }
            },
            is_projects: &|path| path.starts_with(&project),
        })
    }

    /// A URL of a lock file with its variables put in; `index` is a flag's.
    fn put_in(&self, index: Option<&str>, url: &str) -> Result<String, OperationError> {
        self.host(|host| put_in(url, &HostSettings::read(index, host)?, host.variable))
    }

    /// User and password for a URL, where the lock file names an index.
    fn login(&self, locked: &str, asked: &str) -> Option<String> {
        let sources = Sources { index: Some(locked.to_owned()), ..Sources::default() };
        let credentials = self.read(&ProjectSources { sources, ..ProjectSources::default() }).unwrap().credentials;
        let asked = Url::parse(asked).unwrap();
        let login = credentials.find(&asked).or_else(|| credentials.fallback(&asked));
        login.map(|login| format!("{} {}", login.user, login.password))
    }

    fn summary(&self, own: &ProjectSources) -> String {
        let settings = self.read(own).unwrap();
        let index = |index: &Index| {
            let name = index.name.as_ref().map(|name| format!("{name}=")).unwrap_or_default();
            name + index.url.host_str().unwrap()
        };
        let root = format!("{}/", self.folder.path().display());
        let place = |links: &FindLinks| match links {
            FindLinks::Folder(path) | FindLinks::Tree(path) => path.display().to_string().replace(&root, ""),
            FindLinks::Page(url) => url.to_string(),
        };
        let list = |name: &str, all: Vec<String>| (!all.is_empty()).then(|| format!("{name}: {}", all.join(" ")));
        let lines = [
            list("indexes", settings.indexes.iter().map(index).collect()),
            list("links", settings.find_links.iter().map(place).collect()),
            list("project", settings.project_indexes.iter().map(index).collect()),
            list("lock", settings.lock_indexes.iter().map(index).collect()),
            settings.no_index.then(|| "no index".to_owned()),
            (settings.pypi && !settings.no_index).then(|| "PyPI".to_owned()),
        ];
        lines.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn summary(variables: &[(&str, &str)], files: &[(&str, &str)]) -> String {
    World::new(variables, files).summary(&ProjectSources::default())
}

const PIP_CONF: (&str, &str) = (
    "home/.config/pip/pip.conf",
    "[global]\nindex-url = https://pip-conf/simple\nextra-index-url = https://pip-conf-2\n[install]\nfind-links = /w\n",
);
const UV_TOML: (&str, &str) = (
    "home/.config/uv/uv.toml",
    "find-links = [\"w\"]\n[[index]]\nname = \"a\"\nurl = \"https://uv-a\"\n[[index]]\nurl = \"https://uv-d\"\ndefault = true\n\
     [[index]]\nname = \"x\"\nurl = \"https://uv-x\"\nexplicit = true\n[pip]\nindex-url = \"https://not-this\"\n",
);
const PROJECT: (&str, &str) = (
    "project/pyproject.toml",
    "[tool.uv]\nextra-index-url = [\"https://p-2\"]\nfind-links = [\"wheels\"]\n[[tool.uv.index]]\nname = \"pt\"\n\
     url = \"https://p-1\"\nexplicit = true\n[[tool.uv.index]]\nurl = \"https://p-d\"\ndefault = true\n\
     [[tool.poetry.source]]\nname = \"PyPI\"\n[[tool.poetry.source]]\nname = \"po\"\nurl = \"https://po/simple\"\n",
);

const SECRETS: [(&str, &str); 4] = [
    ("USER", "me"),
    ("PW", "p%40ss/w"),
    ("UV_INDEX_ACME_PASSWORD", "named"),
    ("POETRY_HTTP_BASIC_ACME_PASSWORD", "named"),
];

#[test]
fn the_first_that_names_an_index_ends_the_search() {
    let uv = ("UV_DEFAULT_INDEX", "https://uv-env");
    let pip = ("PIP_INDEX_URL", "https://pip-env");
    let extra = ("PIP_EXTRA_INDEX_URL", "https://pip-x https://pip-y");
    for (variables, files, wanted) in [
        (&[][..], &[][..], "PyPI"),
        (&[], &[PIP_CONF], "indexes: pip-conf pip-conf-2, links: /w"),
        (&[], &[PIP_CONF, UV_TOML], "indexes: a=uv-a uv-d, links: home/.config/uv/w"),
        (&[extra], &[PIP_CONF, UV_TOML], "indexes: pip-x pip-y a=uv-a uv-d, links: home/.config/uv/w"),
        (&[pip, extra], &[UV_TOML], "indexes: pip-env pip-x pip-y, links: home/.config/uv/w"),
        (&[uv, pip, extra], &[], "indexes: uv-env"),
        (&[("UV_INDEX", "a=https://u1 https://u2?a=b"), pip], &[], "indexes: a=u1 u2 pip-env"),
        (&[("UV_INDEX_URL", "https://u"), ("UV_EXTRA_INDEX_URL", "https://v")], &[], "indexes: v u"),
        (
            &[("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", "a https://l/")],
            &[PIP_CONF],
            "links: project/a https://l/, no index",
        ),
        (&[("PIP_NO_INDEX", "off"), ("UV_INDEX_URL", " ")], &[PIP_CONF], "indexes: pip-conf pip-conf-2, links: /w"),
        (&[("UV_NO_INDEX", "1"), pip], &[], "no index"),
        (&[("UV_NO_INDEX", "1"), uv], &[], "no index"),
        (&[("PIP_NO_INDEX", "1"), pip, extra], &[], "no index"),
        (
            &[("UV_NO_INDEX", "False"), ("UV_NO_CONFIG", "0")],
            &[UV_TOML],
            "indexes: a=uv-a uv-d, links: home/.config/uv/w",
        ),
        (&[("UV_NO_INDEX", "False")], &[("home/.config/uv/uv.toml", "no-index = true\n")], "PyPI"),
        (&[], &[("home/.config/uv/uv.toml", "no-index = true\nindex-url = \"https://u\"\n")], "no index"),
        (&[("PIP_NO_INDEX", "0")], &[("etc/pip.conf", "[global]\nno-index = true\n")], "PyPI"),
        (&[], &[("etc/pip.conf", "[global]\nno-index = true\nindex-url = https://p\n")], "no index"),
        (&[extra], &[PIP_CONF], "indexes: pip-x pip-y pip-conf, links: /w"),
        (
            &[("PIP_EXTRA_INDEX_URL", "https://x"), ("PIP_INDEX_URL", "https://pypi.org/simple")],
            &[],
            "indexes: x pypi.org",
        ),
        (&[("UV_INDEX", "https://pypi.org/simple"), uv], &[], "indexes: pypi.org uv-env"),
        (&[("UV_NO_CONFIG", "1"), ("PIP_CONFIG_FILE", "/dev/null")], &[PIP_CONF, UV_TOML], "PyPI"),
        (&[("UV_FIND_LINKS", "a b,c")], &[], "links: project/a b project/c, PyPI"),
        (&[("PIP_INDEX_URL", "file:///srv/wheels")], &[PIP_CONF], "links: /w /srv/wheels"),
    ] {
        assert_eq!(summary(variables, files), wanted, "{variables:?}");
    }
}

#[test]
fn carboys_own_index_wins_over_all() {
    let world = World::new(&[("UV_DEFAULT_INDEX", "https://u"), ("PIP_NO_INDEX", "1")], &[PIP_CONF]);
    let own = ProjectSources {
        index: Some((Author::User, PackageIndex::Url("https://me:s3cret@own/simple".to_owned()))),
        ..ProjectSources::default()
    };
    assert_eq!(world.summary(&own), "indexes: own, links: /w");
    let settings = world.read(&own).unwrap();
    assert_eq!(settings.indexes[0].url.as_str(), "https://own/simple");
}

#[test]
fn keys_of_pips_files_are_taken_as_pip_takes_them() {
    let system = |text: &'static str| ("etc/pip.conf", text);
    let user = |text: &'static str| ("home/.config/pip/pip.conf", text);
    for (files, wanted) in [
        ([system("[install]\nindex-url = https://a\n"), user("[global]\nindex-url = https://b\n")], "indexes: a"),
        ([system("[global]\nindex-url = https://a\n"), user("[global]\nindex-url = https://b\n")], "indexes: b"),
        ([system("[global]\nindex-url = https://a\n"), user("[global]\nindex-url =\n")], "PyPI"),
        ([system("[global]\nindex-url = https://a\n"), user("[install]\nindex-url =\n")], "indexes: a"),
        (
            [system("[global]\nextra-index-url = https://a\n"), user("[global]\nextra-index-url = https://b\n")],
            "indexes: b, PyPI",
        ),
        (
            [system("[global]\n  index-url = https://a\n  no-index = no\n"), user("[global]\nfind-links = ~/w ~x\n")],
            "indexes: a, links: home/w project/~x",
        ),
    ] {
        assert_eq!(summary(&[], &files), wanted, "{files:?}");
    }
}

#[test]
fn an_index_may_be_a_folder_that_is_named_as_one() {
    let wheel = ("project/wheels/six/six-1-py3-none-any.whl", "");
    for url in ["wheels", "./wheels", "../project/wheels"] {
        let world = World::new(&[("UV_DEFAULT_INDEX", "https://u")], &[wheel]);
        let own = ProjectSources {
            index: Some((Author::Project, PackageIndex::Url(url.to_owned()))),
            ..ProjectSources::default()
        };
        assert_eq!(world.summary(&own), format!("links: project/{url}"));
    }
    for url in ["pypi.corp.example/simple", "pypi.corp.example:8080/simple", "me:s3cret@corp.example/simple", "~x"] {
        let own = ProjectSources {
            index: Some((Author::Project, PackageIndex::Url(url.to_owned()))),
            ..ProjectSources::default()
        };
        let error = World::new(&[], &[]).read(&own).err().unwrap();
        assert_eq!(error.line(), "[dependencies] index has an index that is neither a URL nor a directory");
        assert_eq!(error.hint.as_deref(), Some("write it as in https://pypi.org/simple"));
    }
}

#[test]
fn files_are_read_where_pip_and_uv_have_them() {
    let pip = |host: &str| format!("[global]\nindex-url = https://{host}/\n");
    let texts = ["a", "b", "c", "d", "e", "f"].map(pip);
    let paths = ["etc/xdg/pip/pip.conf", "etc/pip.conf", "home/.pip/pip.conf", "home/.config/pip/pip.conf"];
    let files: Vec<_> = paths.iter().zip(&texts).map(|(path, text)| (*path, text.as_str())).collect();
    for count in 1..=4 {
        let last = ["a", "b", "c", "d"][count - 1];
        assert_eq!(summary(&[], &files[..count]), format!("indexes: {last}"));
    }
    let own = ("project/my.conf", texts[4].as_str());
    assert_eq!(summary(&[("PIP_CONFIG_FILE", "my.conf")], &[files[1], files[3], own]), "indexes: e");
    // With a file of its own pip does not read the user's.
    assert_eq!(summary(&[("PIP_CONFIG_FILE", "none.conf")], &[files[1], files[3]]), "indexes: b");
    let uv = "index-url = \"https://u\"\n";
    assert_eq!(summary(&[], &[("etc/uv/uv.toml", uv)]), "indexes: u");
    assert_eq!(summary(&[("UV_CONFIG_FILE", "u.toml")], &[("project/u.toml", uv), UV_TOML]), "indexes: u");
}

#[test]
fn the_projects_own_indexes_are_told_apart() {
    assert_eq!(summary(&[], &[PROJECT]), "links: project/wheels, project: p-2 po=po p-d");
    let beside = ("project/uv.toml", "index-url = \"https://beside\"\n");
    assert_eq!(summary(&[], &[PROJECT, beside]), "project: po=po beside");
    let sources = Sources {
        index: Some("https://locked/simple".to_owned()),
        extra_indexes: vec!["https://po/simple".to_owned()],
        ..Sources::default()
    };
    let own = ProjectSources { sources, ..ProjectSources::default() };
    let world = World::new(&[], &[PROJECT]);
    assert_eq!(world.summary(&own), "links: project/wheels, project: p-2 po=po p-d, lock: locked po");
}

#[test]
fn a_lock_files_index_stands_in_pypis_place_and_its_further_ones_do_not() {
    let world = World::new(&[], &[]);
    let lock = |index: Option<&str>, extra: &str| {
        let index = index.map(str::to_owned);
        let sources = Sources { index, extra_indexes: vec![extra.to_owned()], ..Sources::default() };
        world.summary(&ProjectSources { sources, ..ProjectSources::default() })
    };
    assert_eq!(lock(Some("https://a/simple"), "https://b"), "lock: a b");
    assert_eq!(lock(Some("https://pypi.org/simple"), "https://b"), "lock: b pypi.org");
    assert_eq!(lock(None, "https://b"), "lock: b, PyPI");
}

#[test]
fn an_empty_list_of_hosts_lists_none() {
    let own = "[[tool.uv.index]]\nname = \"acme\"\nurl = \"https://h.example/simple\"\n";
    for hosts in ["", " "] {
        let variables = [&[("CARBOY_LOGIN_HOSTS", hosts)], &SECRETS[..]].concat();
        let world = World::new(&variables, &[("project/pyproject.toml", own)]);
        assert_eq!(world.login("https://unrelated.example", "https://h.example/simple"), None);
    }
}

#[test]
fn settings_are_regular_files() {
    for variable in ["UV_CONFIG_FILE", "PIP_CONFIG_FILE", "NETRC"] {
        let read = |path: &str| World::new(&[(variable, path)], &[("project/x", "")]).read(&ProjectSources::default());
        for (path, cause) in [("/dev/zero", "it is not a regular file"), ("/", "it is a directory")] {
            let error = read(path).err().unwrap();
            assert!(error.line().ends_with(cause), "{variable}: {error}");
        }
        read("/dev/null").unwrap();
        read("nowhere").unwrap();
    }
}

#[test]
fn errors_name_the_file_and_show_no_url() {
    for (variables, files, wanted) in [
        (
            &[][..],
            &[("home/.config/uv/uv.toml", "\n[[index]]\nurl = \"https://me:s3cret@u\nx")][..],
            "cannot parse `HOME/.config/uv/uv.toml`, line 4",
        ),
        (
            &[],
            &[("project/pyproject.toml", "[tool.uv]\nindex = \"https://me:s3cret@u\"")],
            "cannot parse `PROJECT/pyproject.toml`, line 2",
        ),
        (
            &[("PIP_INDEX_URL", "https://me:s3cret@[u")],
            &[],
            "PIP_INDEX_URL has an index that is neither a URL nor a directory",
        ),
        (
            &[],
            &[("home/.config/pip/pip.conf", "[global]\nindex-url = https://me:s3cret@u\n  trusted-host = u\n")],
            "index-url in HOME/.config/pip/pip.conf has a URL with a blank or a line's end in it",
        ),
        (
            &[("PIP_INDEX_URL", "https://me:s3cret @u")],
            &[],
            "PIP_INDEX_URL has a URL with a blank or a line's end in it",
        ),
        (&[("UV_INDEX", "a=ssh://me:s3cret@u")], &[], "UV_INDEX has an index that is neither a URL nor a directory"),
    ] {
        let world = World::new(variables, files);
        let error = world.read(&ProjectSources::default()).err().unwrap();
        let root = world.folder.path().display().to_string();
        let text = error.line().replace(&format!("{root}/home"), "HOME").replace(&format!("{root}/project"), "PROJECT");
        assert!(text.starts_with(wanted), "{text}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
