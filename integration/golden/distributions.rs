//! Wheels that projects of this test depend on.

use super::machine::{MACHINES, Machine};
use crate::wheels::Wheel;

/// Modules for one machine: one needs a library of the builder, one a library that the
/// wheel brings.
pub fn native(machine: &Machine) -> Wheel {
    let module = machine.module(&["libpq.so.5", "libstdc++.so.6"], "_native");
    let module = module.needs_versions("libstdc++.so.6", &["GLIBCXX_3.4.33"]);
    let inner = machine.module(&["libinner-1f2e3d.so.1"], "inner").rpath("$ORIGIN/../native.libs");
    let library = machine.library("libinner-1f2e3d.so.1", &["libgomp.so.1"]);
    let suffix = format!("cpython-313-{}.so", machine.triplet);
    Wheel::new("native", "2.0")
        .tag(&format!("cp313-cp313-manylinux_2_28_{}", machine.wheel))
        .file("native/__init__.py", "from . import _native\n")
        .file(&format!("native/_native.{suffix}"), module.bytes())
        .file(&format!("native/inner.{suffix}"), inner.bytes())
        .file("native.libs/libinner-1f2e3d.so.1", library.bytes())
}

/// Console scripts, scripts, data and headers.
pub fn pure() -> Wheel {
    Wheel::new("pure", "1.0")
        .file("pure/__init__.py", "def main(): pass\n")
        .file("pure/data.txt", "data\n")
        .file("pure-1.0.data/scripts/pure-tool", "#!python\nprint('tool')\n")
        .file("pure-1.0.data/data/share/pure/notes.txt", "notes\n")
        .file("pure-1.0.data/headers/pure.h", "#define PURE 1\n")
        .file("pure-1.0.dist-info/licenses/LICENSE", "Copyright\n")
        .entry_points("[console_scripts]\npure = pure:main\n[gui_scripts]\npure-window = pure:main\n")
}

/// Large enough for a layer of its own where `split-size` is 128 KiB.
pub fn large() -> Wheel {
    Wheel::simple("large", "3.1").large(150_000).entry_points("[console_scripts]\nlarge = large:main\n")
}

/// All of them, for all machines.
pub fn all() -> Vec<Wheel> {
    MACHINES.iter().map(native).chain([pure(), large()]).collect()
}

/// A requirements file that pins all of them.
pub fn requirements() -> String {
    let [amd64, arm64] = MACHINES.map(|machine| native(&machine).sha256());
    format!("native==2.0 --hash={amd64} --hash={arm64}\n{}{}", pure().pin(), large().pin())
}
