//! Disks that are full.

use crate::harness::Harness;
use crate::support::ran;

/// Builds on a file system of a growing number of KiB, in a namespace of its own, and each
/// time once more after there is room. Prints a line for each.
const SCRIPT: &str = r#"
set -eu
disk=$1 most=$2 step=$3; shift 3
size=0
while size=$((size + step)); [ $size -le "$most" ]; do
  mount -t tmpfs -o size=${size}k tmpfs "$disk"
  if "$@" >"$disk.out" 2>"$disk.err"; then first=built; else first=$?; fi
  mount -o remount,size=1g "$disk"
  if "$@" >"$disk.again" 2>"$disk.err2"; then second=$(cat "$disk.again"); else second=failed; fi
  left=$(find "$disk" -name '.carboy-*' -o -name 'run-*' | wc -l)
  echo "$first|$second|$left|$(tr '\n' ' ' <"$disk.err")"
  umount "$disk"
done
"#;

#[test]
fn a_full_disk_is_told_and_does_no_harm() {
    let harness = Harness::new(10, 100_000);
    let expected = harness.expected();
    let disk = harness.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let carboy = harness.command(&["build"]);
    let mut words =
        vec!["--user", "--map-root-user", "--mount", "env"].into_iter().map(str::to_owned).collect::<Vec<_>>();
    let variables = carboy.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    words.extend(variables.map(|(name, value)| format!("{name}={value}")));
    words.extend(["sh", "-c", SCRIPT, "sh"].map(str::to_owned));
    words.extend([disk.to_str().unwrap(), "5400", "200"].map(str::to_owned));
    words.push(carboy.get_program().to_str().unwrap().to_owned());
    words.extend(["build", "--quiet"].map(str::to_owned));
    words.push(harness.path("project").to_str().unwrap().to_owned());
    words.push(format!("--cache-dir={}", disk.join("cache").display()));
    words.push(format!("--to=oci:{}:1", disk.join("out").display()));
    let lines = ran("unshare", words).done();
    let (mut failed, mut built) = (0, 0);
    for line in lines.lines() {
        let [first, second, left, error] = line.splitn(4, '|').collect::<Vec<_>>().try_into().unwrap();
        assert!(second.ends_with(&expected), "{line}");
        assert_eq!(left, "0", "{line}");
        if first == "built" {
            built += 1;
        } else {
            failed += 1;
            assert_eq!(first, "1", "{line}");
            assert!(error.starts_with("error[") && error.contains("No space left on device"), "{line}");
            assert!(error.contains("cache") || error.contains("OCI layout"), "{line}");
        }
    }
    assert!(failed >= 10 && built > 0, "{lines}");
}
