//! Random graphs of libraries: folders, search paths and needs as they fall.

use carboy::elf::LoaderState;

use crate::differences;
use crate::random::Random;
use crate::root::{Debian, Root};

fn one<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    of[random.index(of.len())]
}

/// One graph below `/gN`: a program and six names, each in some of four folders.
fn graph(random: &mut Random, at: usize) -> Vec<String> {
    let folders = ["one", "two", "one/deep", "trusted"];
    let place = |folder: &str, name: &str| match folder {
        "trusted" => format!("usr/lib/libg{at}_{name}.so"),
        folder => format!("g{at}/{folder}/libg{at}_{name}.so"),
    };
    let entries = [
        "$ORIGIN",
        "$ORIGIN/../two",
        "${ORIGIN}/deep",
        "/gN/one",
        "/gN/two",
        "/gN/one/deep",
        "relative",
        "/gN/link/..",
        "/gN/link",
    ];
    let describe = |random: &mut Random, library: bool| {
        let mut text: Vec<String> = Vec::new();
        for _ in 0..random.index(4) {
            let name = one(random, &["a", "b", "c", "d", "e", "f"]);
            let slash = random.index(12) == 0;
            let need =
                if slash { format!("/{}", place(one(random, &folders), name)) } else { format!("libg{at}_{name}.so") };
            text.push(format!("; needs {need}"));
        }
        if library && random.index(8) == 0 {
            text.push(format!(
                "; {} libg{at}_{}.so",
                one(random, &["auxiliary", "filter"]),
                one(random, &["a", "b", "c"])
            ));
        }
        let kind = one(random, &["", "", "rpath", "rpath", "runpath"]);
        if !kind.is_empty() {
            let count = 1 + random.index(3);
            let list: Vec<_> = (0..count).map(|_| one(random, &entries).replace("/gN", &format!("/g{at}"))).collect();
            text.push(format!("; {kind} {}", list.join(":")));
        }
        if random.index(12) == 0 {
            text.push("; nodeflib".to_owned());
        }
        text
    };
    let mut out = vec![
        format!("g{at}/link -> two/far"),
        format!("g{at}/two/far/x: text"),
        format!(
            "g{at}/one/p: program; needs libg{at}_a.so{}; rpath $ORIGIN:/g{at}/two",
            describe(random, false).concat()
        ),
    ];
    for name in ["a", "b", "c", "d", "e", "f"] {
        for folder in folders {
            match random.index(10) {
                0..4 => {}
                4 => out.push(format!("{}: other", place(folder, name))),
                5 if folder != "trusted" => {
                    let target = one(random, &["a", "b", "c", "d", "e", "f"]);
                    out.push(format!("{} -> /{}", place(folder, name), place("two", target)));
                }
                _ => {
                    let mut text = describe(random, true);
                    if random.index(6) == 0 {
                        text.push(format!("; soname libg{at}_{}.so", one(random, &["a", "b", "c", "d"])));
                    }
                    out.push(format!("{}:{}", place(folder, name), text.concat().trim_start_matches(';')));
                }
            }
        }
    }
    out
}

/// As many graphs, in one root.
pub fn compare(debian: Debian, count: usize) {
    let root = Root::new(debian);
    let mut random = Random::new(0x5eed_0fe1);
    let graphs: Vec<_> = (0..count).map(|at| graph(&mut random, at)).collect();
    for line in graphs.iter().flatten() {
        root.make(line);
    }
    let programs: Vec<_> = (0..count).map(|at| format!("/g{at}/one/p")).collect();
    let told = root.ask(&programs);
    let tree = root.tree();
    let mut dead = 0;
    for (program, graph) in programs.iter().zip(&graphs) {
        // glibc's loader does not survive filters that stand in for one another
        if told[program].died.is_some()
            && graph.iter().any(|line| line.contains("filter") || line.contains("auxiliary"))
        {
            dead += 1;
            continue;
        }
        let outcome = root.walk(&tree, &LoaderState::default(), program);
        let different = differences(&tree, debian, program, &outcome, &told[program]);
        assert_eq!(different, [""; 0], "{}\n{:?}", graph.join("\n"), told[program]);
    }
    assert!(dead < count / 10, "the loader died of {dead} graphs");
}
