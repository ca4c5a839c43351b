//! Stacks an image's layers into the tree a container would see.
//!
//! Source: image-spec `layer.md`, "Whiteouts" and "Changeset over existing files".
//! A whiteout hides lower layers only, so a layer's whiteouts are applied before
//! its entries, wherever they stand in the archive. Parents that are links in the
//! layers below are followed, as containerd and umoci do.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::resolve::LoopError;
use super::{Entry, Limits, RootPath, Tree};

/// The prefix of a whiteout's name.
pub const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const AUFS: &[u8] = b".wh..wh.";

/// An entry as a layer's archive has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerEntry {
    pub path: RootPath,
    pub change: Change,
}

/// The effect of an archive's entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Put(Arc<Entry>),
    /// Another name for a file that is there, or came earlier in this layer.
    HardLink {
        target: RootPath,
    },
}

/// The reasons for which layers do not stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    #[error("`{path}` is a hardlink to `{target}`, which is no file of the image")]
    HardLink { path: RootPath, target: RootPath },
    #[error("`{path}` is a whiteout of nothing that a folder can hold")]
    Whiteout { path: RootPath },
    #[error("`{path}` passes through links to a name of more than {limit} bytes")]
    TooLong { path: RootPath, limit: u64 },
    #[error("with it the image has more than {limit} entries, folders included that only names tell of")]
    Entries { limit: u64 },
    #[error("with it the image's paths have more than {limit} bytes together")]
    Names { limit: u64 },
    #[error("its names pass through too many folders or links")]
    Links,
    #[error(transparent)]
    Loop(#[from] LoopError),
}

impl OverlayError {
    /// Returns the key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooLong { .. } => Some("name-length"),
            Self::Entries { .. } => Some("layer-entries"),
            Self::Names { .. } => Some("layer-names"),
            Self::HardLink { .. } | Self::Whiteout { .. } | Self::Links | Self::Loop(_) => None,
        }
    }
}

/// The number of steps of [`Tree::resolve`] that the names of a layer may take.
struct Steps {
    taken: u64,
    most: u64,
}

impl Steps {
    /// Names take one or two each; links that lead through links, with `..` between,
    /// some thousands (measured), so that a small layer could keep carboy busy for hours.
    fn of(layer: &[LayerEntry]) -> Self {
        Self { taken: 0, most: 100_000 + 64 * layer.len() as u64 }
    }

    fn check(&self) -> Result<(), OverlayError> {
        if self.taken > self.most { Err(OverlayError::Links) } else { Ok(()) }
    }
}

impl Tree {
    /// Puts one more layer on top.
    ///
    /// # Errors
    /// Hardlinks to what is not there; names below a loop of links; a tree beyond the limits.
    pub fn stack(&mut self, layer: Vec<LayerEntry>, limits: &Limits) -> Result<(), OverlayError> {
        let mut steps = Steps::of(&layer);
        let folders: BTreeSet<&[u8]> = layer.iter().filter_map(folder).collect();
        let whiteouts = layer.iter().map(|entry| &entry.path).filter(|path| is_whiteout(path));
        for path in whiteouts {
            if !self.is_in_new_folder(path, &folders, &mut steps)? {
                self.whiteout(path, &mut steps)?;
            }
        }
        for LayerEntry { path, change } in layer {
            if is_whiteout(&path) {
                continue;
            }
            let real = self.walk_parent(&path, &mut steps.taken)?;
            if real.as_bytes().len() as u64 > limits.name_length {
                return Err(OverlayError::TooLong { path, limit: limits.name_length });
            }
            let entry = match change {
                Change::Put(entry) => entry,
                Change::HardLink { target } => {
                    // As in every runtime: what is in the new name's place may lead to the file.
                    self.remove(&real);
                    self.hardlink_target(&path, target, &mut steps)?
                }
            };
            steps.check()?;
            self.insert(real, entry);
            if self.len() as u64 > limits.layer_entries {
                return Err(OverlayError::Entries { limit: limits.layer_entries });
            }
            if self.names() > limits.layer_names {
                return Err(OverlayError::Names { limit: limits.layer_names });
            }
        }
        Ok(())
    }

