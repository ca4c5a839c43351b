use std::collections::BTreeMap;

use super::files::{SdistFile, SdistFiles};
use super::wheel;

mod undecided;

const INFO: &str = "Metadata-Version: 2.4\nName: Shop.Core\nVersion: 1.0\nSummary: A shop\nRequires-Python: >=3.9\n";

/// Returns the files of an sdist. The path `+path` is executable.
fn sdist(files: &[(&str, &str)]) -> SdistFiles {
    let one = |(path, text): &(&str, &str)| {
        let (path, executable) = path.strip_prefix('+').map_or((*path, false), |path| (path, true));
        (path.to_owned(), SdistFile { bytes: text.as_bytes().to_vec(), executable })
    };
    let info = ("PKG-INFO".to_owned(), SdistFile { bytes: INFO.as_bytes().to_vec(), executable: false });
    SdistFiles::new(std::iter::once(info).chain(files.iter().map(one)).collect::<BTreeMap<_, _>>())
}

/// Returns the name of the wheel and its paths, without METADATA and WHEEL; or the reason why there
/// is none.
fn made(files: &[(&str, &str)]) -> String {
    match wheel(&sdist(files)) {
        Err(error) => error.to_string(),
        Ok(wheel) => {
            let own = |path: &&String| !path.ends_with(".dist-info/METADATA") && !path.ends_with(".dist-info/WHEEL");
            let paths: Vec<_> = wheel.files.keys().filter(own).map(String::as_str).collect();
            format!("{}: {}", wheel.name, paths.join(" ").replace("shop_core-1.0.dist-info", "INFO"))
        }
    }
}

/// Returns a file of the metadata.
fn info(files: &[(&str, &str)], name: &str) -> String {
    let wheel = wheel(&sdist(files)).unwrap();
    let file = wheel.files.get(&format!("{}/{name}", wheel.dist_info));
    String::from_utf8(file.unwrap_or_else(|| panic!("no {name}")).bytes.clone()).unwrap()
}

fn setup(arguments: &str) -> String {
    format!(
        "import os, re, sys\nfrom setuptools import Extension, find_packages, setup\nsetup(name='Shop.Core', {arguments})\n"
    )
}

