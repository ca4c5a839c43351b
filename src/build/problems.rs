//! What is wrong with an image in the making. Collected, so that everything is told
//! at once instead of one thing a build.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::BuildError;
use crate::debian::os_release::OsRelease;
use crate::hint::{Hint as _, shell_word};
use crate::oci::Platform;
use crate::ports::NoWheel;
use crate::printable::one_line;
use crate::python::tags::Target;

/// How many distributions that cannot be had are named.
const WHEELS: usize = 8;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    #[error("base and builder are of different releases: {base_name} is {base}, {builder_name} is {builder}")]
    Mixed { base_name: String, base: OsRelease, builder_name: String, builder: OsRelease },
    #[error("a shared library is nowhere to be found: `{soname}`, needed by {needed_by}")]
    Missing { soname: String, needed_by: String },
    #[error("a shared library is not where the loader looks: `{soname}`, which is `{path}`, needed by {needed_by}")]
    Elsewhere { soname: String, path: String, needed_by: String },
    #[error("a shared library is nowhere to be found: `{soname}`, needed by `runtime.dlopen`")]
    MissingByName { soname: String },
    #[error("{script} starts with `#!{line}`, and neither the image nor {donor} has `{program}`")]
    Interpreter { script: String, line: String, program: String, donor: String },
    #[error("no wheel of {distribution} for {}: {}", without_machine(target), cause.message)]
    NoWheel { distribution: String, target: Target, cause: NoWheel },
    /// Found by a check that words it itself.
    #[error("{text}")]
    Other { text: String, hint: Option<String> },
}

impl Problem {
    /// An error that lets the rest be looked at, without the platform's name.
    pub(super) fn of(cause: &BuildError) -> Self {
        if let BuildError::NoWheel { distribution, target, cause } = cause {
            return Self::NoWheel { distribution: distribution.clone(), target: target.clone(), cause: cause.clone() };
        }
        let text = match cause {
            BuildError::Entrypoint { cause, .. } => cause.to_string(),
            BuildError::Recipe { cause, .. } => cause.to_string(),
            BuildError::Conflict { distribution, cause, .. } => format!("{distribution}: {cause}"),
            BuildError::Loop { cause, .. } => cause.to_string(),
            BuildError::Select { what, image, cause, .. } => format!("{what}: {image}: {cause}"),
            BuildError::Python { image, cause, .. } => format!("{image}: {cause}"),
            other => other.to_string(),
        };
        Self::Other { text, hint: cause.hint() }
    }
}

