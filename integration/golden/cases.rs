//! The projects whose images are pinned.

use super::distributions;
use super::machine::MACHINES;
use super::project::Case;
use crate::wheels::Wheel;

const START: &str = "[image]\nentrypoint = ['python', 'main.py']\n";

/// A project that has a `main.py` and starts it.
fn python(name: &'static str, toml: &str) -> Case {
    Case::new(name, &format!("{toml}\n{START}")).file("main.py", "print('started')\n").file("shop/__init__.py", "")
}

/// A project with a lock file and the wheels that it pins.
fn locked(name: &'static str, toml: &str) -> Case {
    let toml =
        format!("[dependencies]\nindex = false\nwheelhouse = ['wheels']\n[layers]\nsplit-size = '128KiB'\n{toml}");
    let case = python(name, &toml).file("requirements.txt", distributions::requirements());
    let wheels = distributions::all();
    wheels.iter().fold(case, |case, wheel| case.file(&format!("wheels/{}", wheel.file_name()), wheel.bytes()))
}

pub fn plain() -> Case {
    python("python", "")
}

pub fn split_usr() -> Case {
    python("python-split-usr", "").base("split")
}

pub fn dated() -> Case {
    python("python-dated", "").env("SOURCE_DATE_EPOCH", "1700000000")
}

pub fn one_platform() -> Case {
    python("python-one-platform", "").args(&["--platform", "linux/arm64"])
}

pub fn scratch() -> Case {
    python("python-scratch", "").base("scratch")
}

pub fn wheels() -> Case {
    locked("wheels", "")
}

pub fn wheels_split_usr() -> Case {
    locked("wheels-split-usr", "").base("split")
}

pub fn gzip() -> Case {
    locked("wheels-gzip", "compression = 'gzip'\nlevel = 6\n")
}

const EXTRACT: &str = "
[[extract]]
paths = ['/usr/bin/pdftotext', '/usr/bin/egrep', '/bin/grep', '/usr/bin/perl*', '/usr/share/perl/**', '/usr/bin/ping']
[[extract]]
paths = ['/usr/bin/awk', '/usr/local/etc/owned.conf']
[[extract]]
from = 'oci:../images/tools:1'
paths = ['/opt/tool/**', '/usr/share/tool/**']
[[extract]]
from = 'oci:../images/tools:1'
paths = ['/usr/share/tool/data']
to = '/srv/moved'
[[extract]]
paths = ['/usr/lib/*/engines-3/afalg.so']
libraries = false
";

pub fn extract() -> Case {
    python("extract", EXTRACT)
}

pub fn extract_split_usr() -> Case {
    python("extract-split-usr", EXTRACT).base("split")
}

/// Both fill layers of libraries.
pub fn extract_and_wheels() -> Case {
    locked("extract-and-wheels", EXTRACT)
}

fn no_python(name: &'static str) -> Case {
    let toml = format!("python = false\n{EXTRACT}[image]\nentrypoint = ['pdftotext', '-v']\nworkdir = '/'\n");
    Case::new(name, &toml)
}

pub fn extract_alone() -> Case {
    no_python("extract-alone")
}

pub fn extract_alone_on_scratch() -> Case {
    no_python("extract-alone-scratch").base("scratch")
}

pub fn configured() -> Case {
    let toml = "
[[user]]
name = 'monty'
uid = 1000
gid = 1001
home = '/home/monty'
[[directory]]
path = '/var/lib/shop'
mode = '0750'
owner = 'monty'
[[directory]]
path = '/bin/folder'
[[copy]]
from = 'files/shop.conf'
to = '/etc/shop/shop.conf'
mode = '0640'
owner = 'monty'
[[copy]]
from = 'files/tree'
to = '/lib/tree'
[app]
to = '/srv/shop'
exclude = ['tests/**']
include = ['.env']
[image]
entrypoint = ['python', '-m', 'shop']
cmd = ['--more']
env = { APP_MODE = 'prod', LANG = 'C' }
user = 'monty'
workdir = '/var/lib/shop'
ports = ['8080', '53/udp']
volumes = ['/var/lib/shop/data', '/data']
labels = { team = 'glass' }
annotations = { 'org.opencontainers.image.title' = 'shop' }
stop-signal = 'SIGINT'
";
    Case::new("configured", toml)
        .file("shop/__main__.py", "print('started')\n")
        .file("shop/__init__.py", "")
        .file("tests/test_shop.py", "")
        .file(".env", "MODE=prod\n")
        .file("files/shop.conf", "open = true\n")
        .file("files/tree/deep/er/file.txt", "file\n")
        .file("files/tree/bytes.bin", [0, 159, 146, 150])
}

