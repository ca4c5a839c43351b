use super::*;

fn modules(text: &str, files: &[&str]) -> Result<Vec<(String, Option<String>)>, ProjectError> {
    let found = ProjectMetadata::parse(text).unwrap().modules(files.iter().copied())?;
    Ok(found.into_iter().map(|module| (module.root, module.name)).collect())
}

fn one(root: &str, name: &str) -> Vec<(String, Option<String>)> {
    vec![(root.to_owned(), Some(name.to_owned()))]
}

#[test]
fn metadata_is_read_from_project_and_poetry_tables() {
    let standard = "[project]\nname = \"My.Shop\"\nversion = \"1.2\"\nscripts = { shop = \"shop:main\" }\n[project.entry-points.\"shop.plugins\"]\na = \"shop.a\"\n";
    let project = ProjectMetadata::parse(standard).unwrap();
    assert_eq!((project.name.as_deref(), project.version.as_deref()), (Some("My.Shop"), Some("1.2")));
    assert_eq!(project.scripts["shop"], "shop:main");
    assert_eq!(project.entry_points["shop.plugins"]["a"], "shop.a");
    let poetry = ProjectMetadata::parse(
        "[tool.poetry]\nname = \"shop\"\nversion = \"2\"\n[tool.poetry.scripts]\nshop = \"shop:main\"",
    )
    .unwrap();
    assert_eq!((poetry.version.as_deref(), poetry.scripts.len()), (Some("2"), 1));
    let needs = |text: &str| ProjectMetadata::parse(text).unwrap().dependencies.requirements.len();
    assert_eq!(needs("[project]\ndependencies = [\"a\", \"b>1\"]"), 2);
    assert_eq!(needs("[tool.poetry.dependencies]\npython = \"^3.11\"\na = \"1\""), 1);
    assert_eq!((needs("[project]\ndependencies = []"), needs("")), (0, 0));
    assert!(matches!(ProjectMetadata::parse("[["), Err(ProjectError::Syntax(_))));
}

#[test]
fn modules_are_found_as_the_backends_find_them() {
    let named = "[project]\nname = \"My.Shop\"\n";
    let all = Ok(vec![("src".to_owned(), None)]);
    let two = ["src/my_shop/__init__.py", "src/my_shop_extra/__init__.py", "my_shop/a.py", "tests/test.py"];
    for (backend, want) in [
        ("hatchling.build", Ok(one("src", "my_shop"))),
        ("uv_build", Ok(one("src", "my_shop"))),
        ("setuptools.build_meta", all.clone()),
        ("pdm.backend", all.clone()),
    ] {
        let text = format!("{named}[build-system]\nbuild-backend = \"{backend}\"\n");
        assert_eq!(modules(&text, &two), want, "{backend}");
    }
    assert_eq!(modules(named, &two), all);
    assert_eq!(modules(named, &["my_shop.py"]), Ok(one("", "my_shop")));
    assert_eq!(modules(named, &["src/other/__init__.py"]), Ok(vec![("src".to_owned(), None)]));
    for (table, files, want) in [
        ("[tool.hatch.build.targets.wheel]\npackages = [\"lib/shop\"]", ["lib/shop/a.py"], one("lib", "shop")),
        ("[tool.poetry]\npackages = [{ include = \"shop\", from = \"lib\" }]", ["lib/shop/a.py"], one("lib", "shop")),
        ("[tool.setuptools]\npackages = [\"a.b\"]", ["a/b/c.py"], one("", "a/b")),
        ("[tool.setuptools]\npy-modules = [\"a\"]", ["a.py"], one("", "a")),
        ("[tool.setuptools.packages.find]\nwhere = [\"lib\"]", ["lib/a/b.py"], vec![("lib".to_owned(), None)]),
        ("[tool.uv.build-backend]\nmodule-name = \"a\"\nmodule-root = \"\"", ["a/b.py"], one("", "a")),
        (
            "[tool.setuptools.packages.find]\nwhere = [\"./lib/\"]\nexclude = [\"b\"]",
            ["lib/a/b.py"],
            vec![("lib".to_owned(), None)],
        ),
        ("[tool.setuptools.packages.find]\nwhere = [\".\"]", ["a/__init__.py"], one("", "a")),
        ("[tool.setuptools.packages.find]\n", ["a/b/__init__.py"], one("", "a")),
        ("[tool.hatch.build.targets.wheel]\npackages = [\"./src/a\"]", ["src/a/b.py"], one("src", "a")),
        ("[tool.poetry]\npackages = [{ include = \"./a\", from = \".\" }]", ["a/b.py"], one("", "a")),
        (
            "[tool.uv.build-backend]\nmodule-name = [\"a\", \"b.c\"]\nmodule-root = \"./x\"",
            ["x/a/b.py x/b/c/d.py"],
            [one("x", "a"), one("x", "b/c")].concat(),
        ),
        ("[tool.flit.module]\nname = \"a\"", ["a.py"], one("", "a")),
    ] {
        let files: Vec<_> = files[0].split(' ').collect();
        assert_eq!(modules(&format!("{named}{table}"), &files), Ok(want), "{table}");
    }
}

