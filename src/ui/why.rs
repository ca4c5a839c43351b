//! The reason for a file in an image as text: a chain from the file to its origin. Pure.
//!
//! Platforms with the same chains are shown once, with the first one's names: chains are compared
//! without their architecture.

use super::arch_neutral::neutral;
use super::text::{asker, broken, heading};
use crate::assemble::report::{Chain, MissingLibrary, PlatformWhy, StaysBehind, Step, Why};

/// Returns the chains of all profiles, at most `width` wide unless a name is longer. `name` is the
/// file that the user asks for. Ends with a newline.
///
/// ```text
/// libz.so.1 ← numpy/_core.so (numpy 2.3.1) ← dependencies
/// ```
#[must_use]
pub fn why_text(all: &[Why], name: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for why in all {
        if all.len() > 1 {
            lines.push(heading(why.profile.as_deref()));
        }
        lines.extend(profile(why, name, width));
    }
    lines.join("\n") + "\n"
}

fn profile(why: &Why, name: &str, width: usize) -> Vec<String> {
    let told: Vec<_> = why.platforms.iter().map(|platform| (platform, parts(platform, name))).collect();
    let key = |(platform, lines): &(&PlatformWhy, Vec<Vec<String>>)| {
        let texts = lines.iter().flatten();
        texts.map(|text| neutral(text, &platform.platform)).collect::<Vec<_>>()
    };
    let same = told.windows(2).all(|pair| key(&pair[0]) == key(&pair[1]));
    let mut out = Vec::new();
    out.extend(why.left_out.iter().map(|one| sentence("", &left_out(one), width)));
    let is_nowhere = told.iter().all(|(_, lines)| lines.is_empty());
    if is_nowhere && !why.left_out.is_empty() {
        return out;
    }
    for (platform, lines) in told.iter().take(if same { 1 } else { told.len() }) {
        // A path of another architecture is not expected here.
        let foreign = lines.is_empty() && told.iter().any(|(other, _)| neutral(name, &other.platform) != name);
        if foreign {
            continue;
        }
        let head = if same { String::new() } else { format!("{}:", platform.platform) };
        if lines.is_empty() {
            out.push(sentence(&head, &format!("{name} is not in the image"), width));
        }
        out.extend(lines.iter().map(|parts| chain(&head, parts, width)));
    }
    out
}

/// Returns the line for a local file that a rule leaves out, with the way to bring it in.
fn left_out(StaysBehind { path, rule, include }: &StaysBehind) -> String {
    let way = |glob: &String| format!("; to bring it in: include = [{}] under [app]", toml::Value::from(glob.as_str()));
    let way = include.as_ref().map_or_else(String::new, way);
    format!("{path} stays behind: the rule `{rule}` leaves it out{way}")
}

/// Returns the lines for a platform, each in the parts between which it may be broken.
fn parts(why: &PlatformWhy, name: &str) -> Vec<Vec<String>> {
    let mut lines: Vec<_> = why.files.iter().map(|chain| steps(chain, |step| &step.name)).collect();
    // Paths are shown if names are ambiguous.
    for at in 0..lines.len() {
        if lines.iter().filter(|other| **other == lines[at]).count() > 1 {
            for (line, chain) in lines.iter_mut().zip(&why.files) {
                *line = steps(chain, |step| &step.path);
            }
        }
    }
    if !why.missing.is_empty() {
        lines.push(vec![absent(&why.missing, name)]);
    }
    lines
}

/// Returns a chain's links, names with their owners, and its end.
fn steps(chain: &Chain, first: impl Fn(&Step) -> &String) -> Vec<String> {
    let mut out = Vec::new();
    for (at, step) in chain.steps.iter().enumerate() {
        let name = if at == 0 { first(step) } else { &step.name };
        let owner = step.owner.as_ref().map_or_else(String::new, |owner| format!(" ({owner})"));
        out.push(format!("{name}{owner}"));
    }
    out.push(chain.end.clone());
    out
}

/// Returns the line for a file that is missing in the image because no image has it.
fn absent(missing: &[MissingLibrary], name: &str) -> String {
    let mut askers: Vec<_> = missing.iter().map(|missing| asker(&missing.needed_by)).collect();
    askers.dedup();
    let verb = if askers.len() == 1 { "needs" } else { "need" };
    let soname = missing.first().map_or(name, |missing| missing.soname.as_str());
    format!("{soname} is not in the image: {} {verb} it, and no image has it", askers.join(", "))
}

fn chain(head: &str, parts: &[String], width: usize) -> String {
    match parts {
        [one] => sentence(head, one, width),
        [first, others @ ..] => {
            let head = if head.is_empty() { first.clone() } else { format!("{head} {first}") };
            broken(&head, others.iter().map(|part| format!("← {part}")), "", width)
        }
        [] => String::new(),
    }
}

