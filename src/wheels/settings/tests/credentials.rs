//! Which hosts get logins and the values of variables.

use super::*;

#[test]
fn variables_are_put_into_urls_of_hosts_that_the_machine_names() {
    let netrc = ("home/.netrc", "machine h.example login x password y\n");
    let conf = ("home/.config/pip/pip.conf", "[global]\nextra-index-url = https://h.example/pip\n");
    let uv = (
        "etc/uv/uv.toml",
        "[[index]]\nname = \"a\"\nurl = \"https://h.example/uv\"\nexplicit = true\n[[index]]\nurl = \"https://x\"\n",
    );
    let flat = ("home/.config/uv/uv.toml", "find-links = [\"https://h.example/links\"]\n");
    let ways: [(Option<&str>, &[_], &[_]); 9] = [
        (Some("https://h.example/flag"), &[], &[]),
        (None, &[("PIP_INDEX_URL", "https://u:p@H.example/simple")], &[]),
        (None, &[("UV_INDEX", "a=https://h.example/simple")], &[]),
        (None, &[("UV_FIND_LINKS", "https://h.example/")], &[]),
        (None, &[("CARBOY_LOGIN_HOSTS", "other.example,h.example")], &[]),
        (None, &[], &[netrc]),
        (None, &[], &[conf]),
        (None, &[], &[uv]),
        (None, &[], &[flat]),
    ];
    for (flag, variables, files) in ways {
        let world = World::new(&[variables, &SECRETS].concat(), files);
        for (url, wanted) in [
            ("https://${USER}:${PW}@h.example/simple", "https://me:p%40ss%2Fw@h.example/simple"),
            ("https://$USER:x@H.example:443/$web", "https://me:x@h.example/$web"),
            ("https://${USER}:$NONE@h.example/simple", "https://h.example/simple"),
        ] {
            assert_eq!(world.put_in(flag, url).unwrap(), wanted, "{variables:?} {files:?}");
        }
        for url in [
            "https://$PW@evil.example/simple",
            "https://h.example@evil.example/${PW}",
            "https://$PW@h.example.evil.example/",
            "https://h.example/${PW}/simple",
            "https://h.example/simple?t=$PW",
            "https://$USER:x@h.example/${PW}",
            "https://$PW.h.example/",
            "https://${PW}",
            "https://x:$PW@h.example/@evil.example/$NONE",
            "ssh://$PW@h.example/x",
        ] {
            let error = world.put_in(flag, url).unwrap_err();
            assert!(!format!("{error:?}").contains("ss/w"), "{error:?}");
        }
    }
    // What only the project names does not count.
    let own = "[[tool.uv.index]]\nname = \"acme\"\nurl = \"https://h.example/simple\"\n";
    let world = World::new(&SECRETS, &[("project/pyproject.toml", own)]);
    let error = world.put_in(None, "https://${USER}:${PW}@h.example/simple").unwrap_err();
    assert_eq!(
        error.line(),
        "the variable `${USER}` would be sent to h.example, which this machine's configuration does not name"
    );
    assert_eq!(
        error.hint.unwrap(),
        "leave the login out of the URL, and give it by UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the \
         index NAME of pyproject.toml, or by a line of ~/.netrc: machine h.example login USER password PASSWORD"
    );
}

#[test]
fn a_lock_files_index_gets_no_login_by_name() {
    let asked = "https://h.example/simple/six/";
    assert_eq!(World::new(&SECRETS, &[]).login("https://h.example/simple", asked), None);
    let own = "[[tool.uv.index]]\nname = \"acme\"\nurl = \"https://h.example/simple\"\n";
    let world = World::new(&SECRETS, &[("project/pyproject.toml", own)]);
    assert_eq!(world.login("https://h.example/simple", asked).as_deref(), Some(" named"), "the project's own name");
}

#[test]
fn a_login_by_name_goes_where_the_machine_has_the_name() {
    let index = |url: &str| format!("[[tool.uv.index]]\nname = \"acme\"\nurl = \"{url}\"\n");
    let machine = ("UV_INDEX", "ACME=https://acme.example/simple");
    let listed = |hosts: &'static str| ("CARBOY_LOGIN_HOSTS", hosts);
    for (more, url, sent) in [
        (&[][..], "https://h.example/simple", true),
        (&[], "http://h.example/simple", false),
        (&[machine], "https://h.example/simple", false),
        (&[machine], "https://acme.example/other", true),
        (&[listed("acme.example")], "https://h.example/simple", false),
        (&[listed("h.example")], "https://h.example/simple", true),
    ] {
        let world = World::new(&[more, &SECRETS].concat(), &[("project/pyproject.toml", &index(url))]);
        assert_eq!(world.login("https://unrelated.example", url).is_some(), sent, "{more:?} {url}");
        let poetry = format!("[[tool.poetry.source]]\nname = \"acme\"\nurl = \"{url}\"\n");
        let world = World::new(&[more, &SECRETS].concat(), &[("project/pyproject.toml", &poetry)]);
        assert_eq!(world.login("https://unrelated.example", url).is_some(), sent, "{more:?} {url}");
    }
}

#[test]
fn netrcs_default_goes_to_hosts_that_the_machine_names() {
    let netrc = ("home/.netrc", "machine m.example login m password m\ndefault login any password one\n");
    let (h, m) = ("https://h.example/simple", "https://m.example/simple");
    for (variables, asked, wanted) in [
        (&[][..], h, None),
        (&[("PIP_INDEX_URL", h)], h, Some("any one")),
        (&[("CARBOY_LOGIN_HOSTS", "h.example")], h, Some("any one")),
        (&[("PIP_INDEX_URL", h), ("CARBOY_LOGIN_HOSTS", "x.example")], h, None),
        (&[], m, Some("m m")),
        (&[("CARBOY_LOGIN_HOSTS", "x.example")], m, Some("m m")),
        // The project's change of scheme does not put the login on the wire.
        (&[], "http://m.example/simple", None),
        (&[("PIP_INDEX_URL", "http://m.example/simple")], "http://m.example/simple", Some("m m")),
    ] {
        let found = World::new(variables, &[netrc]).login(asked, asked);
        assert_eq!(found.as_deref(), wanted, "{variables:?} {asked}");
    }
}

#[test]
fn variables_do_not_travel_in_the_clear() {
    let netrc = ("home/.netrc", "machine h.example login x password y\n");
    let url = "http://$USER:x@h.example/simple";
    for (variable, value, put) in [
        ("CARBOY_LOGIN_HOSTS", "h.example", false),
        ("NOTHING", "", false),
        ("PIP_INDEX_URL", "https://h.example:80/simple", false),
        ("PIP_INDEX_URL", "http://h.example/simple", true),
    ] {
        let found = World::new(&[&[(variable, value)], &SECRETS[..]].concat(), &[netrc]).put_in(None, url);
        assert_eq!(found.is_ok(), put, "{variable} {value}");
        if let Err(error) = found {
            assert!(error.line().contains("to http://h.example, which"), "{error}");
        }
    }
}
