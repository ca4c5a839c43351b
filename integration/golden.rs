//! Pins the digests of images, layer by layer, so that a change of carboy that is to
//! change no image can show it.
//!
//! Base, builder, wheels and projects are made up here, byte for byte the same on every
//! machine. `golden/images.json` has the digests of the made-up images, the other files
//! in `golden` those of one build each: for each platform its manifest, configuration
//! and layers. When a change is meant to change images, look at the entries that differ,
//! and pin the new digests:
//!
//! ```sh
//! CARBOY_GOLDEN_OLD=/path/to/older/carboy cargo test --test golden # prints entries
//! CARBOY_GOLDEN=write cargo test --test golden                     # writes the files
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/elf_writer.rs"]
mod elf_writer;
#[path = "support/wheels.rs"]
mod wheels;

mod golden {
    pub mod base;
    pub mod builder;
    pub mod built;
    pub mod cases;
    pub mod distributions;
    pub mod files;
    pub mod images;
    pub mod layout;
    pub mod machine;
    pub mod package;
    pub mod pins;
    pub mod project;
}

use golden::project::{Case, Project};
use golden::{cases, images, pins};

#[test]
fn the_made_up_images_are_the_same() {
    let folder = tempfile::TempDir::new().unwrap();
    pins::check_images(&images::write(folder.path()));
}

#[test]
fn python_without_dependencies() {
    cases::plain().holds();
    cases::split_usr().holds();
    cases::one_platform().holds();
    cases::dated().holds();
}

#[test]
fn python_on_scratch() {
    cases::scratch().holds();
}

#[test]
fn wheels_of_a_lock_file() {
    cases::wheels().holds();
    cases::wheels_split_usr().holds();
    cases::gzip().holds();
}

#[test]
fn extracted_files() {
    cases::extract().holds();
    cases::extract_split_usr().holds();
    cases::extract_and_wheels().holds();
}

#[test]
fn extracted_files_without_python() {
    cases::extract_alone().holds();
    cases::extract_alone_on_scratch().holds();
}

#[test]
fn copies_users_directories_and_volumes() {
    cases::configured().holds();
}

#[test]
fn runtime_options() {
    cases::runtime().holds();
}

#[test]
fn site_packages_of_a_folder() {
    cases::site_packages().holds();
}

#[test]
fn the_application_as_a_wheel() {
    cases::app_wheel().holds();
}

#[test]
fn a_dependency_in_a_folder() {
    cases::path_dependency().holds();
}

/// The cases with most layers and most sources.
fn largest() -> [Case; 2] {
    [cases::extract_and_wheels(), cases::warned()]
}

#[test]
fn jobs_folders_and_caches_do_not_matter() {
    for case in largest() {
        let (project, elsewhere) = (Project::new(&case), Project::new(&case));
        let one = project.build("image", "cache", &["--jobs", "1"]);
        let other = elsewhere.build("other-image", "other-cache", &["--jobs", "16"]);
        assert_eq!(one.built.digests(), other.built.digests(), "{}", case.name);
        assert_eq!(one.warnings(), other.warnings(), "{}", case.name);
    }
}

#[test]
fn a_warm_build_is_as_the_cold_one_and_warns_as_it_did() {
    for case in largest() {
        let project = Project::new(&case);
        let cold = project.build("image", "cache", &[]);
        let warm = project.build("other-image", "cache", &[]);
        assert_eq!(cold.built.digests(), warm.built.digests(), "{}", case.name);
        assert_eq!(cold.warnings(), warm.warnings(), "{}", case.name);
        assert_eq!(cold.report(), warm.report(), "{}", case.name);
        assert_eq!(!cold.warnings().is_empty(), case.name == "warned", "{:?}", cold.warnings());
    }
}
