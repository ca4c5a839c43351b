//! Which of several wheels an installer would take.
//!
//! Source: `packaging.tags`, `sys_tags` on Linux: the order of its tags is the order
//! of preference.

use std::cmp::Reverse;

use crate::python::tags::{Tag, Target};
use crate::python::wheel::WheelName;

/// Of two ranks the smaller is better.
type Rank = (u8, Reverse<u32>, (u8, Reverse<(u32, u32)>));

/// The wheel that fits best, of the latest version; the first of equals.
pub fn best<T>(target: &Target, wheels: impl IntoIterator<Item = (WheelName, T)>) -> Option<T> {
    let ranked = wheels.into_iter().filter_map(|(wheel, item)| {
        let rank = wheel.tags.iter().filter_map(|tag| rank(target, tag)).min()?;
        Some(((Reverse(wheel.version), rank, Reverse(wheel.build)), item))
    });
    ranked.min_by(|(one, _), (two, _)| one.cmp(two)).map(|(_, item)| item)
}

/// None for tags that do not fit.
fn rank(target: &Target, tag: &Tag) -> Option<Rank> {
    if !target.accepts(tag) {
        return None;
    }
    let cp = tag.python.strip_prefix("cp");
    let minor = tag.python.get(3..).and_then(|minor| minor.parse().ok());
    let own = minor == Some(target.python.minor);
    let any = tag.platform == "any";
    let group = match (tag.abi.as_str(), cp.is_some()) {
        ("abi3" | "abi3t", _) if own => 1,
        ("abi3" | "abi3t", _) => 3,
        ("none", true) if any => 5,
        ("none", true) => 2,
        ("none", false) if any => 6,
        ("none", false) => 4,
        _ => 0,
    };
    // `py313`, then `py3`, then `py312` and older.
    let minor = match minor {
        None => target.python.minor.saturating_mul(2).saturating_sub(1),
        Some(minor) => minor.saturating_mul(2),
    };
    Some((group, Reverse(minor), platform(&tag.platform)))
}

/// The newest manylinux first; what is for any Linux last.
fn platform(platform: &str) -> (u8, Reverse<(u32, u32)>) {
    let glibc = |level: &str| {
        let (major, rest) = level.split_once('_')?;
        Some((major.parse().ok()?, rest.split('_').next()?.parse().ok()?))
    };
    let level = match platform {
        _ if platform.starts_with("manylinux1_") => Some((2, 5)),
        _ if platform.starts_with("manylinux2010_") => Some((2, 12)),
        _ if platform.starts_with("manylinux2014_") => Some((2, 17)),
        _ => platform.strip_prefix("manylinux_").and_then(glibc),
    };
    level.map_or((1, Reverse((0, 0))), |level| (0, Reverse(level)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::Cpython;

    #[test]
    fn the_most_specific_wheel_comes_first() {
        let python = Cpython { major: 3, minor: 13, free_threaded: false, debug: false };
        let target = Target { python, machine: "x86_64", glibc: Some((2, 36)) };
        let order = [
            "a-1-cp313-cp313-manylinux_2_34_x86_64.whl",
            "a-1-2-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1-1-cp313-cp313-manylinux_2_17_x86_64.whl",
            "a-1-cp313-cp313-manylinux2010_x86_64.whl",
            "a-1-cp313-cp313-linux_x86_64.whl",
            "a-1-cp313-abi3-manylinux1_x86_64.whl",
            "a-1-cp313-none-manylinux_2_28_x86_64.whl",
            "a-1-cp312-abi3-manylinux_2_28_x86_64.whl",
            "a-1-cp39-abi3-manylinux_2_34_x86_64.whl",
            "a-1-py313-none-linux_x86_64.whl",
            "a-1-py3-none-manylinux_2_28_x86_64.whl",
            "a-1-py312-none-manylinux_2_28_x86_64.whl",
            "a-1-cp313-none-any.whl",
            "a-1-py2.py3-none-any.whl",
            "a-1-py30-none-any.whl",
        ];
        let named = |name: &'static str| (WheelName::parse(name).unwrap(), name);
        for at in 0..order.len() {
            assert_eq!(best(&target, order[at..].iter().rev().map(|name| named(name))), Some(order[at]));
        }
        let unfit = ["a-1-cp313-cp313-manylinux_2_39_x86_64.whl", "a-1-cp313-cp313-musllinux_1_2_x86_64.whl"];
        assert_eq!(best(&target, unfit.map(named)), None);
        let later = ["a-1-cp313-cp313-linux_x86_64.whl", "a-1.1-py3-none-any.whl"];
        assert_eq!(best(&target, later.map(named)), Some(later[1]));
    }
}
