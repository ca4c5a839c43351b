//! JSON for programs: one object for each line, keys sorted, sizes in bytes, durations in seconds.
//!
//! `event` is the kind of an object: `started`, `advanced` (bytes done so far, at most four lines a
//! second for each piece of work), `ended`, `retrying`, `mirror` (the mirror that serves a
//! repository), `report`, `warning` and `error`. The last two have a `code`, a `message`, its `causes`, a `hint` and a `subject`: see [`Diagnostic`]. A
//! piece of work is `verb` and `blob`, `verb` and `wheel`, or `verb`, `layer` and `platform`.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::diagnostics::hints;
use super::frontend::Frontend;
use super::json::{git_ignored, ignore_file, left_out, list, missing, size, text, tracked};
use super::line_queue::LineQueue;
use super::tasks::{Tasks, present};
use crate::assemble::report::{LayerReport, OutputReport, PlatformReport, Report, TakenLibrary};
use crate::diagnostic::{Code, Diagnostic};
use crate::oci::Platform;
use crate::progress::{Event, Outcome, Progress, Subject, Verb};

/// The time between two `advanced` lines of one piece of work.
const PAUSE: Duration = Duration::from_millis(250);

/// Writes an object for each event.
pub struct JsonLines {
    lines: LineQueue,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: Tasks,
    /// The times of the last lines about each piece of work.
    told: HashMap<(Verb, Subject), Instant>,
}

impl JsonLines {
    /// Creates a frontend that writes to `out`.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { lines: LineQueue::to(out), state: Mutex::default() }
    }
}

impl Progress for JsonLines {
    fn on(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = state.object(event, Instant::now()) {
            self.lines.line(&text(&object));
        }
    }
}

impl Frontend for JsonLines {
    fn finish(&self) {
        self.lines.flush();
    }

    fn summary(&self, report: &Report) {
        self.lines.line(&text(&report_object(report)));
        self.lines.flush();
    }

    fn errors(&self, errors: &[Diagnostic], _: &[Platform]) {
        for error in errors {
            self.lines.line(&text(&diagnostic_object(error)));
        }
        self.lines.flush();
    }
}

impl State {
    fn object(&mut self, event: Event, now: Instant) -> Option<Value> {
        Some(match event {
            Event::Started { verb, subject, size } => {
                self.tasks.start(verb, &subject, size);
                self.told.insert((verb, subject.clone()), now);
                about("started", verb, &subject, "size", json!(size))
            }
            Event::Advanced { verb, subject, bytes } => {
                let done = self.tasks.advance(verb, &subject, bytes)?.bytes;
                let told = self.told.get_mut(&(verb, subject.clone()))?;
                if now.duration_since(*told) < PAUSE {
                    return None;
                }
                *told = now;
                about("advanced", verb, &subject, "bytes", json!(done))
            }
            Event::Ended { verb, subject, outcome } => {
                if self.tasks.end(verb, &subject).is_some() {
                    self.told.remove(&(verb, subject.clone()));
                }
                about("ended", verb, &subject, "outcome", json!(outcome_name(outcome)))
            }
            Event::Retrying { what, cause, delay } => {
                json!({ "event": "retrying", "code": Code::Retrying, "what": what, "cause": cause, "delay": delay.as_secs_f64() })
            }
            Event::Mirrored { repository, mirror } => {
                json!({ "event": "mirror", "repository": repository, "mirror": mirror })
            }
            Event::Diagnostic(warning) => diagnostic_object(&warning),
        })
    }
}

/// Returns a diagnostic as an object: `code` is stable, `message` is one sentence.
fn diagnostic_object(diagnostic: &Diagnostic) -> Value {
    let hints = hints(std::slice::from_ref(diagnostic));
    let subject = &diagnostic.subject;
    json!({
        "event": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "causes": diagnostic.causes,
        "hint": (!hints.is_empty()).then(|| hints.join("; ")),
        "subject": {
            "platform": subject.platform.as_ref().map(ToString::to_string),
            "image": subject.image,
            "distribution": subject.distribution,
            "file": subject.file,
        },
    })
}

fn about(event: &str, verb: Verb, subject: &Subject, key: &str, value: Value) -> Value {
    let mut object = Map::new();
    object.insert("event".to_owned(), json!(event));
    object.insert("verb".to_owned(), json!(present(verb)));
    object.insert(key.to_owned(), value);
    match subject {
        Subject::Blob(digest) => object.insert("blob".to_owned(), json!(digest)),
        Subject::Layer { kind, platform } => {
            object.insert("layer".to_owned(), json!(kind.name()));
            object.insert("platform".to_owned(), json!(platform.to_string()))
        }
        Subject::Wheel(name) => object.insert("wheel".to_owned(), json!(&**name)),
    };
    Value::Object(object)
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Present => "present",
        Outcome::Mounted => "mounted",
        Outcome::Failed => "failed",
    }
}

