//! Passwords in the URLs of lock and configuration files.
//!
//! Source: RFC 3986, 3.2.1 (`user:password@` before the host). A variable in the place of a
//! password is not a password, nor is an example from documentation. Lock and requirements files
//! have no examples: every password in them counts.

/// The longest part before a host, in bytes.
pub(super) const LONGEST: usize = 4096;

/// Endings of lock and configuration files, in lower case.
const ENDINGS: [&str; 12] =
    [".toml", ".cfg", ".ini", ".conf", ".config", ".cnf", ".lock", ".yaml", ".yml", ".properties", ".pip", ".in"];
/// Names of such files that have other endings, in lower case.
const NAMES: [&str; 6] = ["config.json", "settings.json", ".gitmodules", ".condarc", ".gemrc", ".yarnrc"];
/// Configuration of package managers, in lower case; its URLs are fetched as those in a lock file.
const PACKAGING: [&str; 8] = [
    "pyproject.toml",
    "uv.toml",
    "pdm.toml",
    "poetry.toml",
    "pipfile",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
];
/// Options that name a package index, in any file.
const INDEX_OPTIONS: [&[u8]; 4] = [b"index-url", b"index_url", b"find-links", b"find_links"];
/// Schemes of URLs that are fetched.
const FETCHED: [&str; 5] = ["http", "https", "ftp", "sftp", "ssh"];
/// Schemes with a user name that is never a token: the key is elsewhere.
const SECURE_SHELL: [&str; 2] = ["sftp", "ssh"];
/// Placeholders for passwords, in lower case, without a preceding `your`, `my` and the like.
const EXAMPLES: [&str; 31] = [
    "apikey",
    "changeit",
    "changeme",
    "changethis",
    "dummy",
    "dummypassword",
    "example",
    "examplepassword",
    "fake",
    "foo",
    "foobar",
    "hidden",
    "insecure",
    "key",
    "pass",
    "passphrase",
    "passw0rd",
    "passwd",
    "password",
    "password123",
    "placeholder",
    "pw",
    "pwd",
    "redacted",
    "replaceme",
    "secret",
    "secretpassword",
    "test",
    "testpass",
    "testpassword",
    "token",
];
/// Reserved domains (RFC 2606, 3; RFC 6761, 6.4 and 6.5).
const RESERVED: [&str; 6] = ["example.com", "example.org", "example.net", "example", "invalid", "test"];
/// Prefixes of tokens that stand alone before a host.
const TOKENS: [&str; 8] = ["ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "pypi-", "dckr_pat_"];
/// The length from which letters and digits alone before a host count as a token.
const TOKEN: usize = 20;

/// The purpose of a file, which decides on the passwords in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// A list of packages to fetch: every URL in it is used as it is written, in comments too.
    Packages,
    /// The configuration of a program, which may show examples.
    Settings,
}

/// Returns the purpose of a lock or configuration file, given its directory's name; none for
/// another file.
pub(super) fn purpose(folder: &[u8], name: &[u8]) -> Option<Purpose> {
    let (folder, name) = (String::from_utf8_lossy(folder).to_lowercase(), String::from_utf8_lossy(name).to_lowercase());
    let requirements = |text: &str| text.contains("requirements") || text.contains("constraints");
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let is_text = ends(&[".txt", ".in", ".pip"]);
    if ends(&[".lock"])
        || name.starts_with("pylock.") && ends(&[".toml"])
        || PACKAGING.contains(&name.as_str())
        || is_text && (requirements(&name) || requirements(&folder))
    {
        return Some(Purpose::Packages);
    }
    (ends(&ENDINGS) || NAMES.contains(&name.as_str())).then_some(Purpose::Settings)
}

/// Returns whether a URL in a part of a file contains a password.
pub(super) fn has_password(purpose: Purpose, text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].windows(3).position(|window| window == b"://") {
        let (before, after) = (&text[..from + at], &text[from + at + 3..]);
        if password_in(purpose, before, after) == Some(true) {
            return true;
        }
        from += at + 3;
    }
    false
}

