//! Console scripts with the interpreter of the build host, rewritten for the interpreter of the
//! image.
//!
//! Source: PyPA's rules for records and scripts (binary distribution format); the notation of
//! distlib and uv for long paths, a shell line that Python reads as text: `#!/bin/sh` + `'''exec'
//! "/path/python" "$0" "$@"` + `' '''`.

/// Returns the script with `shebang` as its first line; `None` if it is not a Python script.
#[must_use]
pub fn with_shebang(script: &[u8], shebang: &str) -> Option<Vec<u8>> {
    let first = line(script)?;
    let rest = &script[first.len()..];
    if !first.starts_with(b"#!") {
        return None;
    }
    let body = if contains(first, b"python") {
        rest
    } else if first.trim_ascii_end() == b"#!/bin/sh" {
        let exec = line(rest).filter(|exec| exec.starts_with(b"'''exec'"))?;
        let end = line(&rest[exec.len()..]).filter(|end| end.trim_ascii_end() == b"' '''")?;
        &rest[exec.len() + end.len()..]
    } else {
        return None;
    };
    Some([shebang.as_bytes(), b"\n", body].concat())
}

/// Returns the first line with its line break.
fn line(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&b| b == b'\n').map_or(text.len(), |at| at + 1);
    (end > 0).then(|| &text[..end])
}

/// Returns whether a text contains `part`, which is not empty.
fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_get_the_images_interpreter_and_other_scripts_stay() {
        let want = b"#!/usr/bin/python3.13\nimport x\n".to_vec();
        let short = b"#!/home/me/.venv/bin/python3\nimport x\n";
        let long = b"#!/bin/sh\n'''exec' \"/home/me/a b/python\" \"$0\" \"$@\"\n' '''\nimport x\n";
        for script in [&short[..], &long[..]] {
            assert_eq!(with_shebang(script, "#!/usr/bin/python3.13"), Some(want.clone()));
        }
        for other in [&b"#!/bin/sh\necho\n"[..], b"", b"\x7fELF", b"#!/usr/bin/env bash\n"] {
            assert_eq!(with_shebang(other, "#!x"), None);
        }
    }
}
