//! Plain text tables: columns as wide as their widest cell, the first to the left, numbers right.

/// Rows of text under a header.
#[derive(Debug)]
pub(crate) struct Table {
    /// Invariant: every row has as many cells as the first, the header.
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row, cut or filled up to the header's number of cells.
    pub(crate) fn add(&mut self, mut cells: Vec<String>) {
        cells.resize(self.rows[0].len(), String::new());
        self.rows.push(cells);
    }

    /// The table, each line indented by two and ended.
    ///
    /// Columns in which no row has a figure are left out.
    pub(crate) fn text(&self) -> String {
        let (header, body) = self.rows.split_at(1);
        let shown: Vec<usize> = (0..header[0].len())
            .filter(|&column| body.iter().any(|row| !matches!(row[column].as_str(), "" | "-")))
            .collect();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let is_text = |column: usize| body.iter().any(|row| starts_as_text(&row[column]));
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(" ");
            for &column in &shown {
                let (cell, width) = (&row[column], width(column).unwrap_or(0));
                line += &match is_text(column) {
                    true => format!(" {cell:<width$} "),
                    false => format!(" {cell:>width$} "),
                };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A cell of words stands to the left, one of figures to the right.
fn starts_as_text(cell: &str) -> bool {
    cell.chars().next().is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_right_and_empty_columns_are_left_out() {
        let mut table = Table::new(&["", "ops/s", "none", "µs"]);
        table.add(vec!["redis".into(), "5".into(), "-".into(), "10.5".into()]);
        table.add(vec!["x".into(), "1000".into(), "-".into()]);
        assert_eq!(table.text(), "         ops/s    µs\n  redis      5  10.5\n  x       1000\n");
    }
}
