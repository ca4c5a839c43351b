//! Reads the process of a Dockerfile's last stage: `ENTRYPOINT`, `CMD`, `WORKDIR`, `ENV`, and the
//! files that `COPY` puts there, also by way of other stages.
//!
//! Source: Docker, "Dockerfile reference": environment replacement, shell and exec form.

use super::instructions::{escape, instructions};
use super::scope::Scope;
use super::words::expanded;

/// The most stages of a Dockerfile that are followed.
const STAGES: usize = 200;
/// The most copied files and directories of a stage that are followed.
const COPIES: usize = 1_000;

/// The process of a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stage {
    pub entrypoint: Option<Form>,
    pub cmd: Option<Form>,
    /// An absolute path.
    pub workdir: String,
    /// Files and directories of the build context, and their destinations.
    pub copies: Vec<Copied>,
    /// The variables of `ENV` and `ARG`.
    pub variables: Scope,
    /// Whether this stage itself has the `CMD`, not the one that it starts from.
    has_own_cmd: bool,
}

/// The form of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Exec(Vec<String>),
    Shell(String),
}

/// The files of a `COPY` or `ADD` instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Copied {
    pub sources: Vec<String>,
    /// An absolute path; it ends with `/` if the instruction says that it is a directory.
    pub to: String,
}

/// Reads the last stage; none in a file without stages.
pub(super) fn last_stage(text: &str) -> Option<Stage> {
    let mut stages: Vec<(String, Stage)> = Vec::new();
    let mut global = Scope::new(escape(text));
    for (instruction, arguments) in instructions(text) {
        if instruction == "FROM" && stages.len() < STAGES {
            let (name, image) = from(&arguments, &global);
            let parent = named(&stages, &image).map(|stage| Stage { has_own_cmd: false, ..stage.clone() });
            stages.push((name, parent.unwrap_or_else(|| Stage::new(global.escape))));
            continue;
        }
        match stages.split_last_mut() {
            Some(((_, stage), _)) if instruction == "ARG" => stage.variables.argument_instruction(&arguments, &global),
            Some(((_, stage), earlier)) => stage.apply(&instruction, &arguments, earlier),
            None if instruction == "ARG" => global.argument_instruction(&arguments, &Scope::new(global.escape)),
            None => {}
        }
    }
    stages.pop().map(|(_, stage)| stage)
}

/// Returns the stage with a name or number.
fn named<'a>(stages: &'a [(String, Stage)], name: &str) -> Option<&'a Stage> {
    let by_name = stages.iter().rev().find(|(other, _)| !other.is_empty() && other.eq_ignore_ascii_case(name));
    by_name.or_else(|| stages.get(name.parse::<usize>().ok()?)).map(|(_, stage)| stage)
}

impl Stage {
    fn new(escape: char) -> Self {
        Self {
            entrypoint: None,
            cmd: None,
            workdir: "/".to_owned(),
            copies: Vec::new(),
            variables: Scope::new(escape),
            has_own_cmd: false,
        }
    }

    fn apply(&mut self, instruction: &str, arguments: &str, earlier: &[(String, Self)]) {
        match instruction {
            "ENTRYPOINT" => {
                self.entrypoint = Some(Form::parse(arguments));
                if !self.has_own_cmd {
                    self.cmd = None;
                }
            }
            "CMD" => (self.cmd, self.has_own_cmd) = (Some(Form::parse(arguments)), true),
            "WORKDIR" => self.workdir = joined(&self.workdir, &expanded(arguments, &self.variables).text),
            "ENV" => self.variables.env_instruction(arguments),
            "COPY" | "ADD" => {
                for copied in self.copied(arguments, earlier) {
                    let sources: usize = self.copies.iter().map(|copied| copied.sources.len()).sum();
                    if sources + copied.sources.len() > COPIES {
                        break;
                    }
                    self.copies.push(copied);
                }
            }
            _ => {}
        }
    }

    /// Reads the arguments of `COPY`; none for files that come from no build context.
    fn copied(&self, arguments: &str, earlier: &[(String, Self)]) -> Vec<Copied> {
        let mut rest = arguments.trim();
        let mut from = None;
        while let Some(flag) = rest.strip_prefix("--") {
            let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            from = flag.strip_prefix("from=").or(from);
            rest = after.trim_start();
        }
        let words: Vec<String> = match serde_json::from_str(rest) {
            Ok(words) => words,
            Err(_) => rest.split_whitespace().map(str::to_owned).collect(),
        };
        let mut words: Vec<_> = words.iter().map(|word| expanded(word, &self.variables).text).collect();
        let Some(to) = words.pop().filter(|_| !words.is_empty()) else { return Vec::new() };
        let end = if to.ends_with('/') || to == "." { "/" } else { "" };
        let to = format!("{}{end}", joined(&self.workdir, &to).trim_end_matches('/'));
        let Some(from) = from else {
            let sources = words.iter().map(|word| joined("/", word).trim_start_matches('/').to_owned()).collect();
            return vec![Copied { sources, to }];
        };
        let Some(stage) = named(earlier, &expanded(from, &self.variables).text) else { return Vec::new() };
        words
            .iter()
            .flat_map(|word| stage.copies.iter().filter_map(|copied| copied.again(&joined("/", word), &to)))
            .collect()
    }
}

impl Copied {
    /// Returns the files of this copy that another stage copies from a path; none if it copies
    /// others.
    fn again(&self, from: &str, to: &str) -> Option<Self> {
        let place = self.to.trim_end_matches('/');
        let end = if self.to.ends_with('/') { "/" } else { "" };
        if let Some(rest) = below(place, from) {
            let to = format!("{}{end}", joined(to, rest).trim_end_matches('/'));
            return Some(Self { sources: self.sources.clone(), to });
        }
        // Only a part of one directory.
        let rest = below(from, place)?;
        let [source] = self.sources.as_slice() else { return None };
        let source = joined(&format!("/{source}"), rest).trim_start_matches('/').to_owned();
        Some(Self { sources: vec![source], to: to.to_owned() })
    }
}