#[test]
fn projects_that_need_a_build_are_errors() {
    let named = "[project]\nname = \"shop\"\n";
    for (table, files, want) in [
        (
            "[build-system]\nbuild-backend = \"maturin\"",
            &["shop/a.py"][..],
            "it is not pure Python: its build backend is maturin",
        ),
        ("", &["shop/a.py", "shop/fast.pyx"], "it is not pure Python: there is `shop/fast.pyx`"),
        (
            "",
            &["main.py", "other.py"],
            "there is no `shop` among its files, neither below `src` nor beside pyproject.toml",
        ),
        (
            "[tool.hatch.build.targets.wheel]\ninclude = [\"*.py\"]",
            &["shop/a.py"],
            "`tool.hatch.build.targets.wheel.include` is for its build backend only",
        ),
        (
            "[tool.hatch.build]\nforce-include = { a = \"b\" }",
            &["shop/a.py"],
            "`tool.hatch.build.targets.wheel.force-include` is for its build backend only",
        ),
        ("[tool.pdm.build]\nrun-setuptools = true", &["shop/a.py"], "`tool.pdm.build` is for its build backend only"),
    ] {
        assert_eq!(modules(&format!("{named}{table}"), files).unwrap_err().to_string(), want);
    }
    assert_eq!(modules("", &[]), Err(ProjectError::NoName));
}

#[test]
fn files_go_below_site_packages_without_their_root() {
    let module = Module::new("src", "shop");
    for (file, place) in [
        ("src/shop/a.py", Some("shop/a.py")),
        ("src/shop.py", Some("shop.py")),
        ("src/shopping/a.py", None),
        ("shop/a.py", None),
        ("srcs/shop/a.py", None),
    ] {
        assert_eq!(module.place(file).as_deref(), place, "{file}");
    }
    let all = Module::all("src");
    assert_eq!((all.place("src/a/b.py").as_deref(), all.place("src/a.egg-info/PKG-INFO")), (Some("a/b.py"), None));
    let renamed = Module::at("lib/code", "shop");
    assert_eq!((renamed.place("lib/code/a.py").as_deref(), renamed.place("lib/shop/a.py")), (Some("shop/a.py"), None));
    assert_eq!(Module::at("lib/shop", "shop"), Module::new("lib", "shop"));
    assert!(src_layout(["src/a.py"].into_iter()) && !src_layout(["src/a.py", "src/__init__.py"].into_iter()));
}

/// The directories on `sys.path`, and the packages with other names.
fn importable(table: &str, files: &str) -> String {
    let project = ProjectMetadata::parse(&format!("[project]\nname = \"shop\"\n{table}")).unwrap();
    let files: Vec<_> = files.split(' ').collect();
    let roots: Vec<_> = project.roots(files.iter().copied()).into_iter().collect();
    let renamed = project.renamed(files.iter().copied()).into_iter().map(|(place, path)| format!("{place}->{path}"));
    roots.into_iter().chain(renamed).collect::<Vec<_>>().join(" ")
}