/// The first names of a list, and how many more there are.
pub(super) fn some_of(names: &[String], most: usize) -> String {
    // Who would be the only one left out is named.
    let most = if names.len() == most + 1 { names.len() } else { names.len().min(most) };
    let (shown, rest) = names.split_at(most);
    match (shown, rest.len()) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (shown, 0) => shown.concat(),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Everything that is wrong with the images of a build.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wrong {
    /// What is wrong on which platforms, in the order of discovery.
    found: Vec<(Problem, Vec<Platform>)>,
    /// Where each is in `found`, by what it says.
    known: HashMap<String, usize>,
    /// How many platforms are built.
    platforms: usize,
}

impl Wrong {
    /// What was found on one platform, of one.
    #[must_use]
    pub fn on(platform: &Platform, problems: Vec<Problem>) -> Self {
        let mut wrong = Self { platforms: 1, ..Self::default() };
        for problem in problems {
            wrong.add(problem, platform);
        }
        wrong
    }

    /// What was found on another platform too.
    pub fn merge(&mut self, other: Self) {
        self.platforms += other.platforms;
        for (problem, platforms) in other.found {
            for platform in &platforms {
                self.add(problem.clone(), platform);
            }
        }
    }

    /// Counts platforms on which nothing was found, too.
    pub fn of(&mut self, platforms: usize) {
        self.platforms = platforms;
    }

    fn add(&mut self, problem: Problem, platform: &Platform) {
        let at = *self.known.entry(problem.to_string()).or_insert(self.found.len());
        match self.found.get_mut(at) {
            Some((_, platforms)) if platforms.contains(platform) => {}
            Some((_, platforms)) => platforms.push(platform.clone()),
            None => self.found.push((problem, vec![platform.clone()])),
        }
    }

    /// A line for each, led by the platforms unless it is all of several; before several,
    /// how many there are.
    pub(super) fn told(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.lines().into_iter().map(|(text, platforms)| self.line(&text, platforms)).collect();
        if lines.len() > 1 {
            lines.insert(0, format!("{} things are wrong:", lines.len()));
        }
        lines
    }

    /// The same as one text.
    pub(super) fn text(&self) -> String {
        self.told().join("\n  ")
    }

    fn line(&self, text: &str, platforms: &[Platform]) -> String {
        let text = one_line(text);
        if platforms.len() > 1 && platforms.len() == self.platforms {
            return text;
        }
        let names: Vec<_> = platforms.iter().map(ToString::to_string).collect();
        format!("{}: {text}", names.join(", "))
    }

    /// What is wrong on which platforms. Wheels that cannot be had for one cause are one
    /// line.
    fn lines(&self) -> Vec<(String, &[Platform])> {
        type Cause<'a> = (String, &'a str, &'a [Platform]);
        let mut out: Vec<(String, &[Platform])> = Vec::new();
        let mut wheels: HashMap<Cause<'_>, (usize, Vec<String>)> = HashMap::new();
        for (problem, platforms) in &self.found {
            if let Problem::NoWheel { distribution, target, cause } = problem {
                let key = (without_machine(target), cause.message.as_str(), platforms.as_slice());
                let (_, names) = wheels.entry(key).or_insert_with(|| (out.len(), Vec::new()));
                names.push(distribution.clone());
                if names.len() > 1 {
                    continue;
                }
            }
            out.push((problem.to_string(), platforms));
        }
        for ((target, why, _), (at, names)) in wheels {
            out[at].0 = format!("no wheel of {} for {target}: {why}", some_of(&names, WHEELS));
        }
        out
    }

    /// What to do about each kind.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        let mut missing = BTreeSet::new();
        for (problem, _) in &self.found {
            let hint = match problem {
                Problem::Mixed { .. } => Some(
                    "leave one of `base` and `builder` out so that they match, or set allow-mixed = true under [runtime]"
                        .to_owned(),
                ),
                Problem::Missing { soname, .. } => {
                    missing.insert(format!("\"{soname}\""));
                    None
                }
                Problem::Elsewhere { .. } => Some(
                    "put it in /usr/local/lib, or name its folder in LD_LIBRARY_PATH: env under [image]".to_owned(),
                ),
                Problem::MissingByName { .. } => {
                    Some("use a builder that has it, or leave it out of `dlopen`".to_owned())
                }
                Problem::Interpreter { .. } => {
                    Some("name an image that has it, or leave the script out of `paths`".to_owned())
                }
                Problem::NoWheel { cause, .. } => cause.hint.clone(),
                Problem::Other { hint, .. } => hint.clone(),
            };
            hints.extend(hint.filter(|hint| !hints.contains(hint)));
        }
        if !missing.is_empty() {
            let names: Vec<_> = missing.into_iter().collect();
            hints.push(format!(
                "use a builder that has it; if it is not needed: allow-missing = [{}] under [runtime]",
                names.join(", ")
            ));
        }
        hints.extend(self.wheels_to_build());
        hints
    }
}

impl Wrong {
    /// The commands that make the wheels which cannot be had, for each set of platforms.
    fn wheels_to_build(&self) -> Vec<String> {
        let mut wanted: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
        for (problem, platforms) in &self.found {
            if let Problem::NoWheel { target, cause: NoWheel { build: Some(build), .. }, .. } = problem {
                let of = wanted.entry((target.python.to_string(), build)).or_default();
                of.extend(platforms.iter().map(ToString::to_string));
            }
        }
        let mut commands: BTreeMap<(Vec<String>, String), Vec<String>> = BTreeMap::new();
        for ((python, build), platforms) in wanted {
            let platforms = platforms.into_iter().collect();
            commands.entry((platforms, python)).or_default().push(shell_word(&one_line(build)));
        }
        let command = |((platforms, python), builds): ((Vec<String>, String), Vec<String>)| {
            let them = if builds.len() == 1 { "one" } else { "them" };
            let more = if builds.len() > WHEELS { " …" } else { "" };
            let builds: Vec<_> = builds.into_iter().take(WHEELS).collect();
            format!(
                "build {them} on {} with Python {python}, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels {}{more}",
                platforms.join(" and on "),
                builds.join(" ")
            )
        };
        commands.into_iter().map(command).collect()
    }
}

