//! Markers against `packaging.markers`, over a table and at random.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use carboy::python::marker::{ActiveExtras, Marker, Undecided};
use serde_json::{Value, json};

use super::environment;
use crate::random::Random;
use crate::test_cache::test_cache;

const VARIABLES: [&str; 13] = [
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
    "extra",
    "python_implementation",
];
const OPERATORS: [&str; 10] = ["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"];
const TEXTS: [&str; 32] = [
    "",
    "posix",
    "linux",
    "linux2",
    "Linux",
    "x86_64",
    "aarch64",
    "CPython",
    "cpython",
    "PyPy",
    "win32",
    "3",
    "3.8",
    "3.11",
    "3.13",
    "3.9",
    "3.11.9",
    "3.13.5",
    "3.13.0",
    "3.*",
    "3.11.*",
    "3.13.5.*",
    "3.11.9.0",
    "4",
    "2.7",
    "3.13.5rc1",
    "3.14.0a1",
    "3.11.9.post1",
    "3.10 3.11 3.12",
    "socks",
    "So_cks",
    "a,socks",
];

/// What Python says of each marker: whether it holds, or that it is none.
fn packaging(cases: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/fixtures/markers.py");
    let mut child = Command::new("python3")
        .args(["-I", "-B"])
        .arg(script)
        .arg(test_cache("site/flask/3.11-amd64"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|cause| panic!("python3: {cause}: run scripts/setup"));
    let mut stdin = child.stdin.take().unwrap();
    let input = json!(cases).to_string();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap()
}

/// Compares one marker in an environment; `null` where `packaging` gives up on it.
struct Case {
    marker: String,
    version: &'static str,
    machine: &'static str,
    release: &'static str,
    extra: Option<&'static str>,
}

impl Case {
    fn told(&self) -> Value {
        let Self { marker, version, machine, release, extra } = self;
        let (minor, _) = version.rsplit_once('.').unwrap();
        json!({"marker": marker, "extra": extra.unwrap_or(""), "environment": {
            "os_name": "posix", "sys_platform": "linux", "platform_machine": machine,
            "platform_python_implementation": "CPython", "platform_release": release, "platform_system": "Linux",
            "platform_version": release, "python_version": minor, "python_full_version": version,
            "implementation_name": "cpython", "implementation_version": version}})
    }

    /// `None` for what is no marker.
    fn ours(&self) -> Option<Result<bool, Undecided>> {
        let extras = self.extra.into_iter().map(str::to_owned).collect();
        let chosen = ActiveExtras { extras, ..ActiveExtras::default() };
        let marker = Marker::parse(&self.marker).ok()?;
        Some(marker.holds(&environment(self.version, self.machine), &chosen))
    }
}

fn compare(cases: &[Case]) {
    let asked: Vec<_> = cases.iter().map(Case::told).collect();
    let (mut held, mut failed, mut undecided) = (0, 0, 0);
    for (case, theirs) in cases.iter().zip(packaging(&asked)) {
        let ours = case.ours();
        match theirs {
            Value::Bool(theirs) => match ours {
                // A decided marker has one value, whatever the kernel.
                Some(Ok(ours)) => {
                    assert_eq!(ours, theirs, "{} {} {:?} {}", case.marker, case.version, case.extra, case.release);
                    held += usize::from(theirs);
                    failed += usize::from(!theirs);
                }
                Some(Err(_)) => {
                    assert!(case.marker.contains("platform_"), "{}", case.marker);
                    undecided += 1;
                }
                // They do not ask all of a marker.
                None => assert!(case.marker.contains("~=") || case.marker.contains("==="), "{}", case.marker),
            },
            // No marker for them is none for us; what they give up on is some answer.
            Value::Null => assert_eq!(ours, None, "{}", case.marker),
            _ => {}
        }
    }
    let enough = held.min(failed) * 10 > cases.len() && undecided * 100 > cases.len();
    assert!(enough, "{held} hold, {failed} do not, {undecided} may");
}

#[test]
fn every_variable_operator_and_text() {
    let mut cases = Vec::new();
    for (version, machine, release, extra) in [
        ("3.11.9", "x86_64", "", None),
        ("3.13.5", "aarch64", "6.1.0-18-amd64", Some("socks")),
        ("3.14.0rc2", "x86_64", "6.18", None),
    ] {
        for variable in VARIABLES {
            for operator in OPERATORS {
                for text in TEXTS {
                    for marker in
                        [format!("{variable} {operator} '{text}'"), format!("\"{text}\" {operator} {variable}")]
                    {
                        cases.push(Case { marker, version, machine, release, extra });
                    }
                }
            }
        }
    }
    compare(&cases);
}

fn random_marker(random: &mut Random, depth: usize) -> String {
    let count = 1 + random.index(3);
    let mut out = String::new();
    for at in 0..count {
        if at > 0 {
            out.push_str(random.pick::<&str>(&[" and ", " or ", "  or\t", " and("]));
        }
        let open = out.ends_with('(');
        if depth > 0 && random.below(3) == 0 {
            out.extend(["(", &random_marker(random, depth - 1), ")"]);
        } else {
            let (variable, operator, text) = (random.pick(&VARIABLES), random.pick(&OPERATORS), random.pick(&TEXTS));
            let comparison = match random.below(8) {
                0 => format!("'{text}' {operator} {variable}"),
                1 => format!("( {variable} {operator} \"{text}\" )"),
                2 if !operator.contains('n') => format!("{variable}{operator}'{text}'"),
                _ => format!("{variable} {operator} '{text}'"),
            };
            out.push_str(&comparison);
        }
        if open {
            out.push(')');
        }
    }
    // Now and then something that is no marker.
    if random.below(40) == 0 {
        let at = random.index(out.len());
        out.remove(at);
    }
    out
}

#[test]
fn random_markers() {
    compare_random(8000);
}

#[test]
#[ignore = "long"]
fn many_random_markers() {
    compare_random(200_000);
}

fn compare_random(count: usize) {
    let mut random = Random::new(751);
    let cases: Vec<_> = (0..count)
        .map(|_| Case {
            marker: random_marker(&mut random, 3),
            version: random.pick::<&str>(&["3.11.9", "3.13.5", "3.8.0"]),
            machine: random.pick::<&str>(&["x86_64", "aarch64"]),
            release: random.pick::<&str>(&["", "3.13.5", "5.15.0-91-generic"]),
            extra: *random.pick(&[None, Some("socks")]),
        })
        .collect();
    compare(&cases);
}
