use super::*;
use crate::python::project::version::{Reading, VersionSource};

fn listed(cfg: &str, py: &str) -> Setup {
    read(Some(cfg), Some(py))
}

#[expect(clippy::unnecessary_wraps, reason = "the place of a version is optional")]
fn file(paths: &[&str], reading: Reading) -> Option<VersionSource> {
    Some(VersionSource::File { paths: paths.iter().map(|&path| path.to_owned()).collect(), reading })
}

#[test]
fn setup_cfg_is_read() {
    let text = "[metadata]\nname = My-Shop\nversion = attr: shop.__version__\n[options]\npackages = find:\npackage_dir =\n    = src\n\
                py_modules = a, b\n[options.packages.find]\nwhere = src\n[options.entry_points]\nconsole_scripts =\n    shop = shop.cli:main\n    # x\n    two=shop:two\n";
    let setup = listed(text, "");
    assert_eq!(setup.name.as_deref(), Some("My-Shop"));
    assert_eq!(setup.version, file(&[], Reading::Attribute("shop.__version__".to_owned())));
    assert_eq!(setup.package_dir[""], "src");
    assert_eq!(setup.packages, Some(SetupPackages::Found(vec!["src".to_owned()])));
    assert_eq!(setup.modules, ["a", "b"]);
    assert_eq!(setup.entry_points["console_scripts"]["two"], "shop:two");
    assert_eq!(listed("[metadata]\nversion = file: VERSION\n", "").version, file(&["VERSION"], Reading::Whole));
    let stated = Some(VersionSource::Stated("1.2".to_owned()));
    assert_eq!(
        listed("[metadata]\nversion: 1.2\n", "from setuptools import setup\nsetup(version='3')").version,
        stated
    );
}

#[test]
fn literal_requirements_are_read() {
    let cfg = "[options]\ninstall_requires =\n    flask>=3\n    idna; python_version < '3.9'\n";
    assert_eq!(listed(cfg, "").requires, ["flask>=3", "idna; python_version < '3.9'"]);
    let py = "from setuptools import setup\nR = ['a>1', 'b']\nsetup(name='shop', install_requires=R)\n";
    assert_eq!(listed("", py).requires, ["a>1", "b"]);
    let computed = "from setuptools import setup\nsetup(name='shop', install_requires=open('x').read().split())\n";
    assert!(listed("", computed).requires.is_empty());
}

#[test]
fn literal_arguments_of_setup_are_read() {
    let text = "from setuptools import setup, find_packages\nsetup(name='shop', version='1.2', package_dir={'': 'src'},\n\
                packages=find_packages('src'), entry_points={'console_scripts': ['shop = shop:main']}, ext_modules=[])\n";
    let setup = listed("", text);
    assert_eq!(setup.version, Some(VersionSource::Stated("1.2".to_owned())));
    assert_eq!(setup.packages, Some(SetupPackages::Found(vec!["src".to_owned()])));
    assert_eq!(setup.entry_points["console_scripts"]["shop"], "shop:main");
    assert_eq!((setup.compiled, setup.package_dir[""].as_str()), (None, "src"));
    let compiled = "import setuptools\next = [setuptools.Extension('a', ['a.c'])]\nsetuptools.setup(name='shop', ext_modules=ext)\n";
    assert_eq!(listed("", compiled).compiled, Some("ext_modules"));
    let spread = "meta = dict(name='shop', version='2')\nif True:\n    setup(**meta)\n";
    assert_eq!(listed("", spread).version, Some(VersionSource::SetupPy));
    assert_eq!(listed("", spread).name.as_deref(), Some("shop"));
}

#[test]
fn versions_from_elsewhere_have_a_place() {
    let version = |text: &str| listed("", &format!("from setuptools import setup\n{text}")).version;
    for text in [
        "from shop import __version__ as v\nsetup(version=v)",
        "setup(version=find_version('shop', '__init__.py'))",
        "V = '1'\nV += '2'\nsetup(version=V)",
        "if x:\n    setup(version='1')\nelse:\n    setup(version='2')",
    ] {
        assert_eq!(version(text), Some(VersionSource::SetupPy), "{text}");
    }
    assert!(matches!(version("setup(use_scm_version=True)"), Some(VersionSource::Scm(_))));
    let named = |source| if let Some(VersionSource::Tool { name, .. }) = source { Some(name) } else { None };
    assert_eq!(named(version("import versioneer\nsetup(version=versioneer.get_version())")), Some("versioneer"));
    assert_eq!(named(version("setup(pbr=True)")), Some("pbr"));
    let written = "from setuptools import setup\nsetup(use_scm_version={'write_to': 'shop/_version.py', 'root': '.'})";
    assert_eq!(listed("", written).version_files[0].path, "shop/_version.py");
}
