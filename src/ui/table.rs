//! A table of texts: the first column is aligned left, numbers are aligned right, the last column
//! is a mark. Pure.

/// Rows of `N` cells; the first row has the titles.
pub struct Table<const N: usize> {
    pub rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// Returns the rows as lines, with the first choice of columns that fits into `width`, or else
    /// the last.
    #[must_use]
    pub fn text(&self, choices: &[&[usize]], width: usize) -> String {
        let fits = |columns: &&&[usize]| self.width(columns) <= width;
        let columns = choices.iter().find(fits).or(choices.last()).copied().unwrap_or_default();
        let lines: Vec<_> = self.rows.iter().map(|row| self.line(row, columns)).collect();
        lines.join("\n")
    }

    fn line(&self, row: &[String; N], columns: &[usize]) -> String {
        let cells = columns.iter().map(|&column| {
            let width = self.column(column);
            let cell = &row[column];
            if column == 0 || column + 1 == N { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }

    fn width(&self, columns: &[usize]) -> usize {
        columns.iter().map(|&column| self.column(column) + 2).sum::<usize>().saturating_sub(2)
    }

    fn column(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }
}
