//! The version of Python that the name of an image states.
//!
//! Sources: the tags of docker-library/python (`3.12-slim`, `3.12.4-alpine3.20`), of uv's images
//! (`python3.12-bookworm-slim`, `0.5-python3.13-alpine`), and the names of Red Hat's (`python-312`).

/// Returns the major and minor version of Python in the name of an image.
pub(super) fn version_of_image(image: &str) -> Option<String> {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let last = image.rsplit('/').next()?;
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    if name == "python" {
        return version(tag);
    }
    let in_tag = tag.match_indices("python").find_map(|(at, word)| version(&tag[at + word.len()..]));
    in_tag.or_else(|| version(name.strip_prefix("python-")?)).or_else(|| squeezed(name.strip_prefix("python")?))
}

/// Returns the version that `--python` of uv states.
pub(super) fn version_argument(command: &[String]) -> Option<String> {
    if command.first().is_none_or(|program| program != "uv") {
        return None;
    }
    let after = |pair: &[String]| if pair[0] == "--python" || pair[0] == "-p" { Some(pair[1].clone()) } else { None };
    let joined = || command.iter().find_map(|word| word.strip_prefix("--python=").map(str::to_owned));
    version(command.windows(2).find_map(after).or_else(joined)?.trim_start_matches("cpython@"))
}

/// Returns the version at the start of a text: `3.12` of `3.12.4-slim`.
fn version(text: &str) -> Option<String> {
    let rest = text.strip_prefix("3.")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let ends = matches!(rest[end..].chars().next(), None | Some('.' | '-' | '_'));
    let is_minor = (1..=2).contains(&end) && ends;
    // `3.14t` is the build without the global interpreter lock.
    is_minor.then(|| format!("3.{}", &rest[..end]))
}

/// Returns the version in a name such as `python-312` or `python311`.
fn squeezed(text: &str) -> Option<String> {
    let minor = text.trim_start_matches('-').strip_prefix('3')?;
    let is_minor = (1..=2).contains(&minor.len()) && minor.bytes().all(|b| b.is_ascii_digit());
    is_minor.then(|| format!("3.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_state_a_version() {
        for (image, want) in [
            ("python:3.12-slim", Some("3.12")),
            ("docker.io/library/python:3.13.1-alpine3.20@sha256:aa", Some("3.13")),
            ("public.ecr.aws/lambda/python:3.14", Some("3.14")),
            ("localhost:5000/python:3.9", Some("3.9")),
            ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", Some("3.12")),
            ("ghcr.io/astral-sh/uv:0.5-python3.13-alpine", Some("3.13")),
            ("tiangolo/uvicorn-gunicorn-fastapi:python3.11", Some("3.11")),
            ("registry.access.redhat.com/ubi9/python-311", Some("3.11")),
            ("registry.access.redhat.com/ubi9/python-312:latest", Some("3.12")),
            ("corp/python3.11:4", None),
            ("python:3", None),
            ("python:3-slim", None),
            ("python:slim", None),
            ("python", None),
            ("python:3.14t-slim", None),
            ("python:2.7", None),
            ("node:20.3.11", None),
            ("debian:bookworm", None),
            ("", None),
        ] {
            assert_eq!(version_of_image(image).as_deref(), want, "{image}");
        }
    }

    #[test]
    fn uv_is_told_a_version() {
        let of = |text: &str| version_argument(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("uv sync --python 3.13 --frozen").as_deref(), Some("3.13"));
        assert_eq!(of("uv venv --python=3.12.1 x").as_deref(), Some("3.12"));
        assert_eq!(of("uv pip install --python /venv/bin/python x"), None);
        assert_eq!(of("pip install --python 3.13"), None);
    }
}
