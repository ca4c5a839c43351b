//! Bases: distroless cc as it is with merged usr, and as it was without.

use serde_json::json;

use super::files::Files;
use super::layout::Image;
use super::machine::{MACHINES, Machine};
use super::package::{Package, distroless};

const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
                      nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\ntty:x:5:\nnonroot:x:65532:\n";

pub fn os_release(version: u32) -> String {
    format!(
        "PRETTY_NAME=\"Debian GNU/Linux {version}\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"{version}\"\nID=debian\n"
    )
}

/// With merged usr, with the loader's configuration.
pub fn merged() -> Vec<Image> {
    MACHINES.iter().map(|machine| image(machine, system().and(merged_links(machine)), "usr/lib")).collect()
}

/// Without merged usr, without the loader's configuration.
pub fn split() -> Vec<Image> {
    let release = Files::default().file("etc/os-release", os_release(13));
    MACHINES.iter().map(|machine| image(machine, accounts().and(release.clone()), "lib")).collect()
}

fn accounts() -> Files {
    let files = Files::default().file("etc/passwd", PASSWD).file("etc/group", GROUP);
    let files =
        files.file("etc/nsswitch.conf", "hosts: files dns\n").file("etc/ssl/certs/ca-certificates.crt", "none\n");
    let files = files.folder("tmp", 0o1777).folder("root", 0o700);
    files.folder("home/nonroot", 0o700).owned("home/nonroot", 0o700, 65532)
}

fn system() -> Files {
    let files = accounts().file("usr/lib/os-release", os_release(13)).link("etc/os-release", "../usr/lib/os-release");
    let files = files.file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
    files.file("usr/share/zoneinfo/UTC", "TZif2")
}

/// The links that Debian's `base-files` has for merged usr.
pub fn merged_links(machine: &Machine) -> Files {
    let files = Files::default().link("bin", "usr/bin").link("sbin", "usr/sbin").link("lib", "usr/lib");
    if machine.loader.starts_with("/lib64") {
        files
            .link("lib64", "usr/lib64")
            .link("usr/lib64/ld-linux-x86-64.so.2", &format!("../lib/{}/ld-linux-x86-64.so.2", machine.triplet))
    } else {
        files.link("usr/lib/ld-linux-aarch64.so.1", &format!("{}/ld-linux-aarch64.so.1", machine.triplet))
    }
}

/// The package libc6 with its libraries in a folder.
pub fn libc6(machine: &Machine, lib: &str) -> Package {
    let path = |name: &str| format!("{lib}/{}/{name}", machine.triplet);
    let mut files = Files::default().program(&path("libc.so.6"), machine.libc("GLIBC_2.41").bytes());
    for soname in ["libm.so.6", "libpthread.so.0", "libdl.so.2", "libresolv.so.2"] {
        files = files.file(&path(soname), machine.library(soname, &[]).bytes());
    }
    files = files.program(&path(machine.loader_name()), machine.bare(machine.loader_name()).bytes());
    Package::new("libc6", "2.41-12", files).source("glibc").licensed()
}

/// The package libgcc-s1 with its library in a folder.
pub fn libgcc(machine: &Machine, lib: &str) -> Package {
    let library = machine.library("libgcc_s.so.1", &[]).versions(&["libgcc_s.so.1", "GCC_3.0", "GCC_14.0.0"]);
    let path = format!("{lib}/{}/libgcc_s.so.1", machine.triplet);
    Package::new("libgcc-s1", "14.2.0-19", Files::default().file(&path, library.bytes())).source("gcc-14 (14.2.0-19)")
}

/// The package libstdc++6: a link and its target.
pub fn libstdcpp(machine: &Machine) -> Package {
    let library = machine.library("libstdc++.so.6", &["libm.so.6", "libgcc_s.so.1"]);
    let library = library.versions(&["libstdc++.so.6", "GLIBCXX_3.4", "GLIBCXX_3.4.33"]);
    let folder = format!("usr/lib/{}", machine.triplet);
    let files = Files::default().file(&format!("{folder}/libstdc++.so.6.0.33"), library.bytes());
    let files = files.link(&format!("{folder}/libstdc++.so.6"), "libstdc++.so.6.0.33");
    Package::new("libstdc++6", "14.2.0-19", files).source("gcc-14").licensed()
}

fn image(machine: &Machine, system: Files, lib: &str) -> Image {
    let mut system = system;
    if lib == "usr/lib" {
        let conf = format!("/usr/local/lib/{0}\n/lib/{0}\n/usr/lib/{0}\n", machine.triplet);
        system = system.file(&format!("etc/ld.so.conf.d/{}.conf", machine.triplet), conf);
    }
    let mut libc = distroless(&libc6(machine, lib), machine);
    if lib == "lib" && machine.loader.starts_with("/lib64") {
        libc = libc.link("lib64/ld-linux-x86-64.so.2", &format!("/lib/{}/ld-linux-x86-64.so.2", machine.triplet));
    } else if lib == "lib" {
        libc = libc.link("lib/ld-linux-aarch64.so.1", &format!("{}/ld-linux-aarch64.so.1", machine.triplet));
    }
    let gcc = distroless(&libgcc(machine, lib), machine).and(distroless(&libstdcpp(machine), machine));
    let process = json!({
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
        "User": "65532", "WorkingDir": "/home/nonroot",
    });
    Image { machine: *machine, tars: vec![system.tar(), libc.tar(), gcc.tar()], process }
}
