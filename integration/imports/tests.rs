//! Tests the reader of imports on small made-up sources.

use std::collections::BTreeMap;

use super::graph::{Graph, name};
use super::module::Module;

/// Makes a crate of modules by path; the root declares nothing but has the path `crate`.
fn graph(sources: &[(&str, &str)]) -> Graph {
    let modules = sources.iter().map(|(path, text)| {
        let path = path.split("::").map(str::to_owned).collect();
        (path, Module::parse(text))
    });
    Graph { modules: modules.collect::<BTreeMap<_, _>>() }
}

fn needs(graph: &Graph, module: &str) -> Vec<String> {
    graph.needs(&module.split("::").map(str::to_owned).collect()).iter().map(name).collect()
}

fn uses(text: &str) -> Vec<String> {
    let shown = |import: &super::module::Use| {
        format!("{}{} = {}", if import.public { "pub " } else { "" }, import.name, import.path.join("::"))
    };
    Module::parse(text).uses.iter().map(shown).collect()
}

#[test]
fn trees_of_imports_are_read() {
    let text = "use a::{self, b::{C, d as e,},}; pub(crate) use f; pub use self::g::H as _;";
    assert_eq!(uses(text), ["a = a", "C = a::b::C", "e = a::b::d", "pub f = f", "pub _ = self::g::H"]);
    assert_eq!(uses("fn f() -> impl Iterator + use<'_> { use a::B; }"), ["B = a::B"]);
}

#[test]
#[should_panic = "a glob import"]
fn glob_imports_are_refused() {
    uses("use a::*;");
}

#[test]
#[should_panic = "the module `m` needs a file"]
fn modules_without_file_are_refused() {
    Module::parse("mod m { fn f() {} }");
}

#[test]
fn paths_in_code_are_read_without_comments_strings_and_tests() {
    let module = Module::parse(
        r#"
        //! crate::header
        mod child;
        #[cfg(test)]
        pub mod testing;
        // crate::comment
        pub(in crate::scope) fn f() -> super::A { child::b(" crate::text"); c(d(e.f(..g)), self::E::F) }
        #[cfg(test)]
        use crate::{only, tests};
        const G: H = <I as J>::k::L;
        #[cfg(test)]
        #[expect(lint)]
        mod tests { use super::*; }
        "#,
    );
    assert_eq!(module.children, ["child"]);
    assert_eq!(module.uses, []);
    let paths: Vec<_> = module.paths.iter().map(|path| path.join("::")).collect();
    let expected = ["f", "super::A", "child::b", "c", "d", "self::E::F", "G", "H", "I", "J"];
    assert_eq!(paths, expected);
}

#[test]
fn reexports_lead_to_the_definition() {
    let graph = graph(&[
        ("crate", "pub mod a; pub mod b;"),
        ("crate::a", "mod inner; mod other; pub use inner::One; pub use self::other as renamed;"),
        ("crate::a::inner", "pub struct One;"),
        ("crate::a::other", "pub struct Two; pub use super::inner::One as Again;"),
        ("crate::b", "mod c; mod d; mod e; use crate::a; use c::f;"),
        ("crate::b::c", "use crate::a::One;"),
        ("crate::b::d", "use crate::a; fn f() { a::renamed::Two::new(a::renamed::Again) }"),
        ("crate::b::e", "fn f() { super::f(super::a::One) }"),
    ]);
    assert_eq!(needs(&graph, "crate::b"), ["b::c"]);
    assert_eq!(needs(&graph, "crate::b::c"), ["a::inner"]);
    assert_eq!(needs(&graph, "crate::b::d"), ["a::inner", "a::other"]);
    assert_eq!(needs(&graph, "crate::b::e"), ["a::inner", "b::c"], "names that the parent imports");
    assert!(needs(&graph, "crate::a").is_empty(), "a file that only declares and re-exports needs nothing");
    assert_eq!(graph.imports(&["crate".to_owned(), "a".to_owned()].to_vec()).len(), 1);
    assert_eq!(graph.circles(), Vec::<String>::new());
}

#[test]
fn a_name_can_be_a_module_and_an_item() {
    let graph = graph(&[
        ("crate", "pub mod a; pub mod b;"),
        ("crate::a", "pub mod run; mod walk; pub use walk::run;"),
        ("crate::a::run", "pub struct Options;"),
        ("crate::a::walk", "pub fn run() {}"),
        ("crate::b", "use crate::a::run; fn f() { run(run::Options) }"),
    ]);
    assert_eq!(needs(&graph, "crate::b"), ["a::run", "a::walk"]);
}

#[test]
fn circles_are_found_inside_of_folders() {
    let graph = graph(&[
        ("crate", "pub mod a;"),
        ("crate::a", "mod b; mod c; mod d; pub use b::B; pub struct A(B);"),
        ("crate::a::b", "pub struct B(super::c::C);"),
        ("crate::a::c", "use super::A; pub struct C(Box<A>);"),
        ("crate::a::d", "use super::A;"),
    ]);
    assert_eq!(graph.circles(), ["a -> a::b\na::b -> a::c\na::c -> a"]);
}

#[test]
fn names_of_other_crates_are_written_in_full() {
    let graph = graph(&[("crate", "use std::{env, time}; fn f() { env::var(time::SystemTime::now()) }")]);
    let mentioned = graph.mentioned(&vec!["crate".to_owned()]);
    let mentioned: Vec<_> = mentioned.iter().map(|path| path.join("::")).collect();
    assert!(mentioned.contains(&"std::env::var".to_owned()), "{mentioned:?}");
    assert!(mentioned.contains(&"std::time::SystemTime::now".to_owned()), "{mentioned:?}");
}
