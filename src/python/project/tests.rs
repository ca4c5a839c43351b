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
        ("", &["main.py"], "there is no `shop` among its files, neither below `src` nor beside pyproject.toml"),
        (
            "[tool.setuptools]\npackage-dir = { \"\" = \"x\" }",
            &["shop/a.py"],
            "`tool.setuptools.package-dir` is for its build backend only",
        ),
        (
            "[tool.setuptools.packages.find]\ninclude = [\"shop*\"]",
            &["shop/a.py"],
            "`tool.setuptools.packages.find` is for its build backend only",
        ),
        (
            "[tool.hatch.build.targets.wheel]\ninclude = [\"a\"]",
            &["shop/a.py"],
            "`tool.hatch.build.targets.wheel.include` is for its build backend only",
        ),
        (
            "[tool.hatch.build]\npackages = [\"a\"]",
            &["shop/a.py"],
            "`tool.hatch.build.packages` is for its build backend only",
        ),
    ] {
        assert_eq!(modules(&format!("{named}{table}"), files).unwrap_err().to_string(), want);
    }
    assert_eq!(modules("", &[]), Err(ProjectError::NoName));
}

#[test]
fn files_go_below_site_packages_without_their_root() {
    let module = Module { root: "src".to_owned(), name: Some("shop".to_owned()) };
    for (file, place) in [
        ("src/shop/a.py", Some("shop/a.py")),
        ("src/shop.py", Some("shop.py")),
        ("src/shopping/a.py", None),
        ("shop/a.py", None),
        ("srcs/shop/a.py", None),
    ] {
        assert_eq!(module.place(file), place, "{file}");
    }
    let all = Module { root: "src".to_owned(), name: None };
    assert_eq!((all.place("src/a/b.py"), all.place("src/a.egg-info/PKG-INFO")), (Some("a/b.py"), None));
    assert!(src_layout(["src/a.py"].into_iter()) && !src_layout(["src/a.py", "src/__init__.py"].into_iter()));
}
