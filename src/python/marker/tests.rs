use super::*;

fn environment() -> Environment {
    Environment {
        python_version: "3.11".to_owned(),
        python_full_version: "3.11.7".to_owned(),
        platform_machine: "aarch64",
    }
}

fn chosen(extras: &[&str], groups: &[&str]) -> ActiveExtras {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    ActiveExtras { extras: set(extras), groups: set(groups) }
}

fn holds(marker: &str, chosen: &ActiveExtras) -> bool {
    Marker::parse(marker).unwrap_or_else(|error| panic!("{error}")).holds(&environment(), chosen).unwrap()
}

#[test]
fn the_image_decides() {
    for (marker, want) in [
        ("python_version >= '3.8'", true),
        ("python_version < '3.9'", false),
        ("python_version > '3.9'", true), // by number, not by letter
        ("python_full_version < '3.11.10'", true),
        ("python_version == '3.*'", true),
        ("python_version == '3.11.1.*'", false),
        ("python_version ~= '3.8'", true),
        ("'3.12' > python_version", true),
        ("python_version in '3.10 3.11'", true),
        ("python_version not in '3.10, 3.11'", false),
        ("platform_machine == 'aarch64' and sys_platform == 'linux'", true),
        ("sys_platform == 'win32' or sys_platform == 'darwin'", false),
        ("os_name == 'nt' and python_version < '3' or platform_system == 'Linux'", true),
        ("os_name == 'nt' and (python_version < '3' or platform_system == 'Linux')", false),
        ("os.name=='posix'and(sys.platform=='linux')", true),
        ("python_implementation == 'CPython'", true),
        ("implementation_name == 'pypy'", false),
        ("sys_platform >= 'linux'", true),
        ("sys_platform > 'a'", false),
    ] {
        assert_eq!(holds(marker, &ActiveExtras::default()), want, "{marker}");
    }
}

#[test]
fn extras_and_groups_are_chosen() {
    let both = chosen(&["socks", "two-words"], &["docs"]);
    for (marker, want) in [
        ("extra == 'socks'", true),
        ("extra == 'Two_Words'", true),
        ("extra == 'other'", false),
        ("extra != 'other'", true),
        ("extra != 'socks'", false),
        ("'Two.Words' in extras", true),
        ("'docs' not in dependency_groups", false),
        ("'docs' in extras", false),
    ] {
        assert_eq!(holds(marker, &both), want, "{marker}");
    }
    assert!(!holds("extra == 'a'", &ActiveExtras::default()) && holds("extra != 'a'", &ActiveExtras::default()));
    let conflict = "extra == 'extra-4-shop-a' or extra != 'group-4-shop-b'";
    assert!(holds(conflict, &ActiveExtras::default()));
    assert!(!holds(conflict, &chosen(&["group-4-shop-b"], &[])));
}

#[test]
fn kernel_dependent_markers_are_undecided() {
    let first = "platform_release >= '5.0'";
    for (marker, want) in [
        (first, Err(first)),
        ("'x' not in platform_version", Err("'x' not in platform_version")),
        ("'5.1' ~= platform_release", Err("'5.1' ~= platform_release")),
        ("os_name == 'posix' and (platform_release >= '5.0' or os_name == 'nt')", Err(first)),
        ("platform_release >= '5.0' and platform_version == 'x'", Err(first)),
        ("platform_release >= '5.0' and os_name == 'nt'", Ok(false)),
        ("platform_release >= '5.0' or os_name == 'posix'", Ok(true)),
        ("os_name == 'nt' and (platform_release >= '5.0' or os_name == 'posix')", Ok(false)),
    ] {
        let marker = Marker::parse(marker).unwrap();
        let holds = marker.holds(&environment(), &ActiveExtras::default());
        assert_eq!(holds, want.map_err(|comparison| Undecided(comparison.to_owned())));
        assert_eq!(marker.may_hold(&environment(), &ActiveExtras::default()), want != Ok(false));
    }
}

#[test]
fn invalid_markers_are_errors() {
    for (bad, cause) in [
        ("", "its end where a variable"),
        ("python_version", "its end where an operator"),
        ("python_version >= 3", "there is no variable `3`"),
        ("python_version >= '3", "has no end"),
        ("(os_name == 'posix'", "its end where `)`"),
        ("os_name == 'posix')", "`)` where it should end"),
        ("os_name == 'posix' os_name == 'nt'", "`os_name` where it should end"),
        ("os_name not 'nt'", "where an operator"),
        ("'a' == 'b'", "one variable and one text"),
        ("os_name == sys_platform", "one variable and one text"),
        ("extras == 'a'", "'name' in"),
        ("os_name = 'nt'", "`=` has no place"),
        ("os_name == 'nt' && os_name == 'nt'", "`&` has no place"),
        ("sys_platform ~= 'linux'", "`~=` compares versions only"),
        ("python_version ~= '3'", "`~=` compares versions only"),
        ("extra === 'x'", "`===` compares versions only"),
        ("pyhton_version > '3'", "there is no variable `pyhton_version`"),
    ] {
        let error = Marker::parse(bad).unwrap_err().to_string();
        assert!(error.contains(cause), "{error}");
    }
    let deep = format!("{}os_name == 'posix'{}", "(".repeat(64), ")".repeat(64));
    assert!(holds(&deep, &ActiveExtras::default()));
    assert!(Marker::parse(&format!("({deep})")).unwrap_err().cause.contains("64 parentheses"));
    let long = format!("os_name == '{}'", "x".repeat(256 << 10));
    let error = Marker::parse(&long).unwrap_err();
    assert!(error.cause.contains("262144 bytes") && error.marker.len() < 200);
}
