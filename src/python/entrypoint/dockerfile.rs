//! Reads the process of a Dockerfile's last stage: `ENTRYPOINT`, `CMD`, `WORKDIR`, and the files
//! that `COPY` puts there.
//!
//! Source: Docker, "Dockerfile reference": parser directives, comments, line continuation,
//! here-documents, environment replacement, shell and exec form.

use std::collections::BTreeMap;

/// The most stages of a Dockerfile that are followed.
const STAGES: usize = 200;
/// The most copies of a stage that are followed.
const COPIES: usize = 1_000;
/// The most variables of a stage.
const VARIABLES: usize = 250;
/// The longest value of a variable or argument, in bytes. A longer one is empty.
const LONGEST: usize = 4096;

/// The process of a stage.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stage {
    pub entrypoint: Option<Form>,
    pub cmd: Option<Form>,
    /// An absolute path.
    pub workdir: String,
    /// Files and directories of the build context, and their destinations.
    pub copies: Vec<Copied>,
    variables: BTreeMap<String, String>,
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
    let mut global = BTreeMap::new();
    for (instruction, arguments) in instructions(text) {
        if instruction == "FROM" && stages.len() < STAGES {
            let (name, image) = from(&arguments, &global);
            let parent = stages.iter().rev().find(|(name, _)| !name.is_empty() && *name == image);
            let by_number = || stages.get(image.parse::<usize>().ok()?);
            let parent = parent.or_else(by_number).map(|(_, stage)| Stage { has_own_cmd: false, ..stage.clone() });
            let new = || Stage { workdir: "/".to_owned(), ..Stage::default() };
            stages.push((name, parent.unwrap_or_else(new)));
            continue;
        }
        match stages.last_mut() {
            Some((_, stage)) => stage.apply(&instruction, &arguments, &global),
            None if instruction == "ARG" => global.extend(assignments(&arguments, &BTreeMap::new())),
            None => {}
        }
    }
    stages.pop().map(|(_, stage)| stage)
}

impl Stage {
    fn apply(&mut self, instruction: &str, arguments: &str, global: &BTreeMap<String, String>) {
        match instruction {
            "ENTRYPOINT" => {
                self.entrypoint = Some(Form::parse(arguments));
                if !self.has_own_cmd {
                    self.cmd = None;
                }
            }
            "CMD" => (self.cmd, self.has_own_cmd) = (Some(Form::parse(arguments)), true),
            "WORKDIR" => self.workdir = joined(&self.workdir, &expanded(arguments, &self.variables)),
            "ENV" => {
                let set = assignments(arguments, &self.variables);
                for (name, value) in set {
                    self.set(name, value);
                }
            }
            "ARG" => {
                for (name, value) in assignments(arguments, &self.variables) {
                    let value = if value.is_empty() { global.get(&name).cloned().unwrap_or_default() } else { value };
                    if !self.variables.contains_key(&name) {
                        self.set(name, value);
                    }
                }
            }
            "COPY" | "ADD" if self.copies.len() < COPIES => self.copies.extend(self.copied(arguments)),
            _ => {}
        }
    }

    fn set(&mut self, name: String, value: String) {
        if self.variables.len() < VARIABLES || self.variables.contains_key(&name) {
            self.variables.insert(name, value);
        }
    }

    /// Reads the arguments of `COPY`; none for files of another stage.
    fn copied(&self, arguments: &str) -> Option<Copied> {
        let expanded = expanded(arguments, &self.variables);
        let mut rest = expanded.trim();
        while let Some(flag) = rest.strip_prefix("--") {
            let (flag, after) = flag.split_once(char::is_whitespace)?;
            if flag.starts_with("from=") {
                return None;
            }
            rest = after.trim_start();
        }
        let mut words: Vec<String> = match serde_json::from_str(rest) {
            Ok(words) => words,
            Err(_) => rest.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect(),
        };
        let to = words.pop().filter(|_| !words.is_empty())?;
        let end = if to.ends_with('/') || to == "." { "/" } else { "" };
        let to = format!("{}{end}", joined(&self.workdir, &to).trim_end_matches('/'));
        let sources = words.iter().map(|word| joined("/", word).trim_start_matches('/').to_owned()).collect();
        Some(Copied { sources, to })
    }
}

