//! The requirements of installed distributions: those that no installed distribution satisfies.
//!
//! Source: PyPA, core metadata (`Requires-Dist`, `Provides-Extra`) and "Dependency specifiers".
//! An extra is active if the project, the lock file or another requirement asks for it, as pip
//! resolves extras. A marker that depends on the kernel counts as false.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;

use super::marker::{ActiveExtras, Environment};
use super::requirement::Requirement;

/// The largest number of active extras of one distribution.
const EXTRAS: usize = 200;

/// An installed distribution, or the project itself, with its requirements.
#[derive(Clone, Debug)]
pub struct Requirer {
    /// The normalised name.
    pub name: String,
    /// Name and version for messages: `requests 2.32.3`.
    pub label: String,
    /// The version; `None` if it is unknown.
    pub version: Option<Version>,
    /// The requirements; empty for a distribution that is not checked.
    pub requires: Vec<Requirement>,
}

/// A requirement on an installed distribution of another version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Conflict {
    /// The distribution with the requirement: `flask 3.1.2`.
    pub by: String,
    /// The requirement without its marker: `werkzeug>=3.1.0`.
    pub requirement: String,
    /// The installed distribution: `werkzeug 2.3.8`.
    pub installed: String,
}

/// The requirements that the installed distributions do not satisfy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unsatisfied {
    /// Names of missing distributions, by the distribution that requires them.
    pub missing: BTreeMap<String, BTreeSet<String>>,
    pub conflicts: BTreeSet<Conflict>,
}

/// Finds the requirements that the distributions `all` do not satisfy. `extras` are the extras that
/// the user asks for, by distribution.
#[must_use]
pub fn unsatisfied(
    all: &[Requirer],
    extras: &BTreeMap<String, BTreeSet<String>>,
    environment: &Environment,
) -> Unsatisfied {
    let mut by_name: BTreeMap<&str, &Requirer> = BTreeMap::new();
    for one in all {
        by_name.entry(&one.name).or_insert(one); // the first is imported
    }
    let mut active: BTreeMap<&str, ActiveExtras> = BTreeMap::new();
    for (name, extras) in extras {
        if let Some((name, _)) = by_name.get_key_value(name.as_str()) {
            active.entry(name).or_default().extras.extend(extras.iter().take(EXTRAS).cloned());
        }
    }
    let mut open: Vec<_> = by_name.keys().copied().collect();
    let mut out = Unsatisfied::default();
    while let Some(name) = open.pop() {
        let Some(by) = by_name.get(name) else { continue };
        let chosen = active.get(name).cloned().unwrap_or_default();
        for requirement in by.requires.iter().filter(|one| applies(one, environment, &chosen)) {
            let Some((target, installed)) = by_name.get_key_value(requirement.name.as_str()) else {
                out.missing.entry(by.label.clone()).or_default().insert(requirement.name.clone());
                continue;
            };
            if installed.version.as_ref().is_some_and(|version| !requirement.allows(version)) {
                out.conflicts.insert(Conflict {
                    by: by.label.clone(),
                    requirement: requirement.range(),
                    installed: installed.label.clone(),
                });
            }
            let known = active.entry(target).or_default();
            let before = known.extras.len();
            let room = EXTRAS.saturating_sub(before);
            let new: Vec<_> = requirement.extras.iter().filter(|extra| !known.extras.contains(*extra)).collect();
            known.extras.extend(new.into_iter().take(room).cloned());
            if known.extras.len() > before {
                open.push(target);
            }
        }
    }
    out
}

/// Returns whether the marker of a requirement is true on every kernel.
fn applies(requirement: &Requirement, environment: &Environment, chosen: &ActiveExtras) -> bool {
    requirement.marker.as_ref().is_none_or(|marker| marker.holds(environment, chosen) == Ok(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirer(label: &str, requires: &[&str]) -> Requirer {
        let (name, version) = label.split_once(' ').unwrap();
        Requirer {
            name: name.to_owned(),
            label: label.to_owned(),
            version: version.parse().ok(),
            requires: requires.iter().map(|text| Requirement::parse(text).unwrap()).collect(),
        }
    }

    fn found(python: &str, extras: &[(&str, &str)], all: &[Requirer]) -> (Vec<String>, Vec<String>) {
        let environment = Environment {
            python_version: python.to_owned(),
            python_full_version: format!("{python}.1"),
            platform_machine: "x86_64",
        };
        let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, extra) in extras {
            asked.entry((*name).to_owned()).or_default().insert((*extra).to_owned());
        }
        let Unsatisfied { missing, conflicts } = unsatisfied(all, &asked, &environment);
        let missing = missing.into_iter().map(|(by, names)| format!("{by}: {}", Vec::from_iter(names).join(" ")));
        let conflicts = conflicts.into_iter().map(|one| format!("{}: {}, {}", one.by, one.requirement, one.installed));
        (missing.collect(), conflicts.collect())
    }

    #[test]
    fn what_is_required_must_be_installed() {
        let requests = [
            "charset_normalizer<4,>=2",
            "idna<4,>=2.5",
            "urllib3<3,>=1.21.1",
            "certifi>=2017.4.17",
            "PySocks!=1.5.7,>=1.5.6; extra == 'socks'",
        ];
        let all = [requirer("requests 2.32.3", &requests), requirer("idna 3.10", &[]), requirer("urllib3 3.0", &[])];
        let (missing, conflicts) = found("3.13", &[], &all);
        assert_eq!(missing, ["requests 2.32.3: certifi charset-normalizer"]);
        assert_eq!(conflicts, ["requests 2.32.3: urllib3>=1.21.1, <3, urllib3 3.0"]);
        let (missing, _) = found("3.13", &[("requests", "socks")], &all);
        assert_eq!(missing, ["requests 2.32.3: certifi charset-normalizer pysocks"]);
    }

    #[test]
    fn markers_are_those_of_the_image() {
        let redis = requirer("redis 5.0.1", &["async-timeout>=4.0.2; python_full_version <= '3.11.2'"]);
        let windows = requirer("click 8.1", &["colorama; platform_system == 'Windows'"]);
        let kernel = requirer("k 1", &["x; platform_release >= '5'"]);
        let all = [redis, windows, kernel];
        assert_eq!(found("3.13", &[], &all).0, [""; 0]);
        assert_eq!(found("3.10", &[], &all).0, ["redis 5.0.1: async-timeout"]);
    }

    #[test]
    fn extras_lead_to_further_extras() {
        let all = [
            requirer("app 1", &["shop[all]"]),
            requirer("shop 1", &["shop[fast]; extra == 'all'", "speed[max]; extra == 'fast'"]),
            requirer("speed 2", &["turbo; extra == 'max'", "none; extra == 'min'"]),
        ];
        assert_eq!(found("3.13", &[], &all).0, ["speed 2: turbo"]);
        assert_eq!(found("3.13", &[], &all[1..]).0, [""; 0]);
        assert_eq!(found("3.13", &[("speed", "min"), ("gone", "x")], &all[1..]).0, ["speed 2: none"]);
    }
}
