//! Describes the checked-out commit of a git repository by its nearest tag, from the repository's
//! files: git is not executed.
//!
//! Source: git's `git-describe.adoc` and `builtin/describe.c`. Configuration outside of the
//! repository is not read.

use std::borrow::Cow;
use std::path::Path;

use gix::bstr::ByteSlice as _;
use gix::revision::plumbing::describe;
use globset::{Glob, GlobMatcher};

use crate::python::project::{DescribeError, Described, TagQuery};

/// The number of candidates of git.
const CANDIDATES: usize = 10;
/// The largest number of tags that are read.
const TAGS: usize = 100_000;
/// The largest number of commits that are counted.
const COMMITS: usize = 2_000_000;
/// The memory for objects that are read more than once, in bytes.
const OBJECT_CACHE: usize = 4 << 20;

/// Describes the checked-out commit of the repository whose work tree is `folder`.
///
/// # Errors
/// There is no commit, or an object cannot be read.
pub(super) fn describe_head(folder: &Path, query: &TagQuery) -> Result<Described, DescribeError> {
    let options = gix::open::Options::isolated().with(gix::sec::Trust::Reduced).strict_config(false);
    let opened = options.open(folder).map_err(|cause| DescribeError::Unreadable(cause.to_string()))?;
    let mut repository: gix::Repository = opened.into();
    repository.object_cache_size_if_unset(OBJECT_CACHE);
    described(&repository, query)
}

fn described(repository: &gix::Repository, query: &TagQuery) -> Result<Described, DescribeError> {
    let unreadable = |cause: &dyn std::fmt::Display| DescribeError::Unreadable(cause.to_string());
    let commit = repository.head_commit().map_err(|_| DescribeError::Unreadable("it has no commit".to_owned()))?;
    let names = Globs::new(query)?;
    let tags = tags(repository, query, &names).map_err(|cause| unreadable(&cause))?;
    let options = describe::Options {
        name_by_oid: tags,
        max_candidates: CANDIDATES,
        fallback_to_oid: false,
        first_parent: query.first_parent,
    };
    let mut graph = repository.revision_graph(None);
    let found = describe(&commit.id, &mut graph, options);
    let found = found.map_err(|cause| unreadable(&cause))?;
    let (tag, distance) = match &found {
        Some(found) => (found.name.as_ref().map(|name| name.to_str_lossy().into_owned()), found.depth as usize),
        None => (None, count(&commit)?),
    };
    let branch = repository.head_name().ok().flatten().map(|name| name.shorten().to_str_lossy().into_owned());
    let seconds = commit.time().map_err(|cause| unreadable(&cause))?.seconds;
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    Ok(Described {
        tag,
        distance,
        commit: commit.id.to_string(),
        abbreviated: commit.id().shorten_or_id().to_string(),
        branch: branch.unwrap_or_else(|| "HEAD".to_owned()),
        date: (time.year(), time.month(), time.day()),
        shallow: repository.is_shallow().unwrap_or(true),
    })
}

/// Counts a commit and all commits before it.
fn count(commit: &gix::Commit<'_>) -> Result<usize, DescribeError> {
    let walk = commit.ancestors().all().map_err(|cause| DescribeError::Unreadable(cause.to_string()))?;
    Ok(walk.take(COMMITS).map_while(Result::ok).count())
}

/// The tags that count.
struct Globs {
    matching: Vec<GlobMatcher>,
    excluded: Vec<GlobMatcher>,
}

impl Globs {
    fn new(query: &TagQuery) -> Result<Self, DescribeError> {
        let each = |globs: &[String]| -> Result<Vec<_>, DescribeError> {
            let glob = |text: &String| {
                let bad = || DescribeError::Unreadable(format!("carboy cannot apply the pattern `{text}`"));
                // Braces have no meaning in git's patterns.
                let text = text.replace('{', "[{]").replace('}', "[}]");
                Some(text).filter(|text| text.len() <= 1 << 10).and_then(|text| Glob::new(&text).ok()).ok_or_else(bad)
            };
            globs.iter().map(|text| Ok(glob(text)?.compile_matcher())).collect()
        };
        Ok(Self { matching: each(&query.matching)?, excluded: each(&query.excluded)? })
    }

    fn has(&self, name: &str) -> bool {
        (self.matching.is_empty() || self.matching.iter().any(|glob| glob.is_match(name)))
            && !self.excluded.iter().any(|glob| glob.is_match(name))
    }
}

