//! Describes the checked-out commit of a git repository by its nearest tag, from the repository's
//! files: git is not executed.
//!
//! Source: git's `git-describe.adoc` and `builtin/describe.c`. Configuration outside of the
//! repository is not read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use gix::bstr::ByteSlice as _;
use gix::revision::plumbing::describe;
use globset::{Glob, GlobMatcher};
use regex::Regex;

use crate::python::pattern::for_names;
use crate::python::project::{DescribeError, Described, TagQuery};

/// The number of candidates of git.
const CANDIDATES: usize = 10;
/// The largest number of tags that are read.
const TAGS: usize = 100_000;
/// The largest number of commits that are counted.
const COMMITS: usize = 2_000_000;
/// The largest object that is read, in bytes: a commit or a tag.
const LARGEST: usize = 16 << 20;
/// The memory for objects that are read more than once, in bytes.
const OBJECT_CACHE: usize = 4 << 20;

/// Describes the checked-out commit of the repository whose work tree is `folder`.
///
/// # Errors
/// There is no commit, or an object cannot be read.
pub(super) fn describe_head(folder: &Path, query: &TagQuery) -> Result<Described, DescribeError> {
    let options = gix::open::Options::isolated().with(gix::sec::Trust::Reduced).strict_config(false);
    let options = options.config_overrides([format!("gitoxide.objects.allocLimit={LARGEST}")]);
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
    let names: BTreeMap<_, _> =
        tags.iter().filter(|_| query.regex.is_some()).map(|(id, name)| (*id, name.to_string())).collect();
    let options = describe::Options {
        name_by_oid: tags,
        max_candidates: CANDIDATES,
        fallback_to_oid: false,
        first_parent: query.first_parent,
    };
    let mut graph = repository.revision_graph(None);
    let found = describe(&commit.id, &mut graph, options);
    let found = found.map_err(|cause| unreadable(&cause))?;
    if let Some(found) = found.as_ref().filter(|_| query.regex.is_some()) {
        check_newest(repository, &commit, found.name.as_deref(), &names)?;
    }
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
        branch: branch.unwrap_or_else(|| "HEAD".to_owned()),
        date: (time.year(), time.month(), time.day()),
        shallow: repository.is_shallow().unwrap_or(true),
    })
}

/// Checks that all other tags are on commits before the tag's: a tool may choose one of another
/// branch.
fn check_newest(
    repository: &gix::Repository,
    commit: &gix::Commit<'_>,
    name: Option<&gix::bstr::BStr>,
    names: &BTreeMap<gix::ObjectId, String>,
) -> Result<(), DescribeError> {
    let unreadable = |cause: &dyn std::fmt::Display| DescribeError::Unreadable(cause.to_string());
    let chosen = names.iter().find(|(_, known)| name.is_some_and(|name| name == known.as_str()));
    let Some((id, chosen)) = chosen else { return Ok(()) };
    let walk = repository.rev_walk([commit.id]).with_hidden([*id]).all().map_err(|cause| unreadable(&cause))?;
    for between in walk {
        let between = between.map_err(|cause| unreadable(&cause))?.id;
        if let Some(other) = names.get(&between) {
            let message = format!(
                "it comes from the tags of the git repository, of which both `{chosen}` and `{other}` could be meant"
            );
            return Err(DescribeError::Ambiguous(message));
        }
    }
    Ok(())
}

/// Counts a commit and all commits before it.
fn count(commit: &gix::Commit<'_>) -> Result<usize, DescribeError> {
    let walk = commit.ancestors().all().map_err(|cause| DescribeError::Unreadable(cause.to_string()))?;
    let mut counted = 0;
    for commit in walk {
        commit.map_err(|cause| DescribeError::Unreadable(cause.to_string()))?;
        counted += 1;
        if counted > COMMITS {
            return Err(DescribeError::Unreadable(format!("it has more than {COMMITS} commits")));
        }
    }
    Ok(counted)
}

