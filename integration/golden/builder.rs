//! A builder as python:3.13-slim is: merged usr, Debian's packages with dpkg's database,
//! and a Python of its own below `/usr/local`.

use serde_json::json;

use super::base::{libc6, libgcc, libstdcpp, merged_links, os_release};
use super::files::Files;
use super::layout::Image;
use super::machine::{MACHINES, Machine};
use super::package::{Package, installed};

pub fn slim() -> Vec<Image> {
    MACHINES.iter().map(image).collect()
}

fn image(machine: &Machine) -> Image {
    let system = system(machine).and(merged_links(machine));
    let packages = installed(&packages(machine), machine);
    let process = json!({
        "Env": ["PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON_VERSION=3.13.5"],
        "Cmd": ["python3"],
    });
    Image { machine: *machine, tars: vec![system.tar(), packages.tar(), python(machine).tar()], process }
}

fn system(machine: &Machine) -> Files {
    let files =
        Files::default().file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n").file("etc/group", "root:x:0:\n");
    let files = files.file("usr/lib/os-release", os_release(13)).link("etc/os-release", "../usr/lib/os-release");
    let files = files.file("etc/ssl/certs/ca-certificates.crt", "certificates\n");
    let files = files.file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
    let files = files.file("etc/ld.so.conf.d/libc.conf", "# libc default configuration\n/usr/local/lib\n");
    let conf = format!("/usr/local/lib/{0}\n/lib/{0}\n/usr/lib/{0}\n", machine.triplet);
    let files = files.file(&format!("etc/ld.so.conf.d/{}.conf", machine.triplet), conf);
    let files = files.file("etc/ld.so.conf.d/zz-private.conf", "/usr/lib/private\n");
    let files = files.file("usr/share/zoneinfo/UTC", "TZif2").file("usr/share/zoneinfo/Europe/Oslo", "TZif2 Oslo");
    let files = files.link("usr/share/zoneinfo/Arctic/Longyearbyen", "../Europe/Oslo").folder("tmp", 0o1777);
    files.link("etc/alternatives/awk", "/usr/bin/mawk").file("usr/local/etc/owned.conf", "own\n").owned(
        "usr/local/etc/owned.conf",
        0o640,
        33,
    )
}

/// An image of Debian's with a program of its own, to take files from beside the builder.
pub fn tools() -> Vec<Image> {
    MACHINES.iter().map(tools_image).collect()
}

fn tools_image(machine: &Machine) -> Image {
    let tool = machine.program("tool", &["libtool.so.7", "libz.so.1"]).runpath("$ORIGIN/../lib");
    let tool = Files::default()
        .program("opt/tool/bin/tool", tool.bytes())
        .file("opt/tool/lib/libtool.so.7", machine.library("libtool.so.7", &["libbz2.so.1"]).bytes())
        .link("opt/tool/lib/libtool.so", "libtool.so.7")
        .link("opt/tool/share", "/usr/share/tool")
        .file("usr/share/tool/data/one.txt", "one\n")
        .file("usr/share/tool/data/two.bin", "two\n")
        .folder("usr/share/tool/empty", 0o2750);
    let system = system(machine).and(merged_links(machine));
    let packages = installed(&packages(machine), machine);
    Image { machine: *machine, tars: vec![system.tar(), packages.tar(), tool.tar()], process: json!({}) }
}

/// A package of one library: its file, named by version, and the link by soname.
fn library(machine: &Machine, name: &'static str, version: &'static str, file: &str, needs: &[&str]) -> Package {
    let soname =
        file.rsplit_once(".so.").map(|(stem, numbers)| format!("{stem}.so.{}", numbers.split('.').next().unwrap()));
    let soname = soname.unwrap();
    let path = |name: &str| format!("usr/lib/{}/{name}", machine.triplet);
    let mut files = Files::default().file(&path(file), machine.library(&soname, needs).bytes());
    if soname != file {
        files = files.link(&path(&soname), file);
    }
    Package::new(name, version, files)
}