/// Returns the name of the tag of each commit. An annotated tag takes precedence over a lightweight
/// one, and the newest of several annotated tags over the others.
fn tags(
    repository: &gix::Repository,
    query: &TagQuery,
    names: &Globs,
) -> Result<gix::hashtable::HashMap<gix::ObjectId, Cow<'static, gix::bstr::BStr>>, String> {
    let references = repository.references().map_err(|cause| cause.to_string())?;
    let mut found = Vec::new();
    for reference in references.tags().map_err(|cause| cause.to_string())?.take(TAGS) {
        let Ok(mut reference) = reference else { continue };
        let name = reference.name().shorten().to_owned();
        if !names.has(&name.to_str_lossy()) {
            continue;
        }
        let target = reference.target().try_id().map(ToOwned::to_owned);
        let Ok(commit) = reference.peel_to_id() else { continue };
        let annotation = target.filter(|target| commit != *target);
        let tagged = annotation.and_then(|target| {
            let tag = repository.find_object(target).ok()?.try_into_tag().ok()?;
            tag.tagger().ok().flatten().map(|tagger| tagger.seconds())
        });
        if annotation.is_some() || query.lightweight {
            found.push((commit.detach(), annotation.is_some(), tagged.unwrap_or(0), name));
        }
    }
    // The last one of a commit remains.
    found.sort_by(|(_, annotated, time, name), (_, other_annotated, other_time, other_name)| {
        annotated.cmp(other_annotated).then(time.cmp(other_time)).then_with(|| other_name.cmp(name))
    });
    Ok(found.into_iter().map(|(commit, _, _, name)| (commit, Cow::from(name))).collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn git(folder: &Path, args: &[&str], input: &str) -> Option<String> {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// A sequence of numbers that look random: a linear congruential generator.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }
    }

    /// A history of commits with branches, merges and tags, for `git fast-import`.
    fn history(numbers: &mut Numbers, commits: u64) -> String {
        let (mut text, mut time) = (String::new(), 1_700_000_000);
        for mark in 1..=commits {
            time += numbers.below(3) * 60;
            let who = format!("x <x@example.com> {time} +0000");
            let _ = writeln!(text, "commit refs/heads/b{mark}\nmark :{mark}\nauthor {who}\ncommitter {who}\ndata 0");
            if mark > 1 {
                let parent = mark - 1 - numbers.below(3.min(mark - 1));
                let _ = writeln!(text, "from :{parent}");
                let other = 1 + numbers.below(mark - 1);
                if numbers.below(4) == 0 && other != parent {
                    let _ = writeln!(text, "merge :{other}");
                }
            }
            for tag in 0..numbers.below(7).saturating_sub(4) {
                let name = ["v", "nightly", "v0.", "x-"][usize::try_from(numbers.below(4)).unwrap()];
                if numbers.below(2) == 0 {
                    let _ = writeln!(text, "tag {name}{mark}.{tag}\nfrom :{mark}\ntagger {who}\ndata 0");
                } else {
                    let _ = writeln!(text, "reset refs/tags/{name}{mark}.{tag}\nfrom :{mark}\n");
                }
            }
        }
        text
    }

    #[test]
    fn commits_are_described_as_git_does_it() {
        let mut numbers = Numbers(7);
        for commits in [1, 8, 40, 200] {
            let folder = tempfile::tempdir().unwrap();
            git(folder.path(), &["init", "-q"], "").unwrap();
            git(folder.path(), &["fast-import", "--quiet"], &history(&mut numbers, commits)).unwrap();
            for _ in 0..8 {
                let branch = format!("b{}", 1 + numbers.below(commits));
                git(folder.path(), &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")], "").unwrap();
                for (options, lightweight, first_parent) in [
                    (&["--tags", "--match=v*[0-9]*", "--exclude=v0*"][..], true, false),
                    (&["--match=v*[0-9]*", "--exclude=v0*"], false, false),
                    (&["--tags", "--first-parent", "--match=v*[0-9]*", "--exclude=v0*"], true, true),
                ] {
                    let args = [&["describe", "--long", "--abbrev=40"][..], options].concat();
                    let want = git(folder.path(), &args, "");
                    let matching = vec!["v*[0-9]*".to_owned()];
                    let query = TagQuery { matching, excluded: vec!["v0*".to_owned()], lightweight, first_parent };
                    let found = describe_head(folder.path(), &query).unwrap();
                    let line = found.tag.as_ref().map(|tag| format!("{tag}-{}-g{}", found.distance, found.commit));
                    assert_eq!(line, want, "{commits} commits, {branch}, {options:?}");
                    if line.is_none() {
                        let count = git(folder.path(), &["rev-list", "--count", "HEAD"], "").unwrap();
                        assert_eq!(found.distance.to_string(), count);
                    }
                    assert_eq!((found.branch, found.shallow), (branch.clone(), false));
                }
            }
        }
    }

    #[test]
    fn broken_repositories_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let query = TagQuery { matching: vec![], excluded: vec![], lightweight: true, first_parent: false };
        fs_err::create_dir(folder.path().join(".git")).unwrap();
        assert!(describe_head(folder.path(), &query).is_err());
        fs_err::remove_dir(folder.path().join(".git")).unwrap();
        git(folder.path(), &["init", "-q"], "").unwrap();
        assert!(describe_head(folder.path(), &query).is_err(), "there is no commit");
        git(folder.path(), &["fast-import", "--quiet"], &history(&mut Numbers(1), 3)).unwrap();
        git(folder.path(), &["symbolic-ref", "HEAD", "refs/heads/b3"], "").unwrap();
        assert!(describe_head(folder.path(), &query).is_ok());
        let commit = git(folder.path(), &["rev-parse", "HEAD"], "").unwrap();
        let object = folder.path().join(".git/objects").join(&commit[..2]).join(&commit[2..]);
        fs_err::remove_file(&object).unwrap();
        fs_err::write(&object, [0xff; 4096]).unwrap();
        assert!(describe_head(folder.path(), &query).is_err(), "the commit is no object");
    }
}
