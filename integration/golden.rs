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

use std::fs;

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

/// Removes a folder of a project's cache.
fn forget(project: &Project, kinds: &[&str]) {
    for kind in kinds {
        let folder = project.path("cache").join(kind);
        assert!(folder.read_dir().unwrap().next().is_some(), "the cache has no {kind}");
        fs::remove_dir_all(folder).unwrap();
    }
}

/// The entries of a kind in a project's cache.
fn entries(project: &Project, kind: &str) -> usize {
    project.path("cache").join(kind).read_dir().map_or(0, Iterator::count)
}

#[test]
fn with_all_stages_known_no_file_list_and_no_elf_file_is_read() {
    for case in [cases::extract_and_wheels(), cases::configured()] {
        let project = Project::new(&case);
        let cold = project.build("image", "cache", &[]);
        forget(&project, &["tars", "facts"]);
        let warm = project.build("other-image", "cache", &[]);
        assert_eq!(cold.built.digests(), warm.built.digests(), "{}", case.name);
        assert_eq!(cold.report(), warm.report(), "{}", case.name);
        assert_eq!((entries(&project, "tars"), entries(&project, "facts")), (0, 0), "{}", case.name);
    }
}

#[test]
fn a_blob_that_is_gone_is_made_again_from_its_stage() {
    let case = cases::extract_and_wheels();
    let project = Project::new(&case);
    let cold = project.build("image", "cache", &[]);
    forget(&project, &["blobs", "facts", "elf"]);
    let again = project.build("other-image", "cache", &[]);
    assert_eq!(cold.built.digests(), again.built.digests());
    assert_eq!(cold.report(), again.report());
    assert_eq!((entries(&project, "facts"), entries(&project, "elf")), (0, 0), "no stage is composed again");
}

#[test]
fn stages_over_stored_ones_are_as_over_composed_ones() {
    for case in [cases::extract_and_wheels(), cases::configured(), cases::runtime()] {
        let (stored, composed) = (Project::new(&case), Project::new(&case));
        stored.build("image", "cache", &[]);
        for project in [&stored, &composed] {
            fs::write(project.path("project/main.py"), "print('another application')\n").unwrap();
        }
        let one = stored.build("other-image", "cache", &[]);
        let other = composed.build("other-image", "cache", &[]);
        assert_eq!(one.built.digests(), other.built.digests(), "{}", case.name);
        assert_eq!(one.report()["platforms"], other.report()["platforms"], "{}", case.name);
        assert_eq!(one.warnings(), other.warnings(), "{}", case.name);
    }
}

#[test]
fn a_damaged_stage_is_composed_again() {
    let case = cases::extract_and_wheels();
    let project = Project::new(&case);
    let cold = project.build("image", "cache", &[]);
    for stage in project.path("cache/stages").read_dir().unwrap() {
        let path = stage.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let again = project.build("other-image", "cache", &[]);
    assert_eq!(cold.built.digests(), again.built.digests());
    assert!(again.warnings().iter().all(|warning| warning.contains("damaged")), "{:?}", again.warnings());
    assert!(!again.warnings().is_empty());
}