fn report_object(report: &Report) -> Value {
    json!({
        "event": "report",
        "profile": report.profile,
        "reference": report.reference,
        "digest": report.digest,
        "pushed": report.pushed,
        "tags": report.tags,
        "outputs": list(&report.outputs, output_object),
        "base": report.base,
        "builder": report.builder,
        "platforms": list(&report.platforms, platform_object),
        "left_out": left_out(&report.left_out),
        "left_out_tracked": list(&report.left_out.tracked, tracked),
        "ignore_files": list(&report.left_out.ignore_files, ignore_file),
        "git_ignored": list(&report.left_out.git_ignored, git_ignored),
        "elapsed": report.elapsed.as_secs_f64(),
    })
}

pub fn output_object(output: &OutputReport) -> Value {
    json!({
        "reference": output.reference,
        "place": output.place,
        "names": output.names,
        "digest": output.digest,
    })
}

fn platform_object(report: &PlatformReport) -> Value {
    let taken = |taken: &TakenLibrary| {
        json!({
            "soname": taken.soname,
            "path": taken.path,
            "needed_by": taken.needed_by,
            "layer": taken.layer.name(),
        })
    };
    let seconds = report.resolved.elapsed.as_secs_f64();
    json!({
        "platform": report.platform.to_string(),
        "digest": report.manifest.digest,
        "python": report.python,
        "command": report.command,
        "command_origin": report.command_origin,
        "command_env": report.command_env,
        "from_sdist": report.from_sdist,
        "base": size(report.base),
        "layers": list(&report.layers, layer_object),
        "taken": list(&report.taken, taken),
        "missing": list(&report.missing, missing),
        "notes": report.notes,
        "resolved": { "objects": report.resolved.objects, "seconds": seconds },
    })
}

pub fn layer_object(report: &LayerReport) -> Value {
    json!({
        "kind": report.kind.name(),
        "distribution": report.distribution,
        "digest": report.digest,
        "size": size(report.size),
        "files": report.files,
        "cached": report.cached,
    })
}

#[cfg(test)]
mod tests {
    use super::super::line_queue::SharedBuffer;
    use super::super::summary::tests::{narrow_report, report};
    use super::*;
    use crate::diagnostic::Detail;
    use crate::oci::Digest;
    use crate::progress::LayerKind;

    fn lines(values: impl IntoIterator<Item = Value>) -> String {
        values.into_iter().map(|value| value.to_string() + "\n").collect()
    }

