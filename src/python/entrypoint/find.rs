//! Asks for what a project starts, in order.

use super::step::Step;
use super::{EntrypointCandidates, Found, Query, Start, Unused, dockerfile, procfile, programs, web};
use crate::python::project::ProjectMetadata;

/// Finds what a project starts.
#[must_use]
pub fn find(query: &Query<'_>) -> Found {
    let mut search = Search::default();
    let start = search.project(query);
    Found { start: start.ok_or(EntrypointCandidates(search.candidates)), unused: search.unused }
}

/// Finds what the wheel of a project starts: `scripts` are its console scripts, and the query's
/// files are its modules.
#[must_use]
pub fn of_wheel(query: &Query<'_>, name: &str, scripts: &[String]) -> Found {
    let mut project = ProjectMetadata::default();
    project.name = Some(name.to_owned());
    project.scripts.extend(scripts.iter().map(|name| (name.clone(), String::new())));
    "entry_points.txt".clone_into(&mut project.scripts_table);
    let query = &Query { project: Some(&project), ..*query };
    let mut search = Search::default();
    let start = search.wheel(query);
    Found { start: start.ok_or(EntrypointCandidates(search.candidates)), unused: search.unused }
}

#[derive(Default)]
struct Search {
    candidates: Vec<Start>,
    unused: Vec<Unused>,
}

impl Search {
    fn project(&mut self, query: &Query<'_>) -> Option<Start> {
        self.dockerfile(query)
            .or_else(|| self.only(programs::scripts(query)))
            .or_else(|| self.only(web::fastapi(query)))
            .or_else(|| self.procfile(query))
            .or_else(|| self.only(web::django(query)))
            .or_else(|| self.only(web::flask(query)))
            .or_else(|| self.only(programs::packages(query)))
            .or_else(|| self.only(programs::files(query)))
    }

    fn wheel(&mut self, query: &Query<'_>) -> Option<Start> {
        self.dockerfile(query)
            .or_else(|| self.only(programs::scripts(query)))
            .or_else(|| self.procfile(query))
            .or_else(|| self.only(programs::packages(query)))
    }

    fn only(&mut self, step: Step) -> Option<Start> {
        match step {
            Step::Found(start) => Some(*start),
            Step::Candidates(more) => {
                self.candidates.extend(more);
                None
            }
        }
    }

    fn dockerfile(&mut self, query: &Query<'_>) -> Option<Start> {
        let (file, text) = query.dockerfile?;
        let start = dockerfile::start(query, text);
        if start.is_err() {
            self.propose(dockerfile::of_shell(query, text), file);
        }
        self.usable(file, start)
    }

    fn procfile(&mut self, query: &Query<'_>) -> Option<Start> {
        let start = procfile::start(query.procfile?, query.port());
        if start.is_err() {
            self.propose(procfile::of_shell(query.procfile?), "Procfile");
        }
        self.usable("Procfile", start)
    }

    /// Keeps commands that a shell starts as candidates.
    fn propose(&mut self, commands: Vec<Vec<String>>, file: &str) {
        self.candidates.extend(commands.into_iter().map(|words| Start::program(words.clone(), words, file)));
    }

    fn usable(&mut self, file: &str, found: Result<Option<Start>, String>) -> Option<Start> {
        match found {
            Ok(start) => start.map(|start| Start { origin: file.to_owned(), ..start }),
            Err(reason) => {
                self.unused.push(Unused { file: file.to_owned(), reason });
                None
            }
        }
    }
}
