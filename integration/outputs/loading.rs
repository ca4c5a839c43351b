//! `--load`: a docker daemon that is scripted, and podman's program.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::JoinHandle;

use crate::site::{Site, raw};
use crate::support::run;

/// A daemon at a socket that takes one archive, keeps it as a file, and answers.
fn daemon(socket: &Path, kept: &Path, status: u16, answer: &str) -> JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    let (kept, answer) = (kept.to_owned(), answer.to_owned());
    std::thread::spawn(move || {
        // Connections that only try the socket send nothing.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            if head.is_empty() {
                continue;
            }
            let mut body = Vec::new();
            reader.take(length).read_to_end(&mut body).unwrap();
            fs::write(&kept, body).unwrap();
            let size = answer.len();
            write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n{answer}")
                .unwrap();
            return head;
        }
        unreachable!("a listener goes on");
    })
}

/// A program that keeps its arguments and stdin.
fn program(site: &Site, name: &str, script: &str) {
    let path = site.beside(&format!("bin/{name}"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{}\n", site.full(script))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn docker_loads_the_image_of_this_machine() {
    let site = Site::new();
    let (socket, kept) = (site.beside("docker.sock"), site.beside("kept.tar"));
    let server = daemon(&socket, &kept, 200, "{\"stream\":\"Loaded image: localhost/hello:latest\\n\"}\n");
    let site = site.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let ran = site.build(&["--load"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, "localhost/hello:latest\n");
    let told = site.short(&ran.stderr);
    assert!(told.contains("\nloaded localhost/hello:latest into docker at OUT/docker.sock in "), "{told}");
    assert!(server.join().unwrap().starts_with("POST /images/load?quiet=1 HTTP/1.1\r\n"));
    let inspected =
        run("skopeo", ["inspect", "--config", &site.full("docker-archive:OUT/kept.tar:localhost/hello:latest")]);
    let config: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    assert_eq!(config["architecture"], here);
    assert!(config["config"]["Entrypoint"][0].as_str().unwrap().contains("python"), "{config}");
    assert_eq!(fs::read_dir(site.beside("tmp")).unwrap().count(), 0, "nothing temporary is left");
}

#[test]
fn loading_and_pushing_go_together() {
    let site = Site::new();
    let (socket, kept) = (site.beside("docker.sock"), site.beside("kept.tar"));
    let server = daemon(&socket, &kept, 200, "");
    let site = site.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let lines = site.built(&["--load=docker", "--platform=linux/arm64", "--to=REG/loaded:1"]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(site.short(&lines[1]), "REG/loaded:1");
    server.join().unwrap();
    let name = site.full("docker-archive:OUT/kept.tar:REG/loaded:1");
    let config: serde_json::Value = serde_json::from_str(&run("skopeo", ["inspect", "--config", &name])).unwrap();
    assert_eq!(config["architecture"], "arm64", "the platform that is named");
    assert_eq!(raw(&site.full("docker://REG/loaded:1")).0["manifests"].as_array().unwrap().len(), 1);
}

/// A daemon that does not take the image: nothing is pushed either.
#[test]
fn what_docker_says_is_told() {
    for (status, answer, cause) in [
        (500, "{\"message\":\"no space left on device\"}", "no space left on device"),
        (200, "{\"errorDetail\":{\"message\":\"bad layer\"},\"error\":\"bad layer\"}", "bad layer"),
        (404, "", "it answers 404 Not Found"),
    ] {
        let site = Site::new();
        let (socket, kept) = (site.beside("docker.sock"), site.beside("kept.tar"));
        let server = daemon(&socket, &kept, status, answer);
        let site = site.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let failed = site.build(&["--load", "--to=REG/unloaded:1"]);
        let error = site.error(&failed);
        let want = format!("error[unwritable-output]: docker at OUT/docker.sock does not load the image: {cause}\n");
        assert!(error.starts_with(&want), "{error}");
        assert!(error.contains("hint: no output has the image"), "{error}");
        assert_eq!(site.registry.tag("unloaded", "1"), None);
        server.join().unwrap();
    }
}

#[test]
fn podman_loads_what_its_program_reads() {
    let site = Site::new();
    program(&site, "podman", "echo \"$@\" >OUT/args; cat >OUT/kept.tar; echo Loaded image: x");
    let bin = site.beside("bin");
    let site = site.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let lines = site.built(&["--load=podman", "--tag=dev"]);
    assert_eq!(lines, ["localhost/hello:dev"]);
    assert_eq!(crate::site::read(&site.beside("args")), "load\n");
    run("skopeo", ["inspect", "--config", &site.full("docker-archive:OUT/kept.tar:localhost/hello:dev")]);

    program(&site, "podman", "cat >/dev/null; echo 'Error: payload does not match' >&2; exit 125");
    let failed = site.build(&["--load=podman"]);
    insta::assert_snapshot!(site.error(&failed), @"error[unwritable-output]: `podman load` failed: Error: payload does not match");
}

#[test]
fn a_machine_without_engines_says_where_it_looked() {
    let site = Site::new().env("PATH", "/nonexistent").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let failed = site.build(&["--load"]);
    insta::assert_snapshot!(site.error(&failed), @"
    error[no-container-engine]: cannot load the image into docker at /nonexistent/docker.sock: No such file or directory (os error 2)

    hint: start it, or set DOCKER_HOST to where it listens
    ");
    let failed = site.build(&["--load=podman"]);
    let error = site.error(&failed);
    assert!(
        error.starts_with("error[no-container-engine]: podman is not on this machine: looked for the program `podman`"),
        "{error}"
    );
}
