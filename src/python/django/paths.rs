//! Paths as texts, as `os.path` and `pathlib` join them on Linux.

/// Joins two paths; an absolute second one replaces the first.
pub(super) fn join(first: &str, second: &str) -> String {
    match second {
        second if second.starts_with('/') => second.to_owned(),
        second if first.is_empty() || first.ends_with('/') => format!("{first}{second}"),
        second => format!("{first}/{second}"),
    }
}

/// Returns the directory of a path.
pub(super) fn parent(path: &str) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((parent, _)) => parent.to_owned(),
        None if path.starts_with('/') => "/".to_owned(),
        None => String::new(),
    }
}

/// Removes `.`, `..` and empty names from an absolute path.
pub(super) fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_python_does_it() {
        assert_eq!(join("/app", "static"), "/app/static");
        assert_eq!(join("/app/", "static"), "/app/static");
        assert_eq!(join("/app", "/srv"), "/srv");
        assert_eq!(join("", "static"), "static");
        assert_eq!(["/app/shop/x", "/app", "x", "/"].map(parent), ["/app/shop", "/", "", "/"]);
        assert_eq!(normal("/app/./a//../b/../../.."), "/");
        assert_eq!(normal("/app/shop/../static/"), "/app/static");
    }
}
