//! Settings that lie in the project name no hosts.

use super::*;

#[test]
fn only_the_machine_names_folders_elsewhere() {
    for outside in ["/out", "../out", "file:///out"] {
        let links = format!("[tool.uv]\nfind-links = [\"{outside}\"]\n");
        let index = format!("[[tool.uv.index]]\nurl = \"{outside}\"\n");
        for text in [&links, &index] {
            let error =
                World::new(&[], &[("project/pyproject.toml", text)]).read(&ProjectSources::default()).err().unwrap();
            assert!(error.line().contains("project/pyproject.toml: `") && error.line().ends_with("outside"), "{error}");
        }
        let sources = Sources { find_links: vec![outside.to_owned()], ..Sources::default() };
        assert!(World::new(&[], &[]).read(&ProjectSources { sources, ..ProjectSources::default() }).is_err());
        let index = |by| ProjectSources {
            index: Some((by, PackageIndex::Url(outside.to_owned()))),
            ..ProjectSources::default()
        };
        assert!(World::new(&[], &[]).read(&index(Author::Project)).is_err());
        World::new(&[], &[]).read(&index(Author::User)).unwrap();
        World::new(&[("PIP_FIND_LINKS", outside), ("UV_DEFAULT_INDEX", outside)], &[])
            .read(&ProjectSources::default())
            .unwrap();
    }
}

#[test]
fn an_environment_in_the_project_is_the_projects() {
    let conf = |path| (path, "[global]\nindex-url = https://venv/\n");
    let summary = |folder: &str| {
        let world = World::new(&[], &[conf("project/.venv/pip.conf"), conf("venv/pip.conf")]);
        let path = world.folder.path().join(folder).display().to_string();
        let variables = [("VIRTUAL_ENV".to_owned(), path)].into();
        World { variables, ..world }.summary(&ProjectSources::default())
    };
    assert_eq!(summary("venv"), "indexes: venv");
    assert_eq!(summary("project/.venv"), "PyPI");
}

/// The settings of a checkout that is the home directory, or has a file that a variable names.
#[test]
fn files_of_settings_in_the_project_name_no_hosts() {
    let conf = |path| (path, "[global]\nextra-index-url = https://h.example/pip\n");
    let uv = |path| (path, "[[index]]\nname = \"a\"\nurl = \"https://h.example/uv\"\n");
    let netrc = |path| (path, "machine h.example login x password y\n");
    let url = "https://${USER}:${PW}@h.example/simple";
    for (variable, value, file) in [
        ("PIP_CONFIG_FILE", "my.conf", conf("project/my.conf")),
        ("UV_CONFIG_FILE", "my.toml", uv("project/my.toml")),
        ("XDG_CONFIG_HOME", "PROJECT/x", conf("project/x/pip/pip.conf")),
        ("XDG_CONFIG_HOME", "PROJECT/x", uv("project/x/uv/uv.toml")),
        ("XDG_CONFIG_DIRS", "PROJECT/x", conf("project/x/pip/pip.conf")),
        ("NETRC", "n", netrc("project/n")),
    ] {
        let world = World::new(&SECRETS, &[file]);
        let value = value.replace("PROJECT", &world.folder.path().join("project").display().to_string());
        let mut world = World { variables: world.variables.clone(), ..world };
        world.variables.insert(variable.to_owned(), value);
        let error = world.put_in(None, url).unwrap_err();
        assert!(error.line().ends_with("to h.example, which this machine's configuration does not name"), "{error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains("project/") && hint.ends_with("CARBOY_LOGIN_HOSTS=h.example"), "{hint}");
        // Its indexes count, as the project's do.
        let settings = world.read(&ProjectSources::default()).unwrap();
        assert_eq!(settings.indexes.len(), usize::from(variable != "NETRC"), "{variable}");
        assert_eq!(settings.warnings.len(), usize::from(variable == "NETRC"), "{:?}", settings.warnings);
        assert!(world.login("https://h.example/simple", "https://h.example/simple").is_none());
        world.variables.insert("CARBOY_LOGIN_HOSTS".to_owned(), "h.example".to_owned());
        assert_eq!(world.put_in(None, url).unwrap(), "https://me:p%40ss%2Fw@h.example/simple");
    }
}

#[test]
fn only_the_files_of_pips_in_the_project_name_no_hosts() {
    let files = [
        ("etc/pip.conf", "[global]\nindex-url = https://corp.example/simple\n"),
        ("project/my.conf", "[global]\nextra-index-url = https://evil.example/\n"),
    ];
    let world = World::new(&[&[("PIP_CONFIG_FILE", "my.conf")], &SECRETS[..]].concat(), &files);
    world.put_in(None, "https://${USER}:x@corp.example/simple").unwrap();
    world.put_in(None, "https://${USER}:x@evil.example/simple").unwrap_err();
    assert_eq!(world.summary(&ProjectSources::default()), "indexes: corp.example evil.example");
    for links in ["/out", "../out"] {
        let conf = ("project/my.conf", format!("[global]\nfind-links = {links}\n"));
        let world = World::new(&[("PIP_CONFIG_FILE", "my.conf")], &[(conf.0, &conf.1)]);
        let error = world.read(&ProjectSources::default()).err().unwrap();
        assert!(error.line().ends_with("is outside"), "{error}");
    }
}