impl Form {
    fn parse(arguments: &str) -> Self {
        let text = arguments.trim();
        serde_json::from_str(text).map_or_else(|_| Self::Shell(text.to_owned()), Self::Exec)
    }
}

/// Returns the instructions with their arguments, in which continued lines are joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let escape = if escapes_with_backquote(text) { '`' } else { '\\' };
    let mut out: Vec<(String, String)> = Vec::new();
    let mut open = String::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if let Some(begun) = line.trim_end().strip_suffix(escape) {
            open.push_str(begun);
            continue;
        }
        open.push_str(line);
        let whole = std::mem::take(&mut open);
        let (name, arguments) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        let name = name.to_ascii_uppercase();
        if ["RUN", "COPY", "ADD"].contains(&name.as_str()) {
            for end in here_documents(arguments) {
                lines.by_ref().take_while(|line| line.trim() != end).for_each(drop);
            }
        }
        out.push((name, arguments.trim().to_owned()));
    }
    out
}

/// Returns whether the directive `# escape=` names the backquote. Directives are comments at the
/// top.
fn escapes_with_backquote(text: &str) -> bool {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    directives.into_iter().any(|(name, value)| name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`")
}

/// Returns the words that end the here-documents of an instruction: `<<EOF`, `<<-"EOF"`.
fn here_documents(arguments: &str) -> Vec<String> {
    let words = arguments.split("<<").skip(1).filter(|word| !word.starts_with('<'));
    let names = words.map(|word| {
        let word = word.trim_start_matches('-').trim_start_matches(['"', '\'']);
        word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// Returns the name of a stage, and the image or stage that it starts from.
fn from(arguments: &str, global: &BTreeMap<String, String>) -> (String, String) {
    let arguments = expanded(arguments, global);
    let words: Vec<_> = arguments.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let image = words.first().copied().unwrap_or_default().to_owned();
    let name = match words.as_slice() {
        [_, by, name, ..] if by.eq_ignore_ascii_case("as") => (*name).to_owned(),
        _ => String::new(),
    };
    (name, image)
}

/// Returns the assignments of `ENV` and `ARG`: `A=1 B="x y"`, `A 1`, `A`.
fn assignments(arguments: &str, variables: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let text = arguments.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        let value = text[first.len()..].trim();
        return vec![(first.to_owned(), expanded(value, variables))];
    }
    let (mut out, mut word, mut quote): (Vec<_>, String, Option<char>) = (Vec::new(), String::new(), None);
    let mut end = |word: &mut String| {
        if let Some((name, value)) = std::mem::take(word).split_once('=') {
            out.push((name.to_owned(), expanded(value, variables)));
        }
    };
    for c in text.chars() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => end(&mut word),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => word.push(c),
        }
    }
    end(&mut word);
    out
}

/// Replaces `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`. An unknown variable is
/// empty, as is a value that is too long.
fn expanded(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if out.len() > LONGEST {
            return String::new();
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (inner, tail) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        let (name, operator) = inner.split_at(inner.find(|c| !is_name(c)).unwrap_or(inner.len()));
        let value = variables.get(name).filter(|value| !value.is_empty());
        out.push_str(match (operator.strip_prefix(":-"), operator.strip_prefix(":+")) {
            (Some(default), _) => value.map_or(default, String::as_str),
            (_, Some(other)) => value.map_or("", |_| other),
            _ => value.map_or("", String::as_str),
        });
        rest = tail;
    }
    let whole = out + rest;
    if whole.len() > LONGEST { String::new() } else { whole }
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
    }

    #[test]
    fn values_and_copies_are_bounded() {
        let doubled = format!("FROM a\nENV A=xx\n{}WORKDIR /w$A\n", "ENV A=$A$A\n".repeat(64));
        assert_eq!(told(&doubled), "- | - | /w");
        let copies = format!("FROM a AS b\n{}FROM b\nCOPY x y\n", "COPY x y\n".repeat(COPIES + 1));
        assert_eq!(last_stage(&copies).unwrap().copies.len(), COPIES);
        let variables = (0..10_000).map(|at| ["ENV V", &at.to_string(), "=1\n"].concat()).collect::<String>();
        let stage = last_stage(&format!("FROM a\n{variables}")).unwrap();
        assert_eq!(stage.variables.len(), VARIABLES);
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
