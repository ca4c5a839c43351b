//! Holds README and the reference to the program: examples parse and build, every key,
//! flag and topic is documented, and `carboy help` and `carboy man` show what is written.
//!
//! An example is built if the words after its fence say from which example application:
//! `toml build-hello` is the application's `carboy.toml`, and may name a profile (`profile-NAME`);
//! `console build-hello` is run in the application's folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "docs/named_tests.rs"]
mod named_tests;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carboy::config::{File, MachineFile, all_keys, all_machine_keys};
use carboy::diagnostic::Code;
use carboy::docs::markdown::{Block, parse, plain};
use carboy::docs::{TOPICS, man, topic};
use carboy::{cli, config};
use support::{DEBIAN_13, Ran, layout, root, test_cache};
use tempfile::TempDir;

/// The languages that examples are in. None of them is Rust, which rustdoc would compile.
const LANGUAGES: [&str; 8] = ["console", "dockerfile", "json", "python", "sh", "text", "toml", "yaml"];

/// Fenced code of a document.
#[derive(Clone)]
struct Example {
    document: String,
    /// The words after the fence, the language first.
    info: Vec<String>,
    text: String,
}

impl Example {
    fn language(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    /// The value of a word such as `build-hello`.
    fn option(&self, name: &str) -> Option<&str> {
        self.info.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('-'))
    }
}

/// README and the topics, by name.
fn documents() -> Vec<(String, String)> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let topics = TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.text.to_owned()));
    [("README".to_owned(), readme)].into_iter().chain(topics).collect()
}

fn examples() -> Vec<Example> {
    let of = |(document, text): (String, String)| {
        parse(&text).into_iter().filter_map(move |block| match block {
            Block::Code { info, text, .. } => {
                let info = info.split_whitespace().map(str::to_owned).collect();
                Some(Example { document: document.clone(), info, text })
            }
            _ => None,
        })
    };
    documents().into_iter().flat_map(of).collect()
}

fn examples_in(language: &str) -> Vec<Example> {
    let all: Vec<_> = examples().into_iter().filter(|example| example.language() == language).collect();
    assert!(!all.is_empty(), "no example in {language}");
    all
}

fn carboy(args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
    Ran::of(command.env_clear().args(args).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn the_readme_is_a_first_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 200, "{} lines", readme.lines().count());
    for topic in TOPICS {
        let link = format!("[{0}](src/docs/{0}.md)", topic.name);
        assert!(readme.contains(&link), "no {link}");
    }
}

#[test]
fn every_example_is_in_a_known_language() {
    for Example { document, info, text } in examples() {
        assert!(info.first().is_some_and(|word| LANGUAGES.contains(&word.as_str())), "{document}: {info:?}\n{text}");
    }
}

#[test]
fn configurations_parse() {
    for example in examples_in("toml") {
        let Example { document, info, text } = &example;
        let parsed = match info.get(1).map(String::as_str) {
            Some("machine") => Some(MachineFile::parse(text, "config.toml", Path::new(""))),
            Some("registries-conf") => Some(MachineFile::parse_registries_conf(text, "registries.conf")),
            _ => None,
        };
        if let Some(parsed) = parsed {
            let machine = parsed.unwrap_or_else(|error| panic!("{document}: {error}\n{text}"));
            assert!(!machine.rules.is_empty());
            continue;
        }
        let file = File::parse(text, "carboy.toml").unwrap_or_else(|error| panic!("{document}: {error}\n{text}"));
        for profile in file.profiles.keys() {
            file.with_profile(profile).unwrap();
        }
    }
}

#[test]
fn json_parses() {
    for Example { document, text, .. } in examples_in("json") {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert!(parsed.is_ok(), "{document}: {parsed:?}\n{text}");
    }
}

/// The words of carboy's command line that begins a text, up to the end of the shell's command.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | ';' | '&' | '>' | ')' | '#') => {
                // The number of the stream that is sent elsewhere.
                if character == '>' && word == "2" {
                    word.clear();
                }
                break;
            }
            (None, ' ') => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(character),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// The command lines of carboy in a script, a console or a workflow.
fn command_lines(example: &Example) -> Vec<Vec<String>> {
    let is_console = example.language() == "console";
    let starts = |line: &str| -> Vec<Vec<String>> {
        let line = line.trim();
        let line = match line.strip_prefix("$ ") {
            Some(command) => command,
            None if is_console => return Vec::new(),
            None => line.strip_prefix("- run: ").unwrap_or(line),
        };
        let inner = line.split("$(").skip(1).filter(|command| command.starts_with("carboy "));
        let outer = Some(line).filter(|command| command.starts_with("carboy "));
        inner.chain(outer).map(words).collect()
    };
    example.text.lines().flat_map(starts).collect()
}

#[test]
fn command_lines_parse() {
    let mut verbs = BTreeSet::new();
    for example in ["console", "sh", "yaml"].into_iter().flat_map(examples_in) {
        for words in command_lines(&example) {
            let parsed = cli::check(&words);
            assert!(parsed.is_ok(), "{}: {words:?}: {}", example.document, parsed.unwrap_err());
            verbs.insert(words[1].clone());
        }
    }
    let want = ["build", "cache", "explain", "help", "index", "login", "logout", "man", "plan", "tag", "why"];
    let want = want.map(str::to_owned);
    assert_eq!(verbs, want.into());
}