/// Returns the part of a path below a directory, without slashes around it; empty for the
/// directory itself.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

impl Form {
    fn parse(arguments: &str) -> Self {
        let text = arguments.trim();
        serde_json::from_str(text).map_or_else(|_| Self::Shell(text.to_owned()), Self::Exec)
    }
}

/// Returns the name of a stage, and the image or stage that it starts from.
fn from(arguments: &str, global: &Scope) -> (String, String) {
    let arguments = expanded(arguments, global).text;
    let words: Vec<_> = arguments.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let image = words.first().copied().unwrap_or_default().to_owned();
    let name = match words.as_slice() {
        [_, by, name, ..] if by.eq_ignore_ascii_case("as") => (*name).to_owned(),
        _ => String::new(),
    };
    (name, image)
}

/// Joins a path to a directory, without `.`, `..` and double slashes.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let start = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::scope::VARIABLES;
    use super::*;

    fn told(text: &str) -> String {
        let stage = last_stage(text).unwrap();
        let form = |form: Option<Form>| match form {
            None => "-".to_owned(),
            Some(Form::Shell(text)) => format!("shell {text}"),
            Some(Form::Exec(words)) => words.join("_"),
        };
        format!("{} | {} | {}", form(stage.entrypoint), form(stage.cmd), stage.workdir)
    }

    #[test]
    fn the_last_stage_has_the_process() {
        for (text, want) in [
            ("FROM a\nCMD [\"x\"]\n", "- | x | /"),
            ("from a\ncmd python x.py\nworkdir /code\nWORKDIR sub\n", "- | shell python x.py | /code/sub"),
            ("FROM a\nCMD [\"x\"]\nENTRYPOINT [\"y\", \"z\"]\n", "y_z | x | /"),
            ("FROM a AS base\nCMD [\"x\"]\nWORKDIR /w\nFROM base\nENTRYPOINT [\"y\"]\n", "y | - | /w"),
            ("FROM a AS base\nCMD [\"x\"]\nFROM b\nFROM 0\n", "- | x | /"),
            ("FROM a AS base\nCMD [\"x\"]\nFROM b\n", "- | - | /"),
            ("ARG V=b\nFROM x AS b\nCMD [\"x\"]\nFROM $V\n", "- | x | /"),
            ("FROM a\nENV D=/code\nENV E=${D}/x\nWORKDIR $E\nARG F=\"y y\"\nWORKDIR ${F:-z}\n", "- | - | /code/x/y y"),
            ("FROM a\nENTRYPOINT [ \"a\", \\\n# no\n\n  \"b\" ]\nCMD [\"c\",]\n", "a_b | shell [\"c\",] | /"),
            ("# escape=`\nFROM a\nCMD [\"a\", `\n\"b\"]\n", "- | a_b | /"),
            (
                "FROM a\nRUN <<EOF\nCMD [\"no\"]\nEOF\nHEALTHCHECK CMD [\"h\"]\nONBUILD CMD [\"o\"]\nCMD [\"y\"]\n",
                "- | y | /",
            ),
            ("FROM a\nENTRYPOINT []\nCMD []\n", " |  | /"),
        ] {
            assert_eq!(told(text), want, "{text}");
        }
        assert_eq!(last_stage("CMD [\"x\"]\n"), None);
    }

    #[test]
    fn copies_have_absolute_destinations() {
        let text = "FROM a\nWORKDIR /code\nCOPY --chown=1 . .\nCOPY --from=b /x /y\nADD [\"a b\", \"./c/\"]\nCOPY ./src/../app app.py /srv/\n";
        let told = |copied: &Copied| format!("{} > {}", copied.sources.join(" & "), copied.to);
        let copies: Vec<_> = last_stage(text).unwrap().copies.iter().map(told).collect();
        assert_eq!(copies, [" > /code/", "a b > /code/c/", "app & app.py > /srv/"]);
        let stages = "FROM a AS b\nWORKDIR /src\nCOPY . .\nCOPY x y/\nFROM c\nCOPY --from=b /src /code\nCOPY --from=0 /src/web /srv\nCOPY --from=d /src /no\n";
        let copies: Vec<_> = last_stage(stages).unwrap().copies.iter().map(told).collect();
        assert_eq!(copies, [" > /code/", "x > /code/y/", "web > /srv"]);
    }

    #[test]
    fn values_and_copies_are_bounded() {
        let doubled = format!("FROM a\nENV A=xx\n{}WORKDIR /w$A\n", "ENV A=$A$A\n".repeat(64));
        assert_eq!(told(&doubled), "- | - | /w");
        let copies = format!("FROM a AS b\n{}FROM b\nCOPY x y\n", "COPY x y\n".repeat(COPIES + 1));
        assert_eq!(last_stage(&copies).unwrap().copies.len(), COPIES);
        let variables = (0..10_000).map(|at| ["ENV V", &at.to_string(), "=1\n"].concat()).collect::<String>();
        let stage = last_stage(&format!("FROM a\n{variables}")).unwrap();
        assert_eq!(stage.variables.env().count(), VARIABLES);
    }

    #[test]
    fn odd_files_have_an_end() {
        for text in [
            "FROM",
            "FROM a\nRUN <<EOF\nx",
            "FROM a\nCOPY",
            "FROM a\nCOPY --x",
            "FROM a\nENV",
            "FROM a\nWORKDIR ${",
            "FROM a \\",
            "\\",
        ] {
            last_stage(text);
        }
    }
}