fn sentence(head: &str, text: &str, width: usize) -> String {
    let text = if head.is_empty() { text.to_owned() } else { format!("{head} {text}") };
    let mut words = text.split(' ').map(str::to_owned);
    broken(&words.next().unwrap_or_default(), words, "", width)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::oci::Platform;

    fn step(path: &str, name: &str, owner: Option<&str>) -> Step {
        Step { path: path.to_owned(), name: name.to_owned(), owner: owner.map(str::to_owned) }
    }

    /// numpy's need of zlib, on two platforms.
    pub fn why() -> Why {
        let platform = |architecture: &str, machine: &str| {
            let module = format!("numpy/_core/_multiarray_umath.cpython-313-{machine}-linux-gnu.so");
            let site = "/usr/local/lib/python3.13/site-packages";
            PlatformWhy {
                platform: Platform::new("linux", architecture),
                files: vec![Chain {
                    steps: vec![
                        step(&format!("/usr/lib/{machine}-linux-gnu/libz.so.1"), "libz.so.1", None),
                        step(&format!("{site}/{module}"), &module, Some("numpy 2.3.1")),
                    ],
                    end: "dependencies".to_owned(),
                }],
                missing: Vec::new(),
            }
        };
        Why {
            profile: None,
            left_out: Vec::new(),
            platforms: vec![platform("amd64", "x86_64"), platform("arm64", "aarch64")],
        }
    }

    #[test]
    fn platforms_that_tell_the_same_are_told_once() {
        let all = [why()];
        let module = "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so (numpy 2.3.1)";
        assert_eq!(why_text(&all, "libz.so.1", 120), format!("libz.so.1 ← {module} ← dependencies\n"));
        assert_eq!(why_text(&all, "libz.so.1", 80), format!("libz.so.1\n  ← {module}\n  ← dependencies\n"));
    }

    #[test]
    fn platforms_that_differ_have_a_line_each() {
        let mut why = why();
        why.platforms[0].files[0].steps.pop();
        why.platforms[0].files[0].end = "base".to_owned();
        insta::assert_snapshot!(why_text(&[why.clone()], "libz.so.1", 120), @"
        linux/amd64: libz.so.1 ← base
        linux/arm64: libz.so.1 ← numpy/_core/_multiarray_umath.cpython-313-aarch64-linux-gnu.so (numpy 2.3.1) ← dependencies
        ");
        why.platforms[1].files.clear();
        insta::assert_snapshot!(why_text(&[why.clone()], "libz.so.1", 120), @"
        linux/amd64: libz.so.1 ← base
        linux/arm64: libz.so.1 is not in the image
        ");
        let path = "/usr/lib/x86_64-linux-gnu/libz.so.1";
        assert_eq!(why_text(&[why], path, 120), "linux/amd64: libz.so.1 ← base\n");
    }

    #[test]
    fn what_nobody_has_is_told_too() {
        let needed_by = "/usr/lib/python3.13/lib-dynload/_tkinter.cpython-313-x86_64-linux-gnu.so".to_owned();
        let missing = vec![MissingLibrary { soname: "libtk8.6.so".to_owned(), needed_by }];
        let platforms = why().platforms.into_iter();
        let platforms = platforms.map(|one| PlatformWhy { files: Vec::new(), missing: missing.clone(), ..one });
        let why = Why { profile: None, left_out: Vec::new(), platforms: platforms.collect() };
        let want = "libtk8.6.so is not in the image: _tkinter needs it, and no image has it\n";
        assert_eq!(why_text(&[why], "libtk8.6.so", 80), want);
    }

    #[test]
    fn a_local_file_that_stays_behind_is_told_with_its_rule() {
        let one = |path: &str, rule: &str, include: Option<&str>| StaysBehind {
            path: path.to_owned(),
            rule: rule.to_owned(),
            include: include.map(str::to_owned),
        };
        let mut why = why();
        why.left_out =
            vec![one("shop/.env", ".env*", Some("shop/.env")), one("out/", "carboy's cache and target", None)];
        let chains = why.clone();
        for platform in &mut why.platforms {
            platform.files.clear();
        }
        let told = "shop/.env stays behind: the rule `.env*` leaves it out; to bring it in: include = [\"shop/.env\"] under [app]\n\
                    out/ stays behind: the rule `carboy's cache and target` leaves it out\n";
        assert_eq!(why_text(&[why], ".env", 200), told);
        let text = why_text(&[chains], "libz.so.1", 200);
        assert!(text.starts_with(told) && text.contains("libz.so.1 ← numpy/"), "{text}");
    }

    #[test]
    fn files_of_one_name_are_told_by_their_paths() {
        let chain = |path: &str| Chain { steps: vec![step(path, "a.so", None)], end: "base".to_owned() };
        let mut why = why();
        why.platforms.truncate(1);
        why.platforms[0].files = vec![chain("/x/a.so"), chain("/y/\na.so")];
        assert_eq!(why_text(&[why], "a.so", 80), "/x/a.so ← base\n/y/\\na.so ← base\n");
    }
}