#[test]
fn shell_words_end_with_the_command() {
    let want = ["carboy", "why", "a b", "--", "x"].map(str::to_owned);
    assert_eq!(words("carboy why 'a b' -- x 2>/dev/null | cat"), want);
    assert_eq!(words("carboy why \"a b\" -- x)\" y"), want);
}

/// The first cells of the tables of a topic, after the table of the configuration that the heading
/// or the sentence above them begins with.
fn documented_keys(name: &str) -> BTreeSet<String> {
    let mut documented = BTreeSet::new();
    let mut table = String::new();
    for block in parse(topic(name).unwrap().text) {
        match block {
            Block::Heading { spans, .. } | Block::Paragraph { spans, .. } if plain(&spans).starts_with('[') => {
                let text = plain(&spans);
                let name: String = text.chars().skip_while(|c| *c == '[').take_while(|c| !"].".contains(*c)).collect();
                table = if text.starts_with("[profile.NAME") { "profile.NAME".to_owned() } else { name };
            }
            Block::Heading { spans, .. } => {
                table = if plain(&spans) == "Top-level keys" { "top".to_owned() } else { String::new() }
            }
            Block::Table { rows } if !table.is_empty() => {
                let key = |key: String| if table == "top" { key } else { format!("{table}.{key}") };
                documented.extend(rows.iter().skip(1).map(|row| key(plain(&row[0]))));
            }
            _ => {}
        }
    }
    documented
}

#[test]
fn every_key_is_documented() {
    assert_eq!(documented_keys("configuration"), all_keys().into_iter().collect());
    assert_eq!(documented_keys("networks"), all_machine_keys().into_iter().collect());
}

#[test]
fn every_flag_and_variable_is_documented() {
    let text = topic("command-line").unwrap().text;
    let mut open = vec![cli::command()];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().cloned());
        for arg in command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
            let flag = arg.get_long().map(|name| format!("--{name}"));
            let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            for name in flag.into_iter().chain(variable) {
                let found = text.match_indices(&name).any(|(at, _)| {
                    let next = text[at + name.len()..].chars().next();
                    next.is_some_and(|next| !next.is_ascii_alphanumeric() && next != '-' && next != '_')
                });
                assert!(found, "`{name}` of {} is not in command-line.md", command.get_name());
            }
        }
    }
}

#[test]
fn every_code_is_in_the_page_on_troubleshooting() {
    let text = topic("troubleshooting").unwrap().text;
    for code in Code::ALL {
        assert!(text.contains(&format!("`{}`", code.name())), "{} is not in troubleshooting.md", code.name());
    }
}

#[test]
fn limits_in_the_reference_are_the_programs() {
    let limits = File::parse("", "carboy.toml").unwrap().limits;
    let text = topic("configuration").unwrap().text;
    let row = |key: &str| {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap();
        row.split('`').nth(3).unwrap().trim_matches('"').to_owned()
    };
    let size = |key: &str| config::size(&row(key)).unwrap();
    assert_eq!(size("layer-size"), limits.layer_size);
    assert_eq!(size("layer-entries"), limits.layer_entries);
    assert_eq!(size("layer-names"), limits.layer_names);
    assert_eq!(size("name-length"), limits.name_length);
    assert_eq!(size("image-size"), limits.image_size);
    assert_eq!(size("image-entries"), limits.image_entries);
    assert_eq!(size("zstd-window"), limits.zstd_window);
}

#[test]
fn help_lists_verbs_and_topics_and_shows_each() {
    let list = carboy(&["help"]).done();
    assert_eq!(list, carboy(&["--help"]).done());
    for topic in TOPICS {
        assert!(list.contains(&format!("  {} ", topic.name)) && list.contains(topic.summary), "{list}");
        // In a pipe, the Markdown as it is.
        assert_eq!(carboy(&["help", topic.name]).done(), topic.text);
    }
    for verb in ["build", "plan", "why", "tag", "index", "cache", "explain", "help"] {
        assert!(list.contains(&format!("\n  {verb} ")), "{list}");
        assert_eq!(carboy(&["help", verb]).done(), carboy(&[verb, "--help"]).done());
    }
    assert!(!list.contains("\n  man "), "{list}");
    assert_eq!(carboy(&["help", "cache", "prune"]).done(), carboy(&["cache", "prune", "--help"]).done());
}