    #[test]
    fn progress_is_told_four_times_a_second() {
        let start = Instant::now();
        let subject = Subject::Blob(Digest::of(b"carboy"));
        let mut state = State::default();
        let mut objects = Vec::new();
        let mut on = |millis, event| objects.extend(state.object(event, start + Duration::from_millis(millis)));
        on(0, Event::Started { verb: Verb::Pull, subject: subject.clone(), size: Some(1_000) });
        for millis in (100..=1_000).step_by(100) {
            on(millis, Event::Advanced { verb: Verb::Pull, subject: subject.clone(), bytes: 100 });
        }
        on(1_000, Event::Ended { verb: Verb::Pull, subject, outcome: Outcome::Done });
        insta::assert_snapshot!(lines(objects), @r#"
        {"blob":"sha256:bae20e70d3c1485ff08556f433ee990a033560e27ec0caaa41f0a83c2a752564","event":"started","size":1000,"verb":"pull"}
        {"blob":"sha256:bae20e70d3c1485ff08556f433ee990a033560e27ec0caaa41f0a83c2a752564","bytes":300,"event":"advanced","verb":"pull"}
        {"blob":"sha256:bae20e70d3c1485ff08556f433ee990a033560e27ec0caaa41f0a83c2a752564","bytes":600,"event":"advanced","verb":"pull"}
        {"blob":"sha256:bae20e70d3c1485ff08556f433ee990a033560e27ec0caaa41f0a83c2a752564","bytes":900,"event":"advanced","verb":"pull"}
        {"blob":"sha256:bae20e70d3c1485ff08556f433ee990a033560e27ec0caaa41f0a83c2a752564","event":"ended","outcome":"done","verb":"pull"}
        "#);
    }

    #[test]
    fn every_other_event_is_an_object() {
        let paper = SharedBuffer::default();
        let json = JsonLines::new(paper.clone());
        let subject = Subject::Layer { kind: LayerKind::Runtime, platform: Platform::new("linux", "arm64") };
        json.on(Event::Started { verb: Verb::Pack, subject: subject.clone(), size: None });
        json.on(Event::Ended { verb: Verb::Pack, subject, outcome: Outcome::Present });
        let subject = Subject::Wheel("six-1-py3-none-any.whl".into());
        json.on(Event::Ended { verb: Verb::Pull, subject, outcome: Outcome::Done });
        json.on(Event::Retrying { what: "GET x".into(), cause: "reset".into(), delay: Duration::from_millis(1_500) });
        json.on(Event::Mirrored { repository: "docker.io/library/python".into(), mirror: "harbor.corp/py".into() });
        json.on(Event::Diagnostic(Box::new(Diagnostic::warning(Code::LeftOut, "a \"quoted\"\nname").file("x"))));
        let denied = Diagnostic::error(Code::AccessDenied, "denied").on(&Platform::new("linux", "arm64"));
        let missing = Diagnostic::error(Code::MissingLibrary, "no x")
            .detail(Detail::MissingLibrary { soname: "x".into(), needed_by: "/y".into() });
        json.errors(&[denied.hint("log in".to_owned()), missing], &[]);
        insta::assert_snapshot!(paper.text(), @r#"
        {"event":"started","layer":"runtime","platform":"linux/arm64","size":null,"verb":"pack"}
        {"event":"ended","layer":"runtime","outcome":"present","platform":"linux/arm64","verb":"pack"}
        {"event":"ended","outcome":"done","verb":"pull","wheel":"six-1-py3-none-any.whl"}
        {"cause":"reset","code":"retrying","delay":1.5,"event":"retrying","what":"GET x"}
        {"event":"mirror","mirror":"harbor.corp/py","repository":"docker.io/library/python"}
        {"causes":[],"code":"left-out","event":"warning","hint":null,"message":"a \"quoted\"\nname","subject":{"distribution":null,"file":"x","image":null,"platform":null}}
        {"causes":[],"code":"access-denied","event":"error","hint":"log in","message":"denied","subject":{"distribution":null,"file":null,"image":null,"platform":"linux/arm64"}}
        {"causes":[],"code":"missing-library","event":"error","hint":"use a builder that has it; if it is not needed: allow-missing = [\"x\"] under [runtime]","message":"no x","subject":{"distribution":null,"file":null,"image":null,"platform":null}}
        "#);
    }

    #[test]
    fn the_report_is_whole() {
        let text = serde_json::to_string_pretty(&report_object(&narrow_report())).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "base": "gcr.io/distroless/cc-debian13:nonroot",
          "builder": null,
          "digest": "sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6",
          "elapsed": 3.2,
          "event": "report",
          "git_ignored": [],
          "ignore_files": [],
          "left_out": [],
          "left_out_tracked": [],
          "outputs": [
            {
              "digest": "sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6",
              "names": [
                "1.4.2"
              ],
              "place": "ghcr.io/acme/shop",
              "reference": "ghcr.io/acme/shop@sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6"
            }
          ],
          "platforms": [
            {
              "base": {
                "layers": 0,
                "packed": 0,
                "unpacked": 0
              },
              "command": [
                "/usr/local/bin/python",
                "-m",
                "shop"
              ],
              "command_env": [],
              "command_origin": "shop/__main__.py",
              "digest": "sha256:f69162950f235e3cdbbad33f1f912d1a504be90d8a37d002c735d6f3e3882265",
              "from_sdist": [],
              "layers": [
                {
                  "cached": true,
                  "digest": "sha256:3dab9e15f8ff0899b38a5b7cdf0fb95b2f74cfa9a840a88e8183c66d9af7a061",
                  "distribution": null,
                  "files": 1234,
                  "kind": "runtime",
                  "size": {
                    "layers": 1,
                    "packed": 18400000,
                    "unpacked": 61000000
                  }
                }
              ],
              "missing": [],
              "notes": [
                "the program may need a module that the image does not have: `x` (/app/x.py:1)"
              ],
              "platform": "linux/arm64",
              "python": null,
              "resolved": {
                "objects": 0,
                "seconds": 0.0
              },
              "taken": [
                {
                  "layer": "runtime",
                  "needed_by": "/usr/local/lib/python3.13/lib-dynload/_bz2.cpython-313-aarch64-linux-gnu.so",
                  "path": "/usr/lib/aarch64-linux-gnu/libbz2.so.1.0",
                  "soname": "libbz2.so.1.0"
                }
              ]
            }
          ],
          "profile": null,
          "pushed": true,
          "reference": "ghcr.io/acme/shop:1.4.2@sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6",
          "tags": [
            "1.4.2"
          ]
        }
        "#);
        assert_eq!(report_object(&report())["platforms"].as_array().map(Vec::len), Some(2));
    }
}
