//! Tables for people.

use std::fmt::Write as _;

/// A table with these heads, its columns as wide as what is in them.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut lines = vec![line(&widths, &heads)];
    lines.extend(rows.iter().map(|row| line(&widths, &row.each_ref().map(String::as_str))));
    lines.join("\n")
}

fn line<const N: usize>(widths: &[usize; N], cells: &[&str; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        write!(line, "{cell:width$}  ").expect("a string takes all that is written to it");
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["a".into(), "é".into()], ["longer".into(), String::new()]];
        assert_eq!(table(["ID", "X"], &rows), "ID      X\na       é\nlonger");
    }
}
