use std::fs;
use std::sync::Mutex;

use tempfile::TempDir;

use super::*;
use crate::network::Host;
use crate::oci::Location;
use crate::progress::Event;

/// `/etc`, a home directory, and variables.
struct World {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn on(&self, event: Event) {
        if let Event::Diagnostic(warning) = event {
            self.0.lock().unwrap().push(warning.message);
        }
    }
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let world = Self { folder: TempDir::new().unwrap(), variables: Vec::new() };
        for (path, text) in files {
            let path = world.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.replace("DIR", &self.folder.path().display().to_string())));
        self
    }

    fn read(&self, args: &MachineArgs) -> Result<Network, String> {
        let variable =
            |name: &str| self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let machine = Machine { variable: &variable, home: Some(self.at("home")), system: self.at("etc") };
        let is_projects = |path: &Path| path.starts_with(self.at("project"));
        let warnings = Warnings::default();
        let read = args.read(&machine, &is_projects, &warnings).map_err(|error| self.text(&error.to_string()))?;
        match &warnings.0.into_inner().unwrap()[..] {
            [] => Ok(read),
            warnings => Err(self.text(&warnings.join("\n"))),
        }
    }

    fn text(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "DIR")
    }
}

fn args(insecure: &[&str], mirrors: &[&str]) -> MachineArgs {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    MachineArgs { insecure: texts(insecure), ca: None, mirrors: texts(mirrors) }
}

fn mirror_of(network: &Network, image: &str) -> String {
    let Ok(Location::Registry(name)) = image.parse() else { panic!("{image}") };
    let Some(rule) = network.mirrors.of(&name) else { return "none".to_owned() };
    rule.mirrors.iter().filter_map(|mirror| Some(rule.at(mirror, &name)?.bare())).collect::<Vec<_>>().join(", ")
}

fn mirror(prefix: &str, location: &str) -> String {
    format!("[[mirror]]\nprefix = '{prefix}'\nlocation = '{location}'\n")
}

#[test]
fn the_first_source_of_a_prefix_decides() {
    let podman = "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'podman.corp'\n\
                  [[registry]]\nlocation = 'gcr.io'\n[[registry.mirror]]\nlocation = 'podman.corp/gcr'\n";
    let world = World::new(&[
        ("etc/carboy/config.toml", &[mirror("docker.io", "system.corp"), mirror("quay.io", "system.corp")].concat()),
        (
            "home/.config/carboy/config.toml",
            &[mirror("docker.io", "user.corp"), mirror("ghcr.io", "user.corp")].concat(),
        ),
        ("named.toml", &mirror("ghcr.io", "named.corp")),
        ("etc/containers/registries.conf", podman),
    ])
    .variable(CONFIG_FILE, "DIR/named.toml");
    let network = world.read(&args(&[], &["docker.io/acme=flag.corp", "docker.io/acme=flag2.corp/x"])).unwrap();
    for (image, want) in [
        ("acme/shop", "flag.corp/shop, flag2.corp/x/shop"),
        ("python", "user.corp/library/python"),
        ("ghcr.io/a/b", "named.corp/a/b"),
        ("quay.io/a/b", "system.corp/a/b"),
        ("gcr.io/a/b", "podman.corp/gcr/a/b"),
        ("mcr.microsoft.com/a", "none"),
    ] {
        assert_eq!(mirror_of(&network, image), want);
    }
}