/// The tags that count.
struct Globs {
    matching: Vec<GlobMatcher>,
    excluded: Vec<GlobMatcher>,
    regex: Option<Regex>,
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
        let bad = |text: &String| DescribeError::Unreadable(format!("carboy cannot apply the pattern `{text}`"));
        let regex = |text: &String| for_names(text).ok_or_else(|| bad(text));
        let regex = query.regex.as_ref().map(regex).transpose()?;
        Ok(Self { matching: each(&query.matching)?, excluded: each(&query.excluded)?, regex })
    }

    fn has(&self, name: &str) -> bool {
        (self.matching.is_empty() || self.matching.iter().any(|glob| glob.is_match(name)))
            && !self.excluded.iter().any(|glob| glob.is_match(name))
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(name))
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
    for (at, reference) in references.tags().map_err(|cause| cause.to_string())?.enumerate() {
        if at >= TAGS {
            return Err(format!("it has more than {TAGS} tags"));
        }
        let mut reference = reference.map_err(|cause| cause.to_string())?;
        let name = reference.name().shorten().to_owned();
        if !names.has(&name.to_str_lossy()) {
            continue;
        }
        let target = reference.target().try_id().map(ToOwned::to_owned);
        // As in git, a tag of an absent object does not count.
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
                    let query =
                        TagQuery { matching, excluded: vec!["v0*".to_owned()], lightweight, first_parent, regex: None };
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
        let query = TagQuery { lightweight: true, ..TagQuery::default() };
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

    /// Tags of a regular expression: the newest one counts, and two on branches of their own are
    /// ambiguous.
    #[test]
    fn tags_on_branches_of_their_own_are_ambiguous() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"], "").unwrap();
        let commit = |mark: u8, parents: &str| {
            format!(
                "commit refs/heads/main\nmark :{mark}\ncommitter x <x@example.com> 17000000{mark:02} +0000\ndata 0\n{parents}\n"
            )
        };
        let history = [
            commit(1, ""),
            "reset refs/tags/v1.0\nfrom :1\n\n".to_owned(),
            commit(2, "from :1\n"),
            "reset refs/tags/v1.1\nfrom :2\n\nreset refs/tags/nightly\nfrom :2\n\n".to_owned(),
            commit(3, "from :1\n"),
            commit(4, "from :2\nmerge :3\n"),
        ];
        git(folder.path(), &["fast-import", "--quiet"], &history.concat()).unwrap();
        git(folder.path(), &["symbolic-ref", "HEAD", "refs/heads/main"], "").unwrap();
        let query = TagQuery { regex: Some(r"^v\d".to_owned()), lightweight: true, ..TagQuery::default() };
        let found = describe_head(folder.path(), &query).unwrap();
        assert_eq!((found.tag.as_deref(), found.distance), (Some("v1.1"), 2));
        let third = git(folder.path(), &["rev-parse", "main^2"], "").unwrap();
        git(folder.path(), &["tag", "v1.0.1", &third], "").unwrap();
        assert!(matches!(describe_head(folder.path(), &query), Err(DescribeError::Ambiguous(_))));
    }

    #[test]
    fn a_missing_parent_and_a_broken_list_of_tags_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let query = TagQuery { matching: vec!["none".to_owned()], lightweight: true, ..TagQuery::default() };
        git(folder.path(), &["init", "-q"], "").unwrap();
        let one = |mark: u8| {
            let from = if mark > 1 { format!("from :{}\n", mark - 1) } else { String::new() };
            let who = "x <x@example.com> 1700000000 +0000";
            format!("commit refs/heads/main\nmark :{mark}\ncommitter {who}\ndata 0\n{from}\n")
        };
        git(
            folder.path(),
            &["-c", "fastimport.unpackLimit=100", "fast-import", "--quiet"],
            &(one(1) + &one(2) + &one(3)),
        )
        .unwrap();
        git(folder.path(), &["symbolic-ref", "HEAD", "refs/heads/main"], "").unwrap();
        assert_eq!(describe_head(folder.path(), &query).unwrap().distance, 3);
        fs_err::write(
            folder.path().join(".git/packed-refs"),
            "# pack-refs with: peeled fully-peeled sorted \nnonsense\n",
        )
        .unwrap();
        assert!(describe_head(folder.path(), &query).is_err(), "the list of tags is broken");
        fs_err::remove_file(folder.path().join(".git/packed-refs")).unwrap();
        let first = git(folder.path(), &["rev-parse", "HEAD~2"], "").unwrap();
        fs_err::remove_file(folder.path().join(".git/objects").join(&first[..2]).join(&first[2..])).unwrap();
        assert!(describe_head(folder.path(), &query).is_err(), "a commit is missing");
    }
}