#[test]
fn modules_are_importable_where_they_are() {
    let hatch = "[build-system]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.build.targets.wheel]\n";
    for (table, files, want) in [
        ("[tool.setuptools]\npackage-dir = { \"\" = \"lib\" }", "lib/a/b.py", "lib"),
        ("[tool.setuptools]\npackage-dir = { shop = \"code\" }\npackages = [\"shop\"]", "code/b.py", "shop->code"),
        (
            "[tool.setuptools]\npackage-dir = { shop = \"lib/shop\" }\npackages = [\"shop\", \"shop.b\"]",
            "lib/shop/b/c.py",
            "lib",
        ),
        ("[tool.setuptools.packages.find]\nwhere = [\"a\", \"b\"]", "a/x.py b/y.py", "a b"),
        ("[tool.poetry]\npackages = [{ include = \"shop/**/*.py\", from = \"lib\" }]", "lib/shop/a.py", "lib"),
        ("[tool.poetry]\npackages = [{ include = \"*\", from = \"lib\" }]", "lib/shop/a.py", "lib"),
        (
            "[tool.poetry]\npackages = [{ include = \"a\", from = \"lib\", to = \"shop\" }]",
            "lib/a/b.py",
            "shop/a->lib/a",
        ),
        ("[tool.pdm.build]\npackage-dir = \"lib\"", "lib/shop/a.py", "lib"),
        ("[tool.pdm.build]\nincludes = [\"src/shop\"]", "src/shop/a.py", "src"),
        ("[build-system]\nbuild-backend = \"flit_core.buildapi\"\n[tool.flit.module]\nname = \"a\"", "src/a.py", "src"),
        ("[tool.uv.build-backend]\nmodule-root = \"lib\"", "lib/shop/a.py", "lib"),
        (&format!("{hatch}only-include = [\"lib/shop\"]\nsources = [\"lib\"]"), "lib/shop/a.py", "lib"),
        (&format!("{hatch}sources = {{ lib = \"shop\" }}\nonly-include = [\"lib\"]"), "lib/a.py", "shop->lib"),
        (&format!("{hatch}sources = [\"lib\"]\ninclude = [\"*.py\"]"), "lib/shop/a.py", "lib"),
        (
            &format!("{hatch}include = [\"/lib/shop\", \"LICENSE\"]\nsources = [\"lib\"]"),
            "lib/shop/a.py LICENSE",
            "lib",
        ),
        (&format!("{hatch}packages = [\"python/shop\"]"), "python/shop/a.py", "python"),
        ("[tool.maturin]\npython-source = \"python\"", "python/shop/a.py", "python"),
        ("", "main.py src/shop/a.py", "src"),
        ("", "../x.py", ""),
    ] {
        assert_eq!(importable(table, files), want, "{table}");
    }
    let only = |files: &[&str]| modules("[project]\nname = \"my-shop\"\n", files);
    assert_eq!(only(&["shop/__init__.py", "tests/__init__.py", "setup.py"]), Ok(one("", "shop")));
    assert!(only(&["shop/__init__.py", "cart/__init__.py"]).is_err());
    let found =
        "[project]\nname = \"shop\"\n[tool.setuptools.packages.find]\ninclude = [\"sh*\"]\nexclude = [\"shed\"]\n";
    assert_eq!(modules(found, &["shop/__init__.py", "shed/__init__.py", "tests/__init__.py"]), Ok(one("", "shop")));
}

#[test]
fn extension_modules_are_missed_unless_they_are_there() {
    let missing = |texts: ProjectTexts<'_>, files: &str| {
        let project = ProjectMetadata::read(texts).unwrap();
        let files: Vec<_> = files.split(' ').collect();
        project.missing_extensions(files.iter().copied())
    };
    let of = |table: &str, files: &str| {
        let text = format!("[project]\nname = \"shop\"\n{table}");
        missing(ProjectTexts { pyproject: Some(&text), ..ProjectTexts::default() }, files)
    };
    let maturin = "[build-system]\nbuild-backend = \"maturin\"";
    assert_eq!(of(maturin, "shop/__init__.py").as_deref(), Some("its build backend is maturin"));
    assert_eq!(of(maturin, "shop/__init__.py shop/shop.abi3.so"), None);
    assert_eq!(of("", "shop/__init__.py shop/fast.pyx").as_deref(), Some("there is `shop/fast.pyx`"));
    assert_eq!(of("", "shop/__init__.py shop/fast.pyx shop/fast.py"), None);
    assert_eq!(of("", "shop/__init__.py tools/fast.pyx shop/a.c"), None);
    let script = "[tool.poetry.build]\nscript = \"build_rust.py\"";
    assert_eq!(
        of(script, "shop/__init__.py rust/src/lib.rs").as_deref(),
        Some("its build script `build_rust.py` compiles `rust/src/lib.rs`")
    );
    assert_eq!(of(script, "shop/__init__.py"), None);
    let setup = "from setuptools import setup, Extension\nsetup(name='shop', ext_modules=[Extension('a', ['a.c'])])";
    let texts = ProjectTexts { setup_py: Some(setup), ..ProjectTexts::default() };
    assert_eq!(missing(texts, "shop/__init__.py").as_deref(), Some("there is `ext_modules of setup.py`"));
    assert_eq!(
        of("[[tool.setuptools.ext-modules]]\nname = \"a\"", "shop.py").as_deref(),
        Some("there is `tool.setuptools.ext-modules`")
    );
}
