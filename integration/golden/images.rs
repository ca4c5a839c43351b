//! The made-up images that projects are built from.

use std::path::Path;

use serde_json::{Value, json};

use super::{base, builder, layout};

/// Writes all of them below a folder; the digests of their manifests, by image and
/// platform.
pub fn write(folder: &Path) -> Value {
    let write = |name: &str, images: Vec<layout::Image>| layout::write(&folder.join(name), &images);
    json!({
        "merged": write("merged", base::merged()),
        "split": write("split", base::split()),
        "builder": write("builder", builder::slim()),
        "tools": write("tools", builder::tools()),
    })
}
