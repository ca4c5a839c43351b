//! `entry_points.txt` of a wheel.
//!
//! Source: PyPA, "Entry points specification". Each build backend has an order and spacing of its
//! own.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The name and value of an entry point.
type Point = (String, String);

/// Entry points by group, both in the order in which they are given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntryPoints(Vec<(String, Vec<Point>)>);

/// The entry points of `pyproject.toml`, with their place in it.
#[derive(Deserialize)]
struct Document {
    project: Option<Project>,
}

type Group = BTreeMap<String, Spanned<String>>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Project {
    scripts: Group,
    gui_scripts: Group,
    entry_points: BTreeMap<String, Group>,
}

impl EntryPoints {
    /// Adds `name = value`.
    #[must_use]
    pub fn add(&mut self, group: &str, line: &str) -> Option<()> {
        let (name, value) = line.split_once('=')?;
        self.insert(group, name.trim(), value.trim());
        Some(())
    }

    /// Adds an entry point.
    pub fn insert(&mut self, group: &str, name: &str, value: &str) {
        let at = self.0.iter().position(|(known, _)| known == group).unwrap_or_else(|| {
            self.0.push((group.to_owned(), Vec::new()));
            self.0.len() - 1
        });
        let points = &mut self.0[at].1;
        points.retain(|(known, _)| known != name);
        points.push((name.to_owned(), value.to_owned()));
    }

    /// Adds the entry points of a text in the format of `entry_points.txt`.
    #[must_use]
    pub fn parse(&mut self, text: &str) -> Option<()> {
        let mut group = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => group = Some(name.trim().to_owned()),
                None => self.add(group.as_deref()?, line)?,
            }
        }
        Some(())
    }

    /// Adds the entry points of `[project]` in the text of `pyproject.toml`.
    pub fn declared(&mut self, pyproject: &str) {
        let Some(project) = toml::from_str::<Document>(pyproject).ok().and_then(|document| document.project) else {
            return;
        };
        let mut add = |group: &str, points: Group| {
            let mut points: Vec<_> = points.into_iter().collect();
            points.sort_by_key(|(_, value)| value.span().start);
            for (name, value) in points {
                self.insert(group, &name, value.get_ref());
            }
        };
        add("console_scripts", project.scripts);
        add("gui_scripts", project.gui_scripts);
        let mut groups: Vec<_> = project.entry_points.into_iter().collect();
        groups.sort_by_key(|(_, points)| points.values().map(|value| value.span().start).min());
        for (group, points) in groups {
            add(&group, points);
        }
    }

    /// Returns each group as a text; `sorted` sorts groups and names.
    fn groups(&self, sorted: bool, equals: &str) -> Option<Vec<String>> {
        let mut groups: Vec<_> = self.0.iter().filter(|(_, points)| !points.is_empty()).cloned().collect();
        if sorted {
            groups.sort_unstable();
            for (_, points) in &mut groups {
                points.sort_unstable();
            }
        }
        let one = |(name, points): &(String, Vec<Point>)| {
            let lines = lines(points, equals);
            format!("[{name}]\n{lines}")
        };
        (!groups.is_empty()).then(|| groups.iter().map(one).collect())
    }

    /// Returns the file as setuptools writes it, sorted. Returns none without entry points.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(self.groups(true, " = ")?.join("\n"))
    }

    /// Returns the file as flit writes it: sorted, without spaces, an empty line after each group.
    #[must_use]
    pub fn flit_text(&self) -> Option<String> {
        Some(self.groups(true, "=")?.join("\n") + "\n")
    }

    /// Returns the file as pdm-backend writes it: sorted, an empty line after each group, and both
    /// groups of scripts even if they are empty.
    #[must_use]
    pub fn pdm_text(&self) -> String {
        let mut all: BTreeMap<&str, Vec<Point>> =
            BTreeMap::from([("console_scripts", Vec::new()), ("gui_scripts", Vec::new())]);
        all.extend(self.0.iter().map(|(group, points)| (group.as_str(), points.clone())));
        let one = |(name, mut points): (&str, Vec<Point>)| {
            points.sort_unstable();
            let lines = lines(&points, " = ");
            format!("[{name}]\n{lines}\n")
        };
        all.into_iter().map(one).collect()
    }

    /// Returns the file as hatchling writes it: in the order of `pyproject.toml`.
    #[must_use]
    pub fn ordered_text(&self) -> Option<String> {
        Some(self.groups(false, " = ")?.join("\n"))
    }

    /// Returns the file as poetry-core writes it: sorted, without any spaces.
    #[must_use]
    pub fn poetry_text(&self) -> Option<String> {
        let mut out = self.clone();
        out.0.iter_mut().flat_map(|(_, points)| points).for_each(|(_, value)| value.retain(|c| c != ' '));
        out.flit_text()
    }
}

/// Returns the lines of a group.
fn lines(points: &[Point], equals: &str) -> String {
    points.iter().map(|(name, value)| [name, equals, value, "\n"].concat()).collect()
}
