//! Values of a `setup.py` that its text does not decide.

use super::{made, setup};

const MACHINE: &str = "its setup.py computes `packages`, which may depend on the machine that builds";
const COMPUTED: &str = "its setup.py computes `packages`, which is more than its text says";
const SHOP: &str = "shop_core-1.0-py3-none-any.whl: shop/__init__.py INFO/top_level.txt";

/// Returns what `made` returns for a script with statements before `setup()`.
fn with(before: &str, arguments: &str) -> String {
    let script = setup(arguments).replace("setup(name", &format!("{before}setup(name"));
    let files =
        [("setup.py", script.as_str()), ("shop/__init__.py", ""), ("shop/skip/a.txt", ""), ("shop/skip/b/c.txt", "")];
    made(&files)
}

#[test]
fn names_of_other_files_are_not_true() {
    let names = "names = []\nif PY2:\n    names.append('shop')\n";
    assert_eq!(with(&format!("from shop import PY2\n{names}"), "packages=names"), COMPUTED);
    assert_eq!(with(names, "packages=names"), MACHINE);
    assert_eq!(with(names, "packages=['shop'] if sys.flags.debug else []"), MACHINE);
    assert_eq!(with("", "packages=['shop'] if sys.flags is not None else []"), MACHINE);
    assert_eq!(with("class A:\n    pass\n", "packages=['shop'] if A else []"), SHOP);
}

#[test]
fn walks_that_are_pruned_are_not_decided() {
    for prune in ["dirs[:] = []", "dirs.remove('skip')"] {
        let walk = format!(
            "names = ['shop']\nfor top, dirs, files in os.walk('shop'):\n    if 'skip' in dirs:\n        {prune}\n    names.append('shop')\n"
        );
        assert_eq!(with(&walk, "packages=names"), COMPUTED, "{prune}");
    }
}

#[test]
fn computed_package_data_does_not_matter_where_the_manifest_has_every_file() {
    let script = "from setuptools import setup\nimport third\nsetup(name='shop', packages=['shop'], package_data=third.find(), include_package_data=INCLUDE)\n";
    let of = |include: &str, sources: &str| {
        let script = script.replace("INCLUDE", include);
        made(&[
            ("setup.py", script.as_str()),
            ("shop/__init__.py", ""),
            ("shop/a.txt", ""),
            ("shop/web/b.txt", ""),
            ("shop.core.egg-info/SOURCES.txt", sources),
        ])
    };
    let all = "shop/__init__.py\nshop/a.txt\nshop/web/b.txt\n";
    let refused = "its setup.py computes `package_data`, which may depend on the machine that builds";
    let whole = "shop_core-1.0-py3-none-any.whl: shop/__init__.py shop/a.txt shop/web/b.txt INFO/top_level.txt";
    assert_eq!(of("True", all), whole);
    assert_eq!(of("True", "shop/__init__.py\nshop/a.txt\n"), refused);
    assert_eq!(of("False", all), refused);
    let script = script.replace("INCLUDE", "False");
    let bare = [("setup.py", script.as_str()), ("shop/__init__.py", ""), ("other/a.txt", "")];
    assert_eq!(made(&bare), SHOP);
}

#[test]
fn globs_find_directories() {
    let own = "from glob import glob\n";
    assert_eq!(with(own, "packages=glob('sho?')"), SHOP);
    assert_eq!(with(own, "packages=glob('sho?/')"), COMPUTED);
    assert_eq!(with(own, "packages=glob('shop/../sho?')"), COMPUTED);
}

#[test]
fn variables_of_comprehensions_are_their_own() {
    assert_eq!(with("x = 'shop'\ny = [x for x in ['other']]\n", "packages=[x]"), SHOP);
    assert_eq!(with("y = [x for x in ['shop']]\n", "packages=[x]"), MACHINE);
}

#[test]
fn dynamic_requirements_may_not_depend_on_the_machine() {
    let names = [
        ("dependencies", "install_requires"),
        ("optional-dependencies", "extras_require"),
        ("scripts", "entry_points"),
    ];
    for (name, argument) in names {
        let toml = format!(
            "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'shop'\ndynamic = ['{name}']\n"
        );
        let script = setup(&format!("packages=['shop'], {argument}=third()"));
        let files = [
            ("setup.py", script.as_str()),
            ("pyproject.toml", toml.as_str()),
            ("shop/__init__.py", ""),
            ("Shop.Core.egg-info/requires.txt", "a\n"),
        ];
        assert_eq!(
            made(&files),
            format!("its setup.py computes `{argument}`, which may depend on the machine that builds")
        );
    }
}

#[test]
fn statements_that_run_or_not_decide_nothing() {
    let limit = "a long setup.py decides what is installed, by a program that would have to run";
    let add = "def add():\n    more()\ndef more():\n    names.append('x')\n";
    for (statements, why) in [
        ("for x in ['a', 'b']:\n    if third():\n        continue\n    names.append(x)\n", limit),
        ("for x in ['a', 'b']:\n    if third():\n        break\n    names.append(x)\n", limit),
        (
            "for x in ['a', 'b']:\n    try:\n        third()\n    except OSError:\n        continue\n    names.append(x)\n",
            limit,
        ),
        ("try:\n    third()\n    names.append('x')\nexcept OSError:\n    pass\n", MACHINE),
        ("try:\n    third()\nexcept OSError:\n    pass\nelse:\n    names.append('x')\n", MACHINE),
        (&format!("{add}if third():\n    add()\n"), MACHINE),
        (&format!("{add}third() and add()\n"), MACHINE),
        ("def f():\n    if third():\n        return\n    names.append('x')\nf()\n", MACHINE),
        (
            "def f():\n    try:\n        third()\n        return\n    except OSError:\n        pass\n    names.append('x')\nf()\n",
            MACHINE,
        ),
        ("if third():\n    other = names\n    other.append('x')\n", MACHINE),
        ("import contextlib\nwith contextlib.suppress(OSError):\n    names.append('x')\n", MACHINE),
        ("if False:\n    third()\n", SHOP),
    ] {
        assert_eq!(with(&format!("names = ['shop']\n{statements}"), "packages=names"), why, "{statements}");
    }
}
