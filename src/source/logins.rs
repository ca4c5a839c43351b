//! Passwords in the URLs of lock and configuration files.
//!
//! Source: RFC 3986, 3.2.1 (`user:password@` before the host). A variable that stands
//! in a password's place is none. Package indexes, repositories and mail have real
//! passwords only; what looks like a database of the developer's own machine
//! (`postgres:postgres@localhost`) is an example.

/// The most bytes of what stands before a host.
pub(super) const LONGEST: usize = 4096;

/// Endings of lock and configuration files, in lower case.
const ENDINGS: [&str; 12] =
    [".toml", ".cfg", ".ini", ".conf", ".config", ".cnf", ".lock", ".yaml", ".yml", ".properties", ".pip", ".in"];
/// Names of such files that have other endings, in lower case.
const NAMES: [&str; 9] = [
    "pipfile",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "config.json",
    "settings.json",
    ".gitmodules",
    ".condarc",
    ".gemrc",
    ".yarnrc",
];
/// Schemes whose passwords are never examples.
const FETCHED: [&str; 5] = ["http", "https", "ftp", "sftp", "ssh"];
/// What people write where a password belongs.
const EXAMPLES: [&str; 9] =
    ["pass", "password", "passwd", "pwd", "pw", "secret", "changeme", "example", "yourpassword"];
/// How tokens begin that stand alone before a host.
const TOKENS: [&str; 7] = ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "pypi-", "dckr_pat_"];
/// From this length on, letters and digits alone before a host are a token.
const TOKEN: usize = 20;

/// Whether a file, told with its folder's name, is a lock or configuration file.
pub(super) fn is_configuration(folder: &[u8], name: &[u8]) -> bool {
    let (folder, name) = (String::from_utf8_lossy(folder).to_lowercase(), String::from_utf8_lossy(name).to_lowercase());
    let requirements = |text: &str| text.contains("requirements") || text.contains("constraints");
    ENDINGS.iter().any(|ending| name.ends_with(ending))
        || NAMES.contains(&name.as_str())
        || name.strip_suffix(".txt").is_some() && (requirements(&name) || requirements(&folder))
}

/// Whether a URL in some text carries a password.
pub(super) fn has_password(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].windows(3).position(|window| window == b"://") {
        let (before, after) = (&text[..from + at], &text[from + at + 3..]);
        if password_in(before, after) == Some(true) {
            return true;
        }
        from += at + 3;
    }
    false
}

/// Whether there is a password in the URL whose scheme ends one part of a text and
/// whose authority begins the other; none where that is no URL.
fn password_in(before: &[u8], after: &[u8]) -> Option<bool> {
    let scheme = before.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte));
    let scheme = std::str::from_utf8(&before[scheme.map_or(0, |at| at + 1)..]).ok()?.to_lowercase();
    let after = &after[..after.len().min(LONGEST)];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>,`\\".contains(byte);
    let authority = &after[..after.iter().position(ends)?];
    let at = authority.iter().rposition(|&byte| byte == b'@')?;
    let user = std::str::from_utf8(&authority[..at]).ok()?;
    let host = String::from_utf8_lossy(&authority[at + 1..]).to_lowercase();
    let is_fetched = FETCHED.iter().any(|known| scheme == *known || scheme.ends_with(&format!("+{known}")));
    let Some((user, password)) = user.split_once(':') else {
        return Some(is_fetched && is_token(user));
    };
    if password.is_empty() || is_variable(password) {
        return Some(false);
    }
    let is_local =
        host.is_empty() || ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|local| host.starts_with(local));
    let is_example = is_local || password == user || EXAMPLES.contains(&password.to_lowercase().as_str());
    Some(is_fetched || !is_example)
}

fn is_token(user: &str) -> bool {
    let is_word = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let mixed = user.bytes().any(|byte| byte.is_ascii_digit()) && user.bytes().any(|byte| byte.is_ascii_alphabetic());
    TOKENS.iter().any(|start| user.starts_with(start)) || is_word && mixed && user.len() >= TOKEN
}

/// Whether text stands for a value that is elsewhere, or hides one.
fn is_variable(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let marks = ["${", "$(", "{", "%("];
    let percent = text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    marks.iter().any(|mark| text.contains(mark))
        || text.strip_prefix('$').is_some_and(is_name)
        || percent.is_some_and(is_name)
        || text.bytes().all(|byte| b"*.xX".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_from_variables_users_and_examples() {
        for (text, password) in [
            ("--index-url https://user:pass@pypi.example.com/simple\n", true),
            ("url = \"https://__token__:abc@host/simple\"", true),
            ("shop @ git+https://bot:hunter2@git.example.com/shop.git\n", true),
            ("HTTPS://u:p@host\n", true),
            ("url=http://a.example/x http://u:p%40x@host/\n", true),
            ("git+https://ghp_abcdef0123@github.com/acme/shop\n", true),
            ("https://0123456789abcdef0123@host/\n", true),
            ("postgresql+psycopg://shop:xK29fa@db.example.com/shop\n", true),
            ("redis://:xK29fa@cache:6379/0\n", true),
            ("https://user:${PASSWORD}@host/\n", false),
            ("https://user:$PASSWORD@host/\n", false),
            ("https://user:%(password)s@host/\n", false),
            ("https://user:{password}@host/\n", false),
            ("https://user:<password>@host/\n", false),
            ("https://user:****@host/\n", false),
            ("https://user:@host/\n", false),
            ("https://user@host/\n", false),
            ("git+ssh://git@github.com/acme/shop\n", false),
            ("https://host/a:b@c\n", false),
            ("https://host:8080/@scope/x\n", false),
            ("driver://user:pass@localhost/dbname\n", false),
            ("postgresql://postgres:postgres@db/shop\n", false),
            ("mail: a:b@c ://", false),
        ] {
            assert_eq!(has_password(text.as_bytes()), password, "{text}");
        }
    }

    #[test]
    fn lock_and_configuration_files_are_known_by_name() {
        for (folder, name, is) in [
            ("", "uv.lock", true),
            ("", "PyProject.toml", true),
            ("", "dev-requirements.txt", true),
            ("requirements", "prod.txt", true),
            ("", "package-lock.json", true),
            ("", "notes.txt", false),
            ("", "data.json", false),
            ("", "main.py", false),
        ] {
            assert_eq!(is_configuration(folder.as_bytes(), name.as_bytes()), is, "{folder}/{name}");
        }
    }
}