/// What a topic looks like on a terminal, which `script` makes.
fn on_terminal(topic: &str, variables: &[(&str, &str)]) -> String {
    let command = format!("{} help {topic}", env!("CARGO_BIN_EXE_carboy"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    let output = script.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
    Ran::of(output).done().replace('\r', "")
}

#[test]
fn a_terminal_gets_the_topic_laid_out_and_paged() {
    let shouted = on_terminal("credentials", &[("PAGER", "tr a-z A-Z")]);
    assert!(shouted.starts_with("\u{1b}[1MCREDENTIALS"), "{shouted}");
    let bare = on_terminal("credentials", &[("PAGER", "cat"), ("NO_COLOR", "1")]);
    assert!(bare.starts_with("Credentials for registries\n\ncarboy looks for credentials only when"), "{bare}");
    assert!(bare.lines().all(|line| line.chars().count() <= 100), "{bare}");
    assert_eq!(on_terminal("credentials", &[("PAGER", ""), ("NO_COLOR", "1")]), bare);
    // Its cursor cannot be moved, as a pager without a name would.
    assert_eq!(on_terminal("credentials", &[("TERM", "dumb")]), bare);
}

#[test]
fn an_unknown_topic_is_an_error_that_names_the_nearest() {
    for (words, nearest) in
        [(&["help", "configuraton"][..], "configuration"), (&["help", "bulid"], "build"), (&["help", "cache", "x"], "")]
    {
        let ran = carboy(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.stderr.contains(&format!("`{}`", words[1..].join(" "))), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("`carboy help {nearest}")), "{}", ran.stderr);
    }
}

#[test]
fn documents_name_topics_and_verbs_that_exist() {
    let command = cli::command();
    for (document, text) in documents() {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for rest in text.split("carboy help ").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
            let known = name == "TOPIC" || topic(name).is_some() || command.find_subcommand(name).is_some();
            assert!(known || name.is_empty(), "{document}: carboy help {name}");
        }
    }
}

#[test]
fn man_pages_are_written_for_verbs_and_topics() {
    let folder = TempDir::new().unwrap();
    carboy(&["man", folder.path().to_str().unwrap()]).done();
    let names = |section: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder.path().join(section)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let verbs = [
        "",
        "-build",
        "-plan",
        "-why",
        "-tag",
        "-index",
        "-login",
        "-logout",
        "-cache",
        "-cache-info",
        "-cache-prune",
        "-explain",
        "-help",
    ];
    assert_eq!(names("man1"), verbs.map(|verb| format!("carboy{verb}.1")).into());
    assert_eq!(names("man7"), TOPICS.iter().map(man::file_name).collect());
    let build = fs::read_to_string(folder.path().join("man1/carboy-build.1")).unwrap();
    assert!(build.contains("\\-\\-allow\\-outside"), "{build}");
    let checks = fs::read_to_string(folder.path().join("man7/carboy-checks.7")).unwrap();
    assert!(checks.contains(".SH \"SYMBOL VERSIONS\"\n"), "{checks}");
}

/// An example application in a folder of its own.
fn project(app: &str, folder: &Path) -> PathBuf {
    let copy = folder.join(app);
    support::run("cp", ["-r".as_ref(), root().join("integration/apps").join(app).as_os_str(), copy.as_os_str()]);
    fs::remove_file(copy.join("carboy.toml")).unwrap();
    copy
}

/// Builds an example over the test images; returns what was printed on stdout.
fn build(example: &Example, app: &str, cache: &Path) -> String {
    let folder = TempDir::new().unwrap();
    let project = project(app, folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_carboy"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.path()).env("CARBOY_CACHE_DIR", cache);
    command.env("CARBOY_BUILDER", format!("oci:{}", layout(DEBIAN_13.builder).display()));
    command.current_dir(&project).stdin(Stdio::null());
    if project.join("requirements.txt").exists() {
        command.env("CARBOY_WHEELHOUSE", test_cache("wheels/apps"));
    }
    let mut is_scratch = false;
    match example.language() {
        "toml" => {
            fs::write(project.join("carboy.toml"), &example.text).unwrap();
            is_scratch = File::parse(&example.text, "carboy.toml").unwrap().base.as_deref() == Some("scratch");
            command.args(["build", "--to", "oci:out:1.0"]);
            command.args(example.option("profile").iter().flat_map(|name| ["--profile", name]));
        }
        "console" => {
            let [words] = <[_; 1]>::try_from(command_lines(example)).unwrap();
            command.args(&words[1..]);
        }
        other => panic!("{other} cannot be built"),
    }
    if !is_scratch {
        command.env("CARBOY_BASE", format!("oci:{}", layout(DEBIAN_13.base).display()));
    }
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}: {}\n{}", example.document, ran.stderr, example.text);
    assert!(project.join("out/index.json").exists());
    ran.stdout
}

#[test]
fn examples_that_need_only_local_images_build() {
    let cache = TempDir::new().unwrap();
    let mut documents = BTreeSet::new();
    for example in examples() {
        if let Some(app) = example.option("build") {
            let line = build(&example, app, cache.path());
            assert!(line.starts_with("oci:out@sha256:") && line.lines().count() == 1, "{line}");
            documents.insert(example.document);
        }
    }
    let want = ["README", "configuration", "libraries", "migration"].map(str::to_owned);
    assert_eq!(documents, want.into());
}

#[test]
fn the_quick_start_is_the_example_application() {
    let main = fs::read_to_string(root().join("integration/apps/hello/main.py")).unwrap();
    let [example] = examples_in("python").try_into().ok().unwrap();
    assert_eq!(example.text, main);
}