fn packages(machine: &Machine) -> Vec<Package> {
    let library = |name, version, file, needs: &[&str]| library(machine, name, version, file, needs);
    let mut out = vec![
        libc6(machine, "usr/lib"),
        libgcc(machine, "usr/lib"),
        libstdcpp(machine),
        libc_bin(),
        openssl(machine),
        terminfo(),
        library("zlib1g", "1:1.3.dfsg+really1.3.1-1", "libz.so.1.3.1", &[]).source("zlib").licensed(),
        library("libbz2-1.0", "1.0.8-6", "libbz2.so.1.0.8", &[]).source("bzip2").licensed(),
        library("libffi8", "3.4.8-2", "libffi.so.8.1.4", &[]).source("libffi").licensed(),
        library("libexpat1", "2.7.1-2", "libexpat.so.1.10.2", &[]).source("expat").licensed(),
        library("libsqlite3-0", "3.46.1-7", "libsqlite3.so.0.8.6", &["libm.so.6", "libz.so.1"])
            .source("sqlite3")
            .licensed(),
        library("libtinfo6", "6.5+20250216-2", "libtinfo.so.6.5", &[]).source("ncurses").licensed().aliased(),
        library("libncursesw6", "6.5+20250216-2", "libncursesw.so.6.5", &["libtinfo.so.6"])
            .source("ncurses")
            .licensed_like("libtinfo6"),
        library("libmagic1t64", "1:5.46-5", "libmagic.so.1.0.0", &["libz.so.1", "libbz2.so.1"])
            .source("file")
            .licensed(),
        library("libpq5", "17.5-1", "libpq.so.5.17", &["libssl.so.3", "libcrypto.so.3", "libldap.so.2"])
            .source("postgresql-17")
            .licensed(),
        library("libldap2", "2.6.10+dfsg-1", "libldap.so.2.0.200", &["libcrypto.so.3"]).source("openldap").licensed(),
        library("libgomp1", "14.2.0-19", "libgomp.so.1.0.0", &[]).source("gcc-14").licensed_like("libstdc++6"),
    ];
    out.extend(programs(machine));
    out
}

/// The C.UTF-8 locale.
fn libc_bin() -> Package {
    let folder = "usr/lib/locale/C.utf8";
    let files =
        Files::default().file(&format!("{folder}/LC_CTYPE"), "ctype").file(&format!("{folder}/LC_TIME"), "time");
    let files = files
        .file(&format!("{folder}/LC_MESSAGES/SYS_LC_MESSAGES"), "messages")
        .program("usr/bin/ldd", "#!/bin/bash\n");
    Package::new("libc-bin", "2.41-12", files).source("glibc").licensed()
}

fn openssl(machine: &Machine) -> Package {
    let path = |name: &str| format!("usr/lib/{}/{name}", machine.triplet);
    let versions = |soname| [soname, "OPENSSL_3.0.0", "OPENSSL_3.5.0"];
    let crypto = machine.library("libcrypto.so.3", &[]).versions(&versions("libcrypto.so.3"));
    let ssl = machine.library("libssl.so.3", &["libcrypto.so.3"]).versions(&versions("libssl.so.3"));
    let files = Files::default().file(&path("libcrypto.so.3"), crypto.bytes()).file(&path("libssl.so.3"), ssl.bytes());
    let files = files.file(&path("engines-3/afalg.so"), machine.module(&["libcrypto.so.3"], "afalg").bytes());
    Package::new("libssl3t64", "3.5.1-1", files).source("openssl").licensed()
}

fn terminfo() -> Package {
    let files = Files::default().file("usr/lib/terminfo/x/xterm", "xterm").file("usr/lib/terminfo/v/vt100", "vt100");
    let files = files.file("usr/share/terminfo/README", "none\n").link("usr/share/terminfo/x", "../../lib/terminfo/x");
    Package::new("ncurses-base", "6.5+20250216-2", files).source("ncurses").all()
}