/// `Python 3.13, glibc 2.41`: the platforms say which machine it is.
fn without_machine(target: &Target) -> String {
    Target { machine: "", ..target.clone() }.to_string().trim_end_matches([',', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::ports::PortErrorKind;
    use crate::python::Cpython;

    fn missing(soname: &str) -> Problem {
        Problem::Missing { soname: soname.to_owned(), needed_by: "/a\nb".to_owned() }
    }

    #[test]
    fn names_are_listed_up_to_a_number() {
        let told = |count: usize| some_of(&["a", "b", "c", "d", "e"].map(str::to_owned)[..count], 2);
        assert_eq!([1, 2, 3, 4, 5].map(told), ["a", "a and b", "a, b and c", "a, b and 2 more", "a, b and 3 more"]);
    }

    #[test]
    fn wheels_that_cannot_be_had_for_one_cause_are_one_line() {
        let target = |machine| Target {
            python: Cpython { major: 3, minor: 13, free_threaded: false, debug: false },
            machine,
            glibc: Some((2, 41)),
        };
        let lacks = |name: &str, why: &str, machine| Problem::NoWheel {
            distribution: format!("{name} 1"),
            target: target(machine),
            cause: NoWheel {
                kind: PortErrorKind::NotFound,
                message: why.to_owned(),
                build: Some(if name == "c" { "https://h/c;x".to_owned() } else { format!("{name}==1") }),
                hint: Some("or else".to_owned()),
            },
        };
        let both = |machine| vec![lacks("a", "offline", machine), lacks("b", "offline", machine)];
        let mut wrong = Wrong::on(&Platform::new("linux", "amd64"), both("x86_64"));
        let own = [both("aarch64"), vec![lacks("c", "for amd64 only", "aarch64")]].concat();
        wrong.merge(Wrong::on(&Platform::new("linux", "arm64"), own));
        let text = "2 things are wrong:\n  no wheel of a 1 and b 1 for Python 3.13, glibc 2.41: offline\n  \
                    linux/arm64: no wheel of c 1 for Python 3.13, glibc 2.41: for amd64 only";
        assert_eq!(wrong.text(), text);
        let hints = [
            "or else",
            "build them on linux/amd64 and on linux/arm64 with Python 3.13, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels a==1 b==1",
            "build one on linux/arm64 with Python 3.13, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels 'https://h/c;x'",
        ];
        assert_eq!(wrong.hints(), hints);
    }

    #[test]
    fn many_things_that_are_wrong_are_merged() {
        let many = |arch: &str| {
            let platform = Platform::new("linux", arch);
            Wrong::on(&platform, (0..40_000).map(|at| missing(&at.to_string())).collect())
        };
        let mut wrong = many("amd64");
        wrong.merge(many("arm64")); // compared one by one, these would take minutes
        assert_eq!(wrong.found.len(), 40_000);
    }

    #[test]
    fn the_same_on_all_platforms_is_said_once() {
        let mut wrong = Wrong::on(&Platform::new("linux", "amd64"), vec![missing("x"), missing("y")]);
        wrong.merge(Wrong::on(&Platform::new("linux", "arm64"), vec![missing("x")]));
        let x = "a shared library is nowhere to be found: `x`, needed by /a\\nb";
        let y = x.replace("`x`", "`y`");
        assert_eq!(wrong.text(), format!("2 things are wrong:\n  {x}\n  linux/amd64: {y}"));
        let hint = "use a builder that has it; if it is not needed: allow-missing = [\"x\", \"y\"] under [runtime]";
        assert_eq!(wrong.hints(), [hint]);
    }
}