    /// Returns whether one of the layer's own folders, in which `path` is, takes the place of a
    /// link or a file. Nothing of the layers below is in it; least of all what the link leads to.
    fn is_in_new_folder(
        &self,
        path: &RootPath,
        folders: &BTreeSet<&[u8]>,
        steps: &mut Steps,
    ) -> Result<bool, OverlayError> {
        let bytes = path.as_bytes();
        let slashes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for above in slashes.map(|end| &bytes[..end]) {
            // Looking one up is a step too: names may be some thousand folders deep.
            steps.taken += 1;
            steps.check()?;
            if !folders.contains(above) {
                continue;
            }
            let real = self.walk_parent(&RootPath::from_normal(above.to_vec()), &mut steps.taken)?;
            steps.check()?;
            if self.get(&real).is_some_and(|entry| !entry.is_folder()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn whiteout(&mut self, path: &RootPath, steps: &mut Steps) -> Result<(), OverlayError> {
        let Some((parent, name)) = path.parent().zip(path.name()) else { return Ok(()) };
        if name == OPAQUE {
            let folder = self.walk(&parent, &mut steps.taken)?;
            self.remove_below(&folder);
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT).filter(|_| !name.starts_with(AUFS)) {
            // `.wh.` and a dot or two would hide the folder itself, or its parent.
            if matches!(hidden, b"" | b"." | b"..") {
                return Err(OverlayError::Whiteout { path: path.clone() });
            }
            let real = self.walk(&parent, &mut steps.taken)?.child(hidden);
            self.remove(&real);
        }
        steps.check()
    }

    fn hardlink_target(
        &self,
        path: &RootPath,
        target: RootPath,
        steps: &mut Steps,
    ) -> Result<Arc<Entry>, OverlayError> {
        let real = self.walk_parent(&target, &mut steps.taken)?;
        let found = self.share(&real).filter(|entry| !entry.is_folder());
        found.ok_or_else(|| OverlayError::HardLink { path: path.clone(), target })
    }
}

/// Returns the path of a layer's folder.
fn folder(entry: &LayerEntry) -> Option<&[u8]> {
    matches!(&entry.change, Change::Put(put) if put.is_folder()).then(|| entry.path.as_bytes())
}

/// Returns whether a path's last name makes it a whiteout (or aufs's bookkeeping).
fn is_whiteout(path: &RootPath) -> bool {
    path.name().is_some_and(|name| name.starts_with(WHITEOUT))
}

/// Returns whether any of a path's names is a whiteout's. Runtimes take whatever has such a name
/// for a deletion: folders too.
#[must_use]
pub fn has_whiteout(path: &RootPath) -> bool {
    path.parts().any(|name| name.starts_with(WHITEOUT))
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Meta};
    use super::*;

    /// `f NAME`, `d NAME`, `l NAME TARGET`, `h NAME TARGET`, `w NAME`, `o NAME`; one a line.
    fn layer(text: &str, number: u32) -> Vec<LayerEntry> {
        let path = |name: &str| RootPath::new(name).unwrap();
        let put = |name: String, entry| LayerEntry { path: path(&name), change: Change::Put(Arc::new(entry)) };
        let file = || Entry { meta: Meta { uid: number, ..Meta::root(0o644) }, ..Entry::bytes(0o644, *b"") };
        let parse = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let name = words[1].to_owned();
            match words[0] {
                "f" => put(name, file()),
                "d" => put(name, Entry::folder(0o700)),
                "l" => put(name, Entry::link(words[2])),
                "h" => LayerEntry { path: path(&name), change: Change::HardLink { target: path(words[2]) } },
                "w" => {
                    put(format!("{}/.wh.{}", path(&name).parent().unwrap(), name.rsplit('/').next().unwrap()), file())
                }
                "o" => put(format!("{name}/.wh..wh..opq"), file()),
                other => panic!("{other}"),
            }
        };
        text.lines().map(parse).collect()
    }

    fn stack(layers: &[&str]) -> Result<String, OverlayError> {
        let mut tree = Tree::default();
        for (number, text) in (0..).zip(layers) {
            tree.stack(layer(text, number), &Limits::default())?;
        }
        let line = |(path, entry): (&RootPath, &Entry)| match &entry.kind {
            Kind::File(_) => Some(format!("{path}@{}", entry.meta.uid)),
            Kind::Link(target) => Some(format!("{path}->{}", String::from_utf8_lossy(target))),
            Kind::Folder | Kind::Special => None,
        };
        Ok(tree.iter().filter_map(line).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_whiteout_hides_lower_layers_only_in_either_order() {
        for upper in ["w d/a\nf d/a", "f d/a\nw d/a"] {
            assert_eq!(stack(&["f d/a\nf d/b", upper]).unwrap(), "/d/a@1 /d/b@0", "upper was {upper:?}");
        }
        for upper in ["o d\nf d/c", "f d/c\no d"] {
            assert_eq!(stack(&["f d/a\nf d/b/x", upper]).unwrap(), "/d/c@1", "upper was {upper:?}");
        }
    }

    #[test]
    fn a_whiteout_in_a_folder_that_replaces_a_link_hides_nothing() {
        for upper in ["d d\no d", "o d\nd d", "d d\nw d/a", "w d/a\nd d"] {
            assert_eq!(stack(&["f x/a\nl d x", upper]).unwrap(), "/x/a@0", "upper was {upper:?}");
        }
    }

    #[test]
    fn types_are_replaced_and_folders_merge() {
        assert_eq!(stack(&["f a/b/c", "f a/b"]).unwrap(), "/a/b@1");
        assert_eq!(stack(&["f a", "f a/b"]).unwrap(), "/a/b@1");
        assert_eq!(stack(&["f a/b", "d a"]).unwrap(), "/a/b@0");
        assert_eq!(stack(&["f a-b\nf a/b\nf a0", "w a"]).unwrap(), "/a-b@0 /a0@0");
    }

    #[test]
    fn entries_below_a_link_go_where_it_leads() {
        assert_eq!(stack(&["d usr/lib\nl lib usr/lib", "f lib/x"]).unwrap(), "/lib->usr/lib /usr/lib/x@1");
        assert_eq!(stack(&["f usr/lib/x\nl lib usr/lib", "w lib/x"]).unwrap(), "/lib->usr/lib");
    }

    #[test]
    fn hardlinks_reach_lower_layers_and_nothing_else() {
        assert_eq!(stack(&["f a", "h b a"]).unwrap(), "/a@0 /b@0");
        assert!(stack(&["f a", "w a\nh b a"]).is_err());
        assert!(stack(&["d a", "h b a"]).is_err());
        assert!(stack(&["f a", "h a a"]).is_err());
        assert!(stack(&["f a/b", "h a a/b"]).is_err());
        assert!(stack(&["f a/b\nl c a", "h c c/b"]).is_err());
    }

    #[test]
    fn whiteouts_of_no_name_are_refused() {
        for hidden in ["", ".", ".."] {
            assert!(stack(&["f a", &format!("f .wh.{hidden}")]).is_err(), "{hidden:?}");
        }
    }

    #[test]
    fn many_deep_whiteouts_are_refused() {
        let deep = "a/".repeat(1500);
        let whiteouts = |count| (0..count).map(|n| format!("w {deep}{n}")).collect::<Vec<_>>().join("\n");
        assert_eq!(stack(&[&whiteouts(100)]), Err(OverlayError::Links));
        assert_eq!(stack(&[&whiteouts(50)]).as_deref(), Ok(""));
    }

    #[test]
    fn deep_folders_and_long_ways_hit_a_limit() {
        let small = Limits { layer_entries: 10, layer_names: 100, name_length: 20, ..Limits::default() };
        let hit = |texts: &[&str], limits: Limits| {
            let mut tree = Tree::default();
            let stacked = texts.iter().try_for_each(|text| tree.stack(layer(text, 0), &limits));
            stacked.unwrap_err().limit()
        };
        assert_eq!(
            hit(&["f a/b/c/d/e/f/g/h/i/j/k"], Limits { layer_names: 1000, name_length: 100, ..small }),
            Some("layer-entries")
        );
        assert_eq!(
            hit(&["f aaaaaaaa/bbbbbbb/c", "f dddddddd/bbbbbbb/c", "f eeeeeeee/bbbbbbb/c"], small),
            Some("layer-names")
        );
        assert_eq!(hit(&["l l a/b/c/d/e/f/g/h", "f l/x/y/z/1"], small), Some("name-length"));
    }
}