#[test]
fn settings_of_hosts_are_laid_over_each_other() {
    let world = World::new(&[
        (
            "etc/carboy/config.toml",
            "[network]\nretries = 1\nca = 'etc.pem'\n[registry.lan]\ninsecure = true\nretries = 2\n",
        ),
        ("home/.config/carboy/config.toml", "[network]\nca = 'user.pem'\n[registry.lan]\nretries = 3\n"),
    ]);
    let network = world.read(&args(&["other:5000", " "], &[])).unwrap();
    let lan = network.hosts.settings(&Host::new("lan", 443));
    assert_eq!((lan.insecure, lan.retries), (Some(true), Some(3)));
    assert_eq!(lan.ca, [world.at("etc/carboy/etc.pem"), world.at("home/.config/carboy/user.pem")]);
    let other = network.hosts.settings(&Host::new("other:5000", 443));
    assert_eq!((other.insecure, other.retries), (Some(true), Some(1)));
    let folders: Vec<_> =
        network.certificate_folders.iter().map(|path| world.text(&path.display().to_string())).collect();
    let want = ["home/.config/docker", "home/.config/containers", "etc/docker", "etc/containers"];
    assert_eq!(folders, want.map(|folder| format!("DIR/{folder}/certs.d")));
}

/// The order of containers-registries.conf(5) and of `registries.conf.d`.
#[test]
fn podmans_files_win_in_its_own_order() {
    let rule = |location: &str| {
        format!("[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = '{location}'\n")
    };
    let all = [
        ("etc/containers/registries.conf", rule("main")),
        ("home/.config/containers/registries.conf", rule("users-main")),
        ("etc/containers/registries.conf.d/10-a.conf", rule("ten")),
        ("etc/containers/registries.conf.d/20-a.conf", rule("twenty")),
        ("home/.config/containers/registries.conf.d/05-a.conf", rule("users-five")),
        ("home/.config/containers/registries.conf.d/README", "[[".to_owned()),
    ];
    for (count, want) in [(1, "main"), (2, "users-main"), (3, "ten"), (4, "twenty"), (6, "users-five")] {
        let files: Vec<_> = all[..count].iter().map(|(path, text)| (*path, text.as_str())).collect();
        let network = World::new(&files).read(&args(&[], &[])).unwrap();
        assert_eq!(mirror_of(&network, "acme/shop"), format!("{want}/acme/shop"));
    }
    let world = World::new(&[("etc/containers/registries.conf", &all[0].1), ("named.conf", &rule("named"))]);
    let world = world.variable(REGISTRIES_CONF, "DIR/named.conf");
    assert_eq!(mirror_of(&world.read(&args(&[], &[])).unwrap(), "acme/shop"), "named/acme/shop");
}

#[test]
fn a_file_inside_the_project_does_not_count() {
    let world = World::new(&[("project/carboy/config.toml", &mirror("docker.io", "evil.example"))]);
    let world = world.variable("XDG_CONFIG_HOME", "DIR/project");
    let want = "`DIR/project/carboy/config.toml` is not read because it is inside the project";
    assert_eq!(world.read(&args(&[], &[])).unwrap_err(), want);
}

#[test]
fn errors_name_the_file_the_variable_or_the_flag() {
    let none = || World::new(&[]);
    for (world, args, want) in [
        (none(), args(&["https://lan"], &[]), "--insecure: `https://lan` is not a host, with or without a port"),
        (none(), args(&[], &["docker.io"]), "--mirror: `docker.io` is not PREFIX=LOCATION"),
        (
            none(),
            args(&[], &["docker.io=http://lan"]),
            "--mirror: `http://lan` is not a registry, with or without the beginning of a repository's name",
        ),
        (
            none().variable(CONFIG_FILE, "DIR/none"),
            args(&[], &[]),
            "cannot read `DIR/none`, which CARBOY_CONFIG_FILE names: No such file or directory (os error 2)",
        ),
        (none().variable("HTTPS_PROXY", "ftp://x"), args(&[], &[]), "`HTTPS_PROXY` is not the URL of a proxy"),
        (
            World::new(&[("etc/carboy/config.toml", "\n[netwrk]\n")]),
            args(&[], &[]),
            "DIR/etc/carboy/config.toml:2: unknown key `netwrk`",
        ),
    ] {
        assert_eq!(world.read(&args).unwrap_err(), want);
    }
}
