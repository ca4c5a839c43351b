//! `PyPI` itself, in a long run: what no scripted index can tell.

use carboy::python::lock::Pinned;
use carboy::wheels::WheelSources;

use crate::harness::{Harness, target, with_hashes};

#[tokio::test]
#[ignore = "long"]
async fn wheels_of_pypi_are_found_for_both_machines() {
    let harness = Harness::new();
    let wheels = harness.wheels(WheelSources::default());
    for (name, version, machine, wanted) in [
        ("numpy", "2.3.1", "x86_64", "numpy-2.3.1-cp313-cp313-manylinux_2_28_x86_64.whl"),
        ("numpy", "2.3.1", "aarch64", "numpy-2.3.1-cp313-cp313-manylinux_2_28_aarch64.whl"),
        ("cryptography", "45.0.5", "x86_64", "cryptography-45.0.5-cp311-abi3-manylinux_2_34_x86_64.whl"),
        ("typing-extensions", "4.14.1", "aarch64", "typing_extensions-4.14.1-py3-none-any.whl"),
    ] {
        let version = Some(version.parse().unwrap());
        let pinned = Pinned { name: name.to_owned(), version, ..with_hashes(None, Vec::new()) };
        let wheel = wheels.wheel(&pinned, &target(machine)).await.unwrap();
        assert_eq!(wheel.name, wanted);
        assert_eq!(std::fs::metadata(&wheel.path).unwrap().len(), wheel.size);
    }
    let absent = Pinned { version: Some("0.0.0".parse().unwrap()), ..with_hashes(None, Vec::new()) };
    let error = wheels.wheel(&absent, &target("x86_64")).await.unwrap_err();
    assert!(error.message.ends_with(": https://pypi.org/simple does not have it"), "{error}");
    let sdist = Pinned { name: "docopt".to_owned(), version: Some("0.6.2".parse().unwrap()), ..absent };
    let wheel = wheels.wheel(&sdist, &target("x86_64")).await.unwrap();
    assert_eq!(
        (wheel.name.as_str(), wheel.sdist.as_deref()),
        ("docopt-0.6.2-py3-none-any.whl", Some("docopt-0.6.2.tar.gz"))
    );
}
