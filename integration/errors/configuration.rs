//! Wrong usage and wrong configurations: told before anything is done.

use crate::support::harness::Harness;

const ARGS: [&str; 4] = ["--base=REGISTRY/cc", "--builder=REGISTRY/python", "--", "python3"];

fn configured(text: &str) -> String {
    Harness::alone().file("carboy.toml", text).refuses(&[])
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!(configured("to = \"ghcr.io/acme/shop\"\n\n[image]\nentrypiont = [\"shop\"]\n"), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:4: unknown key `image.entrypiont`

    hint: did you mean `entrypoint`?
    ");
}

#[test]
fn an_unknown_key_of_a_profile_in_pyproject() {
    let harness = Harness::alone()
        .file("pyproject.toml", "[project]\nname = \"shop\"\n\n[tool.carboy.profile.ci]\npyhton = \"3.13\"\n");
    insta::assert_snapshot!(harness.refuses(&[]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: pyproject.toml:5: unknown key `profile.ci.pyhton`

    hint: did you mean `python`?
    ");
}

#[test]
fn a_file_that_is_not_toml() {
    insta::assert_snapshot!(configured("python = 3.13.1\n"), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:1: invalid float, expected nothing
    ");
}

#[test]
fn a_value_of_the_wrong_type() {
    insta::assert_snapshot!(configured("[[directory]]\npath = \"/data\"\nmode = 755\n"), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:3: `directory.mode` must be an octal string, not an integer

    hint: write it in quotes: "0755"
    "#);
}

#[test]
fn a_version_that_is_a_number() {
    insta::assert_snapshot!(configured("python = 3.13\n"), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:1: `python` must be a string or false, not a float

    hint: write it in quotes: "3.13"; as a number, 3.10 would be 3.1
    "#);
}

#[test]
fn a_value_out_of_range() {
    insta::assert_snapshot!(configured("[image]\nports = [\"http\"]\n"), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:2: `image.ports` has `http`, not a port

    hint: write a number from 1 to 65535, with /tcp, /udp or /sctp
    ");
}

#[test]
fn an_entrypoint_given_as_one_string() {
    insta::assert_snapshot!(configured("[image]\nentrypoint = \"gunicorn shop:app\"\n"), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:2: `image.entrypoint` must be a list, not a string

    hint: there is no shell in the image to split it: entrypoint = ["gunicorn", "shop:app"]
    "#);
}

#[test]
fn a_lock() {
    insta::assert_snapshot!(configured("[dependencies]\nlock = \"uv.lock\"\n"), @"
    exit: 2
    -- stdout
    -- stderr
    error[unreadable-file]: cannot read `uv.lock`: No such file or directory (os error 2)
    ");
}

#[test]
fn an_unknown_profile() {
    let harness = Harness::alone().file("carboy.toml", "[profile.gzip.layers]\ncompression = \"gzip\"\n");
    insta::assert_snapshot!(harness.refuses(&["--profile=gzpi"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: unknown profile `gzpi`

    hint: did you mean `gzip`?
    ");
}

#[test]
fn no_python_and_site_packages() {
    insta::assert_snapshot!(configured("python = false\n[dependencies]\nsite-packages = \"site\"\n"), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `python = false` and `dependencies.site-packages` contradict each other

    hint: leave one of them out
    ");
}

#[test]
fn no_folder_of_site_packages_for_a_platform() {
    insta::assert_snapshot!(configured("[dependencies.site-packages]\n\"linux/amd64\" = \"site\"\n"), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `dependencies.site-packages` has no directory for linux/arm64

    hint: add "linux/arm64" = "site-arm64", and fill it: `uv pip install --target site-arm64 --python-platform aarch64-manylinux_2_28 --only-binary :all: -r requirements.txt`; or leave it out of `platforms`
    "#);
}

#[test]
fn no_target() {
    let mut harness = Harness::alone();
    harness.first.pop();
    insta::assert_snapshot!(harness.refuses(&ARGS), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: no target: carboy does not know where to push the image

    hint: pass --to registry/repository:tag (or oci:FOLDER), or set `to` in carboy.toml
    ");
}

#[test]
fn a_bad_tag() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--tag=-1", "--", "python3"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: `-1` is not a tag

    hint: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`
    ");
}

#[test]
fn a_target_with_capitals() {
    let mut harness = Harness::alone();
    harness.first = ["build", "--to=ghcr.io/Acme/shop"].map(str::to_owned).to_vec();
    insta::assert_snapshot!(harness.refuses(&ARGS), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: invalid `to`: `ghcr.io/Acme/shop` is not an image reference: the repository name `Acme/shop` has upper-case letters

    hint: repository names are lower-case
    ");
}

#[test]
fn a_target_with_a_digest() {
    let mut harness = Harness::alone();
    harness.first = vec!["build".to_owned(), format!("--to=ghcr.io/acme/shop@sha256:{}", "0".repeat(64))];
    insta::assert_snapshot!(harness.refuses(&ARGS), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: a tag cannot be pushed to a digest: `ghcr.io/acme/shop@sha256:0000000000000000000000000000000000000000000000000000000000000000`

    hint: leave the digest out of `to`
    ");
}

#[test]
fn a_bad_platform() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--platform=amd64"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: invalid `--platform`: `amd64` is not a platform: write os/architecture, as in linux/arm64
    ");
}

#[test]
fn an_architecture_that_carboy_does_not_know() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--platform=linux/mips64le"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy cannot build for linux/mips64le, only for linux/amd64, linux/arm64, linux/arm/v7, linux/riscv64, linux/ppc64le, linux/s390x, linux/386

    hint: leave linux/mips64le out of `platforms`
    ");
}

#[test]
fn a_bad_time() {
    let harness = Harness::alone().env("SOURCE_DATE_EPOCH", "yesterday");
    insta::assert_snapshot!(harness.refuses(&ARGS), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: SOURCE_DATE_EPOCH is `yesterday`, which is not a number of seconds since 1970
    ");
}

#[test]
fn a_python_that_no_pair_of_images_has() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--python=2.7", "--", "python"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: no pair of distroless base and python builder is known for Python 2.7

    hint: name `base` and `builder` yourself
    ");
}

#[test]
fn a_folder_that_is_not_there() {
    insta::assert_snapshot!(Harness::alone().refuses(&["shpo", "--", "python3"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: `shpo` is not a directory

    hint: name the project's directory; a command to start goes after `--`
    ");
}

#[test]
fn a_configuration_that_is_not_there() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--config=nowhere.toml"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[unreadable-file]: cannot read `nowhere.toml`: No such file or directory (os error 2)
    ");
}

#[test]
fn an_unknown_flag() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--pyhton=3.13"]), @"
    exit: 2
    -- stdout
    -- stderr
    error: unexpected argument '--pyhton' found

      tip: a similar argument exists: '--python'
      tip: to pass '--pyhton' as a value, use '-- --pyhton'

    Usage: carboy build --progress <MODE> --to <TARGET> --python <VERSION> [DIR] [-- <CMD>...]

    For more information, try '--help'.
    ");
}

#[test]
fn a_compression_that_is_none() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--compression=bzip2", "--", "python3"]), @r#"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: `--compression` cannot be `bzip2`

    hint: write "zstd" or "gzip"
    "#);
}