pub fn runtime() -> Case {
    python("runtime", "[runtime]\nexclude = ['sqlite3', 'asyncio/**']\nterminfo = true\ndlopen = ['libmagic.so.1']\n")
}

pub fn site_packages() -> Case {
    let folders = MACHINES.map(|machine| format!("'{0}' = 'site/{1}'", machine.platform(), machine.architecture));
    let toml = format!("[dependencies]\nsite-packages = {{ {} }}\n", folders.join(", "));
    MACHINES.iter().fold(python("site-packages", &toml), |case, machine| {
        let site = format!("site/{}", machine.architecture);
        let module = machine.module(&["libpq.so.5"], "_ready");
        case.file(&format!("{site}/ready/__init__.py"), "")
            .file(&format!("{site}/ready/_ready.cpython-313-{}.so", machine.triplet), module.bytes())
            .file(&format!("{site}/ready-1.0.dist-info/METADATA"), "Metadata-Version: 2.1\nName: ready\nVersion: 1.0\n")
            .file(&format!("{site}/ready-1.0.dist-info/RECORD"), "ready/__init__.py,,\n")
            .file(&format!("{site}/bin/ready"), "#!/build/bin/python3\nimport ready\n")
    })
}

pub fn app_wheel() -> Case {
    let shop = Wheel::new("shop", "1.2")
        .file("shop/__init__.py", "def main(): pass\n")
        .entry_points("[console_scripts]\nserve = shop:main\n");
    let pure = distributions::pure();
    Case::new("app-wheel", "[app]\nwheel = 'dist/*.whl'\n[dependencies]\nindex = false\nwheelhouse = ['wheels']\n")
        .file("dist/shop-1.2-py3-none-any.whl", shop.bytes())
        .file(&format!("wheels/{}", pure.file_name()), pure.bytes())
        .file("requirements.txt", pure.pin())
}

/// A lock file of uv with a dependency in a folder, and a project with scripts.
pub fn path_dependency() -> Case {
    let pure = distributions::pure();
    let lock = format!(
        "version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"shop\"\nversion = \"1.0\"\n\
         source = {{ virtual = \".\" }}\ndependencies = [{{ name = \"part\" }}, {{ name = \"pure\" }}]\n\n\
         [[package]]\nname = \"part\"\nversion = \"0.5\"\nsource = {{ directory = \"parts/part\" }}\n\n{}",
        pure.locked()
    );
    let shop = "[project]\nname = \"shop\"\nversion = \"1.0\"\ndependencies = [\"part\", \"pure\"]\n\
                [project.scripts]\nserve = \"shop.cli:main\"\n[tool.uv.sources]\npart = { path = \"parts/part\" }\n";
    let part = "[project]\nname = \"part\"\nversion = \"0.5\"\n[project.scripts]\npart = \"part:main\"\n";
    Case::new("path-dependency", "[dependencies]\nindex = false\nwheelhouse = ['wheels']\n")
        .file("uv.lock", lock)
        .file("pyproject.toml", shop)
        .file("shop/cli.py", "def main(): pass\n")
        .file("shop/__init__.py", "")
        .file("parts/part/pyproject.toml", part)
        .file("parts/part/src/part/__init__.py", "def main(): pass\n")
        .file(&format!("wheels/{}", pure.file_name()), pure.bytes())
}

/// A project about which much is to be said.
pub fn warned() -> Case {
    let toml = "[runtime]\nexclude = ['nonsense']\n";
    let odd = Wheel::new("odd", "1.0").file("odd/core.pyc", "x").file("odd/server.key", KEY).file("both.py", "1\n");
    let other = Wheel::new("other", "1.0").file("both.py", "2\n").file("other-1.0.data/scripts/run", "#!/bin/bash\n");
    let pins = distributions::requirements() + &odd.pin() + &other.pin();
    let mut case = locked("warned", toml);
    case.files.retain(|(path, _)| path != "requirements.txt");
    [odd, other].iter().fold(case.file("requirements.txt", pins), |case, wheel| {
        case.file(&format!("wheels/{}", wheel.file_name()), wheel.bytes())
    })
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n";
