//! The stages that make the image of a `Dockerfile`: the last one, those that it starts from, and
//! those that it copies from.

use std::collections::BTreeMap;

use super::super::entrypoint::{Piece, Word, dockerfile_instructions, parts, split};

/// The most stages that are followed.
const STAGES: usize = 200;
/// The most commands of a stage.
const COMMANDS: usize = 1_000;

/// A stage that the image is made of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Stage {
    /// The image that it starts from, and images that it copies from.
    pub images: Vec<String>,
    /// The words of its commands.
    pub commands: Vec<Vec<String>>,
    name: String,
    /// The stages or images that it starts from or copies from.
    sources: Vec<String>,
}

/// Returns the stages that the image is made of; the last one is first.
pub(super) fn stages(text: &str) -> Vec<Stage> {
    let mut all: Vec<Stage> = Vec::new();
    let mut values = BTreeMap::new();
    for (instruction, arguments) in dockerfile_instructions(text) {
        if instruction == "FROM" && all.len() < STAGES {
            all.push(from(&arguments, &values));
            continue;
        }
        match (instruction.as_str(), all.last_mut()) {
            ("ARG", None) => values.extend(default(&arguments)),
            ("RUN", Some(stage)) if stage.commands.len() < COMMANDS => {
                stage.commands.extend(parts(&arguments).into_iter().filter_map(words));
            }
            ("COPY" | "ADD", Some(stage)) => stage.sources.extend(copied_from(&arguments, &values)),
            _ => {}
        }
    }
    reached(&all)
}

/// Returns the last stage and the stages below it, each once.
fn reached(all: &[Stage]) -> Vec<Stage> {
    let mut order: Vec<usize> = all.len().checked_sub(1).into_iter().collect();
    let mut images = vec![Vec::new(); all.len()];
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for source in &all[at].sources {
            let earlier = &all[..at];
            let named =
                earlier.iter().rposition(|stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(source));
            match named.or_else(|| source.parse().ok().filter(|number| *number < at)) {
                Some(below) if order.contains(&below) => {}
                Some(below) => order.push(below),
                None => images[at].push(source.clone()),
            }
        }
    }
    order.into_iter().map(|at| Stage { images: std::mem::take(&mut images[at]), ..all[at].clone() }).collect()
}

/// Reads the arguments of `FROM`.
fn from(arguments: &str, values: &BTreeMap<String, String>) -> Stage {
    let words: Vec<_> = arguments.split_whitespace().filter(|word| !word.starts_with("--")).collect();
    let name = match words.as_slice() {
        [_, by, name, ..] if by.eq_ignore_ascii_case("as") => (*name).to_owned(),
        _ => String::new(),
    };
    let sources = words.first().and_then(|image| expanded(image, values)).into_iter().collect();
    Stage { name, sources, ..Stage::default() }
}

/// Returns the stage or image that `COPY --from=` names.
fn copied_from(arguments: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut flags = arguments.split_whitespace().take_while(|word| word.starts_with("--"));
    expanded(flags.find_map(|flag| flag.strip_prefix("--from="))?, values)
}

/// Returns the name and the default of an `ARG`.
fn default(arguments: &str) -> Option<(String, String)> {
    let (name, value) = arguments.split_once('=')?;
    Some((name.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
}

/// Returns a word with the values of its variables; `None` for an unknown variable.
fn expanded(word: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let words = split(word).ok()?;
    let [Word(pieces)] = words.as_slice() else { return None };
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Variable(name, default) => values.get(name).cloned().or_else(|| default.clone()),
    };
    pieces.iter().map(piece).collect()
}

/// Returns the literal words of a command, without flags of `RUN` and variables before it.
fn words(command: &str) -> Option<Vec<String>> {
    let words = split(command).ok()?;
    let mut words: Vec<_> = words.iter().filter_map(Word::text).map(str::to_owned).collect();
    let is_before =
        |word: &String| word.starts_with("--") || word.split_once('=').is_some_and(|(name, _)| is_variable(name));
    let start = words.iter().position(|word| !is_before(word))?;
    Some(words.split_off(start))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let stage = |stage: &Stage| {
            let commands: Vec<_> = stage.commands.iter().map(|words| words.join("_")).collect();
            format!("{} [{}]", stage.images.join("+"), commands.join(" "))
        };
        stages(text).iter().map(stage).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_last_stage_comes_with_those_that_it_is_made_of() {
        for (text, want) in [
            ("FROM a\nRUN x y && z\n", "a [x_y z]"),
            ("ARG V=3.12\nFROM python:${V}-slim\n", "python:3.12-slim []"),
            ("FROM $UNKNOWN\nRUN x\n", " [x]"),
            ("FROM a AS test\nRUN t\nFROM b\nRUN r\n", "b [r]"),
            ("FROM a AS deps\nRUN x\nFROM b AS app\nRUN y\nCOPY --from=deps /v /v\n", "b [y] a [x]"),
            ("FROM a AS base\nRUN x\nFROM base\nRUN y\n", " [y] a [x]"),
            (
                "FROM a\nRUN x\nFROM b\nCOPY --chown=1 --from=0 /v /v\nCOPY --from=img/uv:1 /uv /b\n",
                "b+img/uv:1 [] a [x]",
            ),
            ("FROM a\nRUN --mount=type=cache,target=/c A=1 uv sync \\\n  --extra x\n", "a [uv_sync_--extra_x]"),
            ("FROM a\nRUN pip install '.[x]' $MORE; ls *\n", "a [pip_install_.[x]]"),
            ("RUN x\n", ""),
            ("FROM\nCOPY\nRUN\nARG\n", " []"),
        ] {
            assert_eq!(told(text), want, "{text}");
        }
    }

    #[test]
    fn many_stages_have_an_end() {
        let stage = |at: usize| format!("FROM s{at} AS s{}\nCOPY --from={at} a b\n", at + 1);
        let text = (0..1_000).map(stage).collect::<Vec<_>>().concat();
        assert!(stages(&text).len() <= STAGES);
        assert_eq!(stages("FROM a AS a\nCOPY --from=a x y\nFROM a\n").len(), 2);
    }
}
