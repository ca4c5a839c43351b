//! Removes the architecture from names of files, so that platforms can be compared. Pure.
//!
//! Source: Debian's multiarch tuples; PEP 3149 and `uname -m` for names of extension modules;
//! platform tags of wheels for names of their libraries.

use crate::oci::{Architecture, Platform};

/// Returns the text with `*` for the platform's triplet and its machine's name in the kernel.
#[must_use]
pub fn neutral(text: &str, platform: &Platform) -> String {
    let Some(architecture) = Architecture::of(platform) else { return text.to_owned() };
    text.replace(architecture.triplet, "*").replace(architecture.wheel, "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_of_wheels_may_differ_from_the_triplets() {
        let platform: Platform = "linux/arm/v7".parse().unwrap();
        let module = "/usr/lib/arm-linux-gnueabihf/_x.cpython-313-arm-linux-gnueabihf.so";
        assert_eq!(neutral(module, &platform), "/usr/lib/*/_x.cpython-313-*.so");
        assert_eq!(neutral("libx-armv7l.so", &platform), "libx-*.so");
    }

    #[test]
    fn platforms_give_the_same_names() {
        for (architecture, machine) in [("amd64", "x86_64"), ("arm64", "aarch64")] {
            let platform = Platform::new("linux", architecture);
            let module = format!("/usr/lib/{machine}-linux-gnu/_x.cpython-313-{machine}-linux-gnu.so");
            assert_eq!(neutral(&module, &platform), "/usr/lib/*/_x.cpython-313-*.so");
            assert_eq!(neutral(&format!("lib{machine}.so"), &platform), "lib*.so");
        }
        assert_eq!(neutral("x86_64", &Platform::new("linux", "arm64")), "x86_64");
    }
}