/// Returns whether a URL contains a password, given the text before and after its `://`; none if it
/// is not a URL.
fn password_in(purpose: Purpose, before: &[u8], after: &[u8]) -> Option<bool> {
    let line = &before[before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)..];
    let names_index = INDEX_OPTIONS.iter().any(|option| line.windows(option.len()).any(|window| window == *option));
    let is_strict = purpose == Purpose::Packages || names_index;
    let scheme = before.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte));
    let scheme = std::str::from_utf8(&before[scheme.map_or(0, |at| at + 1)..]).ok()?.to_lowercase();
    let after = &after[..after.len().min(LONGEST)];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>,`\\".contains(byte);
    let (authority, rest) = after.split_at(after.iter().position(ends)?);
    let at = authority.iter().rposition(|&byte| byte == b'@')?;
    let user = std::str::from_utf8(&authority[..at]).ok()?;
    let host = String::from_utf8_lossy(&authority[at + 1..]).to_lowercase();
    let path = &rest[..rest.iter().position(|byte| *byte != b'/' && ends(byte)).unwrap_or(rest.len())];
    let is_of = |schemes: &[&str]| {
        schemes
            .iter()
            .any(|known| scheme == *known || scheme.strip_suffix(known).is_some_and(|rest| rest.ends_with('+')))
    };
    if purpose == Purpose::Settings && is_comment(line) {
        return Some(false);
    }
    let Some((user, password)) = user.split_once(':') else {
        let can_be = is_of(&FETCHED) && !is_of(&SECURE_SHELL);
        return Some(can_be && (is_known_token(user) || is_strict && is_long_token(user) && !is_project_number(path)));
    };
    if password.is_empty() || is_variable(password) {
        return Some(false);
    }
    if is_strict && is_of(&FETCHED) || is_known_token(password) {
        return Some(true);
    }
    Some(!(is_example(user, password, &host, path) || !is_strict && is_reserved(&host)))
}

/// Returns whether a line of a configuration file, cut at some column, is a comment.
fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(b"#") || line.starts_with(b";") || line.starts_with(b"//")
}

/// Returns whether a password is an example from documentation, or that of a database on the
/// developer's own machine.
fn is_example(user: &str, password: &str, host: &str, path: &[u8]) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local =
        host.is_empty() || ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|local| host.starts_with(local));
    let mut places = path.split(|&byte| byte == b'/').chain([user.as_bytes(), name.as_bytes()]);
    let word: String = password.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = ["your", "my", "some", "the", "user", "db"].iter().find_map(|start| word.strip_prefix(start));
    let is_word = |word: &str| EXAMPLES.contains(&word);
    is_local || places.any(|place| place == password.as_bytes()) || is_word(&word) || bare.is_some_and(is_word)
}

/// Returns whether a host, given with its port, is in a domain reserved for documentation.
fn is_reserved(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    RESERVED
        .iter()
        .any(|domain| name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

/// Returns whether a path is just a number, as in a Sentry DSN, which has a public key.
fn is_project_number(path: &[u8]) -> bool {
    path.strip_prefix(b"/").is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

fn is_known_token(text: &str) -> bool {
    let rest = TOKENS.iter().find_map(|start| text.strip_prefix(start));
    rest.is_some_and(|rest| !rest.is_empty() && !is_variable(rest))
}

fn is_long_token(user: &str) -> bool {
    let is_word = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let mixed = user.bytes().any(|byte| byte.is_ascii_digit()) && user.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_word && mixed && user.len() >= TOKEN
}

/// Returns whether text stands for a value elsewhere, or hides one.
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
            ("git+ssh://APKAEXAMPLE0123456789@git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop\n", false),
            ("# --index-url https://user:pass@pypi.example.com/simple\n", true),
            ("dsn = \"https://0123456789abcdef0123456789abcdef@o123.ingest.sentry.io/456\"\n", false),
            ("https://host/a:b@c\n", false),
            ("https://host:8080/@scope/x\n", false),
            ("driver://user:pass@localhost/dbname\n", false),
            ("postgresql://postgres:postgres@db/shop\n", false),
            ("mail: a:b@c ://", false),
        ] {
            assert_eq!(has_password(Purpose::Packages, text.as_bytes()), password, "{text}");
        }
    }

    #[test]
    fn examples_in_settings_are_no_passwords() {
        for (text, password) in [
            ("dsn = \"https://0123456789abcdef0123456789abcdef@o123.ingest.sentry.io/456\"\n", false),
            ("url: https://0123456789abcdef0123456789abcdef@errors.acme.dev/api\n", false),
            ("# proxy: http://user:password@proxy.example.com:8080\n", false),
            ("  ; proxy = http://bot:xK29fa@proxy.acme.dev:8080\n", false),
            ("proxy: http://user:password@proxy.acme.dev:8080\n", false),
            ("url: https://user:secret@example.com/hook\n", false),
            ("url: https://bot:xK29fa@hooks.example/x\n", false),
            ("sql = db+postgresql://postgres:airflow@postgres/airflow\n", false),
            ("sql = postgresql://shop:your-password@db.acme.dev/shop\n", false),
            ("sql = mysql://shop:my_secret_password@db.acme.dev/shop\n", false),
            ("amqp://guest:guest@rabbitmq:5672//\n", false),
            ("https://ghp_xxxxxxxxxxxxxxxxxxxx@github.com/acme/shop\n", false),
            ("git+ssh://APKAEXAMPLE0123456789@git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop\n", false),
            ("https://ghp_abcdef0123@github.com/acme/shop\n", true),
            ("https://bot:ghp_abcdef0123@example.com/x\n", true),
            ("https://bot:hunter2@git.acme.dev/x\n", true),
            ("smtp://mailer:xK29fa@mail.acme.dev:587\n", true),
            ("index-url = https://user:pass@pypi.acme.dev/simple\n", true),
            ("sql = postgresql://shop:xK29fa@db/shop\n", true),
            ("a = 1 # x\nurl = https://bot:hunter2@git.acme.dev/x\n", true),
        ] {
            assert_eq!(has_password(Purpose::Settings, text.as_bytes()), password, "{text}");
        }
    }

    #[test]
    fn lock_and_configuration_files_are_known_by_name() {
        let (packages, settings) = (Some(Purpose::Packages), Some(Purpose::Settings));
        for (folder, name, want) in [
            ("", "uv.lock", packages),
            ("", "pylock.dev.toml", packages),
            ("", "PyProject.toml", packages),
            ("", "dev-requirements.txt", packages),
            ("requirements", "prod.txt", packages),
            ("", "package-lock.json", packages),
            ("", "settings.toml", settings),
            ("", "openapi.yaml", settings),
            ("", "MANIFEST.in", settings),
            ("", "notes.txt", None),
            ("", "data.json", None),
            ("", "main.py", None),
        ] {
            assert_eq!(purpose(folder.as_bytes(), name.as_bytes()), want, "{folder}/{name}");
        }
    }
}
