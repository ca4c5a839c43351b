//! The table of an image's layers, for builds and plans. Pure.

use super::size::size;
use super::table::Table;
use crate::assemble::report::Size;
use crate::oci::Platform;
use crate::printable::one_line;

/// The mark of estimated packed sizes.
pub const ESTIMATE: &str = "~";

const TITLES: [&str; 6] = ["", "layers", "packed", "unpacked", "files", ""];

/// The columns for decreasing widths: first without the number of layers, then without files, then
/// without unpacked sizes.
const COLUMNS: [&[usize]; 4] = [&[0, 1, 2, 3, 4, 5], &[0, 2, 3, 4, 5], &[0, 2, 3, 5], &[0, 2, 5]];

/// The layers of one kind, or of all.
#[derive(Default)]
pub struct Row {
    pub name: &'static str,
    pub size: Size,
    /// Unknown for the base.
    pub files: u64,
    pub estimated: bool,
    pub mark: String,
}

/// Returns the number of layers from the cache, of all layers.
pub fn mark(cached: usize, layers: usize) -> String {
    match cached {
        0 => String::new(),
        _ if cached == layers => "cached".to_owned(),
        _ => format!("{cached} of {layers} cached"),
    }
}

impl Row {
    /// Adds layers of its kind.
    pub fn add(&mut self, size: Size, files: u64, estimated: bool) {
        self.size.layers += size.layers;
        self.size.packed += size.packed;
        self.size.unpacked += size.unpacked;
        self.files += files;
        self.estimated |= estimated;
    }

    fn cells(self) -> [String; 6] {
        let Size { layers, packed, unpacked } = self.size;
        let packed = format!("{}{}", if self.estimated { ESTIMATE } else { "" }, size(packed));
        let files = if self.files > 0 { self.files.to_string() } else { String::new() };
        [format!("  {}", self.name), layers.to_string(), packed, size(unpacked), files, self.mark]
    }
}

/// Returns the table of one platform under its name.
pub fn table(platform: &Platform, python: Option<&str>, rows: impl IntoIterator<Item = Row>, width: usize) -> String {
    let python = python.map_or_else(String::new, |version| format!(", Python {version}"));
    let heading = one_line(&format!("{platform}{python}"));
    let rows = std::iter::once(TITLES.map(str::to_owned)).chain(rows.into_iter().map(Row::cells)).collect();
    format!("{heading}\n{}", Table { rows }.text(&COLUMNS, width))
}