/// Packages of programs: with libraries of other folders, scripts, links out of folders
/// and hard links.
fn programs(machine: &Machine) -> Vec<Package> {
    let program = |name: &str, needs: &[&str]| machine.program(name, needs);
    let poppler = machine.library("libpoppler.so.147", &["libstdc++.so.6", "libz.so.1"]).runpath("$ORIGIN/poppler");
    let private = machine.library("libdeep.so.2", &["libm.so.6"]);
    let folder = format!("usr/lib/{}", machine.triplet);
    let files = Files::default()
        .program("usr/bin/pdftotext", program("pdftotext", &["libpoppler.so.147", "libdeep.so.2"]).bytes());
    let files = files.file(&format!("{folder}/libpoppler.so.147.0.0"), poppler.bytes());
    let files = files.link(&format!("{folder}/libpoppler.so.147"), "libpoppler.so.147.0.0");
    let files = files.file("usr/lib/private/libdeep.so.2", private.bytes());
    let poppler = Package::new("poppler-utils", "25.03.0-5", files).source("poppler").licensed();

    let files = Files::default().program("usr/bin/dash", program("dash", &[]).bytes()).link("usr/bin/sh", "dash");
    let dash = Package::new("dash", "0.5.12-12", files).licensed();

    let files = Files::default().program("usr/bin/egrep", "#!/bin/sh\nexec grep -E \"$@\"\n");
    let files = files.program("usr/bin/grep", program("grep", &[]).bytes());
    let grep = Package::new("grep", "3.11-4", files).licensed();

    let files = Files::default().program("usr/bin/mawk", program("mawk", &["libm.so.6"]).bytes());
    let mawk = Package::new("mawk", "1.3.4.20250131-1", files.link("usr/bin/awk", "/etc/alternatives/awk")).licensed();

    let perl = program("perl", &["libm.so.6"]).rpath("/usr/lib/perl");
    let files = Files::default().program("usr/bin/perl", perl.bytes()).hard_link("usr/bin/perl5.40.1", "usr/bin/perl");
    let files = files.file("usr/share/perl/strict.pm", "1;\n").link("usr/share/perl/current", ".");
    let perl = Package::new("perl-base", "5.40.1-6", files).source("perl").licensed();

    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let files = Files::default().program("usr/bin/ping", program("ping", &[]).bytes());
    let files = files.attribute("usr/bin/ping", "security.capability", &capability);
    let ping = Package::new("iputils-ping", "3:20240905-3", files.owned("usr/bin/ping", 0o4755, 0)).source("iputils");
    vec![poppler, dash, grep, mawk, perl, ping]
}

/// CPython 3.13, as docker-library builds it.
fn python(machine: &Machine) -> Files {
    let lib = "usr/local/lib/python3.13";
    let interpreter = machine.program("python3.13", &["libpython3.13.so.1.0"]);
    let libpython = machine.library("libpython3.13.so.1.0", &["libm.so.6", "libexpat.so.1"]);
    let files = Files::default()
        .program("usr/local/bin/python3.13", interpreter.bytes())
        .link("usr/local/bin/python3", "python3.13")
        .link("usr/local/bin/python", "python3")
        .program("usr/local/bin/pip", "#!/usr/local/bin/python3.13\n")
        .program("usr/local/bin/idle3", "#!/usr/local/bin/python3.13\n")
        .program("usr/local/lib/libpython3.13.so.1.0", libpython.bytes())
        .link("usr/local/lib/libpython3.13.so", "libpython3.13.so.1.0")
        .program("usr/local/lib/libpython3.so", machine.library("libpython3.so", &["libpython3.13.so.1.0"]).bytes())
        .file("usr/local/include/python3.13/Python.h", "");
    let modules = [
        "os.py",
        "site.py",
        "ssl.py",
        "ctypes/__init__.py",
        "curses/__init__.py",
        "curses/panel.py",
        "encodings/__init__.py",
        "encodings/utf_8.py",
        "sqlite3/__init__.py",
        "sqlite3/dbapi2.py",
        "unittest/__init__.py",
        "tkinter/__init__.py",
        "LICENSE.txt",
        "asyncio/__init__.py",
        // and what no image gets
        "ensurepip/__init__.py",
        "ensurepip/_bundled/pip-25.1-py3-none-any.whl",
        "test/test_os.py",
        "unittest/test/case.py",
        "idlelib/idle.py",
        "__pycache__/os.cpython-313.pyc",
        "site-packages/README.txt",
        "site-packages/pip/__init__.py",
    ];
    let files = modules.iter().fold(files, |files, name| files.file(&format!("{lib}/{name}"), format!("# {name}\n")));
    let files = files.file(&format!("{lib}/config-3.13-{}/Makefile", machine.triplet), "all:\n");
    let extensions: [(&str, &[&str]); 9] = [
        ("_bz2", &["libbz2.so.1"]),
        ("_ctypes", &["libffi.so.8"]),
        ("_curses", &["libncursesw.so.6", "libtinfo.so.6"]),
        ("_sqlite3", &["libsqlite3.so.0"]),
        ("_ssl", &["libssl.so.3", "libcrypto.so.3"]),
        ("_testcapi", &[]),
        ("_tkinter", &["libtk8.6.so", "libtcl8.6.so"]),
        ("math", &["libm.so.6"]),
        ("zlib", &["libz.so.1"]),
    ];
    extensions.iter().fold(files, |files, (name, needs)| {
        let path = format!("{lib}/lib-dynload/{name}.cpython-313-{}.so", machine.triplet);
        files.program(&path, machine.module(needs, name).bytes())
    })
}