#[test]
fn setuptools_installs_what_literal_arguments_name() {
    let script = setup(
        "packages=['shop', 'shop.web'], package_dir={'shop': 'lib'}, package_data={'shop': ['*.txt']}, scripts=['bin/run', 'bin/sh'], py_modules=['one'], data_files=[('share/x', ['a.txt'])]",
    );
    let files = [
        ("setup.py", script.as_str()),
        ("lib/__init__.py", ""),
        ("lib/a.txt", ""),
        ("lib/b.md", ""),
        ("lib/py.typed", ""),
        ("lib/web/__init__.py", ""),
        ("lib/other/__init__.py", ""),
        ("one.py", ""),
        ("two.py", ""),
        ("a.txt", ""),
        ("LICENSE", ""),
        ("+bin/run", "#!/usr/bin/env python3 -u\nx\n"),
        ("bin/sh", "#!/bin/sh\n"),
    ];
    assert_eq!(
        made(&files),
        "shop_core-1.0-py3-none-any.whl: one.py shop/__init__.py shop/a.txt shop/py.typed shop/web/__init__.py \
         shop_core-1.0.data/data/share/x/a.txt shop_core-1.0.data/scripts/run shop_core-1.0.data/scripts/sh \
         INFO/licenses/LICENSE INFO/top_level.txt"
    );
    let wheel = wheel(&sdist(&files)).unwrap();
    let script = &wheel.files["shop_core-1.0.data/scripts/run"];
    assert_eq!((script.bytes.as_slice(), script.executable), (&b"#!python -u\nx\n"[..], true));
    assert_eq!(info(&files, "top_level.txt"), "one\nshop\n");
    assert_eq!(
        info(&files, "WHEEL"),
        "Wheel-Version: 1.0\nGenerator: carboy\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    );
}

#[test]
fn the_manifest_names_package_data() {
    let script = setup("packages=find_packages(exclude=['tests*']), include_package_data=True");
    let mut files = vec![
        ("setup.py", script.as_str()),
        ("shop/__init__.py", ""),
        ("shop/templates/a.html", ""),
        ("tests/__init__.py", ""),
        ("Shop.Core.egg-info/SOURCES.txt", "setup.py\nshop/__init__.py\nshop/templates/a.html\n"),
    ];
    assert_eq!(
        made(&files),
        "shop_core-1.0-py3-none-any.whl: shop/__init__.py shop/templates/a.html INFO/top_level.txt"
    );
    files.push(("shop/templates/b.html", ""));
    files.push(("MANIFEST.in", "graft shop\n"));
    assert_eq!(
        made(&files),
        "its the manifest, which leaves `shop/templates/b.html` open, is something that only its build backend applies"
    );
}

#[test]
fn prebuilt_libraries_are_data_like_other_files() {
    let toml = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'shop.core'\nversion = '1.0'\n[tool.setuptools]\npackages = ['shop']\n[tool.setuptools.package-data]\nshop = ['lib/*']\n";
    let files = [("pyproject.toml", toml), ("shop/__init__.py", ""), ("shop/lib/x.dylib", ""), ("shop/lib/x.so", "")];
    let paths = "shop/__init__.py shop/lib/x.dylib shop/lib/x.so INFO/top_level.txt";
    assert_eq!(made(&files), format!("shop_core-1.0-py3-none-any.whl: {paths}"));
}

#[test]
fn values_that_the_text_decides_are_followed() {
    for (before, arguments) in [
        ("", "packages=['shop'] + ['web'][:0]"),
        ("names = ['shop']\nif sys.version_info < (3,):\n    names.append('old')\n", "packages=names"),
        ("if sys.argv[-1] == 'publish':\n    sys.exit()\n", "packages=['shop']"),
        (
            "def read(name):\n    with open(os.path.join(os.path.dirname(__file__), name)) as f:\n        return f.read()\n",
            "packages=read('names.txt').split()",
        ),
        ("options = dict(packages=['shop'])\noptions['zip_safe'] = False\n", "**options"),
        (
            "import subprocess\ntry:\n    version = subprocess.check_output(['git'])\nexcept OSError:\n    version = '0'\n",
            "version=version, packages=['shop']",
        ),
        (
            "from pathlib import Path\n",
            "packages=[name for name in Path(__file__).parent.joinpath('names.txt').read_text().splitlines() if name]",
        ),
        (
            "from shop import __version__\n",
            "version=__version__, packages=[x[0].replace(os.sep, '.') for x in os.walk('shop')]",
        ),
    ] {
        let script = setup(arguments).replace("setup(name", &format!("{before}setup(name"));
        let files = [("setup.py", script.as_str()), ("shop/__init__.py", ""), ("names.txt", "shop\n")];
        assert_eq!(made(&files), "shop_core-1.0-py3-none-any.whl: shop/__init__.py INFO/top_level.txt", "{script}");
    }
}

#[test]
fn values_that_depend_on_the_machine_are_refused() {
    let machine = "which may depend on the machine that builds";
    for (before, arguments, why) in [
        (
            "names = ['shop']\nif sys.version_info < (3, 12):\n    names.append('old')\n",
            "packages=names",
            format!("its setup.py computes `packages`, {machine}"),
        ),
        (
            "names = ['shop']\nif os.environ.get('X'):\n    names += ['old']\n",
            "packages=names",
            format!("its setup.py computes `packages`, {machine}"),
        ),
        ("import third\n", "packages=third.names()", format!("its setup.py computes `packages`, {machine}")),
        (
            "",
            "packages=['shop'], install_requires=third()",
            format!("its setup.py computes `install_requires`, {machine}"),
        ),
        (
            "",
            "packages=['shop'], ext_modules=[Extension('x', ['x.c'])]",
            "it is not pure Python: it has extension modules".to_owned(),
        ),
        (
            "",
            "packages=['shop'], cffi_modules=['build.py:ffi']",
            "it is not pure Python: it has modules of cffi".to_owned(),
        ),
        (
            "class build(object):\n    pass\n",
            "packages=['shop'], cmdclass={'build_py': build}",
            "the command `build_py` of its setup.py decides what is installed, by a program that would have to run"
                .to_owned(),
        ),
        (
            "",
            "packages=['shop'], setup_keyword=1",
            "its `setup_keyword` in setup.py is something that only its build backend applies".to_owned(),
        ),
        (
            "if os.environ.get('X'):\n    setup(name='y')\n",
            "packages=['shop']",
            "setup.py with `setup()` under a condition decides what is installed, by a program that would have to run"
                .to_owned(),
        ),
        ("", "packages=['nothere']", "its setup names `nothere`, which it does not have".to_owned()),
        ("", "packages=['..x']", "its the package `..x` is not what its build backend accepts".to_owned()),
        (
            "",
            "py_modules=['shop'], scripts=['../../etc/passwd']",
            "its setup names `shop.py`, which it does not have".to_owned(),
        ),
    ] {
        let script = setup(arguments).replace("setup(name", &format!("{before}setup(name"));
        assert_eq!(made(&[("setup.py", script.as_str()), ("shop/__init__.py", "")]), why, "{script}");
    }
}

#[test]
fn long_programs_end() {
    for script in [
        "x = 'a'\nwhile True:\n    x += x\n".to_owned(),
        format!("x = 'aaaaaaaa'\n{}setup(name=x)\n", "x = x + x\n".repeat(64)),
        format!("x = {}1{}\n", "(".repeat(5000), ")".repeat(5000)),
        format!("x = {}1\n", "1 + ".repeat(5000)),
        "def f():\n    return f()\nf()\n".to_owned(),
        "x = 'aaaaaaaa'\nfor a in range(30):\n    x = f'{x}{x}'\nfrom setuptools import setup\nsetup(name=x)\n"
            .to_owned(),
        "x = []\nx.append(x)\nfrom setuptools import setup\nsetup(packages=x)\n".to_owned(),
        "for a in range(10): pass\nx = [0] * 9\nfor a in x:\n    x.append(a)\n".to_owned(),
    ] {
        let work = move || made(&[("setup.py", script.as_str())]);
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(work).unwrap();
        assert!(!thread.join().unwrap().contains(".whl"));
    }
}

#[test]
fn metadata_is_that_of_setuptools() {
    let script = setup(
        "version='1', description='A shop\\n', author='', license='MIT', keywords='a, b', url='https://x.test', install_requires=['B >= 1, <2 ; python_version<\"3\"'], extras_require={'Web_x': ['c'], ':os_name==\"nt\"': ['d']}, python_requires='>= 3.8', packages=['shop'], long_description=open('README').read(), entry_points={'console_scripts': ['b = shop:b', 'a=shop:a'], 'x': []}",
    );
    let files = [("setup.py", script.as_str()), ("shop/__init__.py", ""), ("README", "Text\r\n")];
    assert_eq!(
        info(&files, "METADATA"),
        "Metadata-Version: 2.4\nName: Shop.Core\nVersion: 1.0\nSummary: A shop\nHome-page: https://x.test\nAuthor: \n\
         Requires-Python: >= 3.8\nLicense: MIT\nKeywords: a,b\nRequires-Dist: B<2,>=1; python_version < \"3\"\n\
         Provides-Extra: web-x\nRequires-Dist: c; extra == \"web-x\"\nRequires-Dist: d; os_name == \"nt\"\n\
         Dynamic: summary\nDynamic: home-page\nDynamic: requires-python\nDynamic: license\nDynamic: keywords\n\
         Dynamic: requires-dist\nDynamic: provides-extra\nDynamic: description\n\nText\n"
    );
    assert_eq!(info(&files, "entry_points.txt"), "[console_scripts]\na = shop:a\nb = shop:b\n");
}

#[test]
fn setup_cfg_and_pyproject_describe_projects() {
    let cfg = "[metadata]\nname = shop\n[options]\npackages = find:\npackage_dir =\n    = src\n[options.packages.find]\nwhere = src\n[options.package_data]\n* = *.txt\n[bdist_wheel]\nuniversal = 1\n";
    let files = [("setup.cfg", cfg), ("src/shop/__init__.py", ""), ("src/shop/a.txt", ""), ("src/x/a.py", "")];
    assert_eq!(made(&files), "shop_core-1.0-py2.py3-none-any.whl: shop/__init__.py shop/a.txt INFO/top_level.txt");
    let toml = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'shop'\nscripts = {b = 'shop:b'}\n";
    let files = [("pyproject.toml", toml), ("src/shop/a.py", ""), ("src/x.py", "")];
    assert_eq!(made(&files), "shop_core-1.0-py3-none-any.whl: shop/a.py INFO/entry_points.txt INFO/top_level.txt x.py");
    let flat = [
        ("pyproject.toml", toml),
        ("shop/a.py", ""),
        ("tests/a.py", ""),
        ("setup.py", "from setuptools import setup\nsetup()\n"),
    ];
    assert_eq!(made(&flat), "shop_core-1.0-py3-none-any.whl: shop/a.py INFO/entry_points.txt INFO/top_level.txt");
    let several = [("pyproject.toml", toml), ("shop/a.py", ""), ("web/a.py", "")];
    assert_eq!(made(&several), "its the layout with 2 packages at the top is not what its build backend accepts");
}

#[test]
fn declarative_backends_install_their_package() {
    let backend = |name: &str, rest: &str| {
        format!(
            "[build-system]\nrequires = []\nbuild-backend = '{name}'\n[project]\nname = 'shop-core'\nversion = '1.0'\nrequires-python = '>=3.9'\nscripts = {{b = 'shop_core:b', a = 'shop_core:a'}}\n{rest}"
        )
    };
    for (name, rest, points) in [
        ("flit_core.buildapi", "", "[console_scripts]\na=shop_core:a\nb=shop_core:b\n\n"),
        ("hatchling.build", "", "[console_scripts]\nb = shop_core:b\na = shop_core:a\n"),
        ("poetry.core.masonry.api", "[tool.poetry]\n", "[console_scripts]\na=shop_core:a\nb=shop_core:b\n\n"),
        ("pdm.backend", "", "[console_scripts]\na = shop_core:a\nb = shop_core:b\n\n[gui_scripts]\n\n"),
        ("uv_build", "", "[console_scripts]\nb = shop_core:b\na = shop_core:a\n\n"),
    ] {
        let toml = backend(name, rest);
        let files = [
            ("pyproject.toml", toml.as_str()),
            ("LICENSE", ""),
            ("src/shop_core/__init__.py", ""),
            ("src/shop_core/a/b.html", ""),
            ("src/shop_core/__pycache__/x.pyc", ""),
        ];
        assert_eq!(
            made(&files),
            "shop_core-1.0-py3-none-any.whl: INFO/entry_points.txt INFO/licenses/LICENSE shop_core/__init__.py shop_core/a/b.html",
            "{name}"
        );
        assert_eq!(info(&files, "entry_points.txt"), points, "{name}");
    }
}

#[test]
fn settings_of_declarative_backends_select_files() {
    let files = |toml: &str| {
        made(&[
            ("pyproject.toml", toml),
            ("lib/shop/__init__.py", ""),
            ("lib/shop/a.txt", ""),
            ("lib/shop/_version.py", ""),
            ("extra/b.txt", ""),
            (".gitignore", "_version.py\n"),
        ])
    };
    let hatch = "[build-system]\nbuild-backend = 'hatchling.build'\n[project]\nname = 'x'\nrequires-python = '>=3.9'\n";
    assert_eq!(
        files(&format!(
            "{hatch}[tool.hatch.build.targets.wheel]\npackages = ['lib/shop']\nexclude = ['*.txt']\nforce-include = {{'extra/b.txt' = 'shop/b.txt'}}\n"
        )),
        "shop_core-1.0-py3-none-any.whl: shop/__init__.py shop/b.txt"
    );
    assert_eq!(
        files(&format!(
            "{hatch}[tool.hatch.build.targets.wheel]\npackages = ['lib/shop']\n[tool.hatch.build.hooks.vcs]\nversion-file = 'lib/shop/_version.py'\n"
        )),
        "shop_core-1.0-py3-none-any.whl: shop/__init__.py shop/_version.py shop/a.txt"
    );
    assert_eq!(
        files(
            "[build-system]\nbuild-backend = 'poetry.core.masonry.api'\n[tool.poetry]\nname = 'x'\npackages = [{include = 'shop', from = 'lib'}]\ninclude = ['extra/*', {path = 'extra/b.txt', format = ['wheel']}]\nexclude = ['lib/shop/a.txt']\n"
        ),
        "shop_core-1.0-py3-none-any.whl: extra/b.txt shop/__init__.py shop/_version.py"
    );
    for (toml, why) in [
        (
            format!("{hatch}[tool.hatch.build.hooks.custom]\n"),
            "the build hook `custom` decides what is installed, by a program that would have to run",
        ),
        (
            format!("{hatch}[tool.hatch.build.targets.wheel]\npackages = ['../x']\n"),
            "its a path of hatchling that leads outside is not what its build backend accepts",
        ),
        (
            "[build-system]\nbuild-backend = 'poetry.core.masonry.api'\n[tool.poetry]\nbuild = 'build.py'\n".to_owned(),
            "the build script of poetry decides what is installed, by a program that would have to run",
        ),
        (
            "[build-system]\nbuild-backend = 'maturin'\n".to_owned(),
            "it is not pure Python: its build backend is maturin",
        ),
        (
            "[build-system]\nbuild-backend = 'other'\n".to_owned(),
            "its build backend is `other`, which carboy does not know",
        ),
        (
            "[build-system]\nbuild-backend = 'x'\nbackend-path = ['.']\n".to_owned(),
            "a build backend of its own decides what is installed, by a program that would have to run",
        ),
    ] {
        assert_eq!(files(&toml), why);
    }
}
