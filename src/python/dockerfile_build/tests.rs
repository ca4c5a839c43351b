use super::*;

fn read(text: &str) -> (Option<String>, Vec<String>, Vec<String>) {
    let build = DockerfileBuild::read(text);
    let offered: Vec<_> = ["admin", "bot", "dev", "main"].map(str::to_owned).into();
    (build.python, build.extras.among(&offered), build.groups.among(&offered))
}

#[test]
fn the_commands_of_all_stages_of_the_image_count() {
    let text = "FROM node:22 AS web\nFROM ghcr.io/astral-sh/uv:python3.12-alpine AS build\n\
                RUN uv sync --extra admin --group bot --no-group dev\n\
                FROM python:3.13-alpine\nCOPY --from=build /app /app\nCOPY --from=web /w /w\n";
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(read(text), (Some("3.13".to_owned()), names(&["admin"]), names(&["bot"])));
    let debian = text.replace("FROM python:3.13-alpine", "FROM debian");
    assert_eq!(read(&debian).0.as_deref(), Some("3.12"));
    let other = "FROM a\nRUN uv sync --extra unknown --python 3.11\n";
    assert_eq!(read(other), (Some("3.11".to_owned()), names(&[]), names(&[])));
    let all = "FROM a\nRUN uv sync --all-extras --no-extra bot\n";
    assert_eq!(read(all), (None, names(&["admin", "dev", "main"]), names(&[])));
    assert_eq!(read(""), (None, Vec::new(), Vec::new()));
}
