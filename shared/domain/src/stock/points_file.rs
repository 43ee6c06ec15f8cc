//! Reorder points as a CSV file: a header, and a line for each product.

use std::collections::HashMap;
use std::fmt;

use super::ReorderPoint;
use crate::contract::{QUANTITY_LIMIT, check_name};

/// The first line of the file.
pub const HEADER: &str = "sku,reorder_point,reorder_target";

/// Most problems that are shown.
const SHOWN_LIMIT_PROBLEMS: usize = 20;

/// Every problem with the file, each naming its line, counted from 1, and where one is to blame its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PointsFileInvalid {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

impl fmt::Display for PointsFileInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.problems.len().min(SHOWN_LIMIT_PROBLEMS);
        f.write_str(&self.problems.get(..shown).unwrap_or_default().join("\n"))?;
        match self.problems.len() - shown {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// Reads the file, in its order. A product stands there once. Fields may be quoted, and empty lines are skipped.
///
/// # Errors
/// Every line that cannot be taken; nothing of such a file is to be loaded.
pub fn read_points(text: &str) -> Result<Vec<(String, ReorderPoint)>, PointsFileInvalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let (mut points, mut problems) = (Vec::new(), Vec::new());
    let mut line_of: HashMap<String, usize> = HashMap::new();
    let (number, header) = lines.next().unwrap_or((1, ""));
    if fields(header).is_none_or(|names| names.join(",") != HEADER) {
        problems.push(format!("line {number}: the header must be {HEADER}"));
    }
    for (number, line) in lines {
        let read = read_line(line).and_then(|(sku, point)| match line_of.insert(sku.clone(), number) {
            Some(first) => Err(format!("sku {sku:?} stands in line {first} already")),
            None => Ok((sku, point)),
        });
        match read {
            Ok(read) => points.push(read),
            Err(problem) => problems.push(format!("line {number}: {problem}")),
        }
    }
    match problems.is_empty() {
        true => Ok(points),
        false => Err(PointsFileInvalid { problems }),
    }
}

fn read_line(line: &str) -> Result<(String, ReorderPoint), String> {
    let fields = fields(line).ok_or("a quote is not closed, or text follows it")?;
    let Ok([sku, point, target]) = <[String; 3]>::try_from(fields) else {
        return Err(format!("must have the fields {HEADER}"));
    };
    check_name("sku", &sku).map_err(|invalid| invalid.to_string())?;
    let point = ReorderPoint::new(number("reorder_point", &point)?, number("reorder_target", &target)?);
    Ok((sku, point.map_err(|invalid| invalid.to_string())?))
}

fn number(field: &str, text: &str) -> Result<i64, String> {
    let value = text.parse().ok().filter(|value| (0..=QUANTITY_LIMIT).contains(value));
    value.ok_or_else(|| format!("{field} must be a whole number from 0 to {QUANTITY_LIMIT}, is {text:?}"))
}

/// The fields of a line, without the spaces around them; a quoted one keeps its own, and `""` in it is a quote. `None`
/// when a quote is not closed, or text follows it.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut rest) = (Vec::new(), Some(line));
    while let Some(text) = rest {
        let (field, behind) = match text.trim_start().strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => match text.split_once(',') {
                Some((field, behind)) => (field.trim().to_owned(), Some(behind)),
                None => (text.trim().to_owned(), None),
            },
        };
        fields.push(field);
        rest = behind;
    }
    Some(fields)
}

/// A field behind its opening quote, and what follows the comma after it.
fn take_quoted(quoted: &str) -> Option<(String, Option<&str>)> {
    let end = closing_quote(quoted)?;
    let field = quoted.get(..end)?.replace("\"\"", "\"");
    match quoted.get(end + 1..)?.trim_start() {
        "" => Some((field, None)),
        behind => behind.strip_prefix(',').map(|behind| (field, Some(behind))),
    }
}

fn closing_quote(quoted: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + quoted.get(from..)?.find('"')?;
        match quoted.get(quote + 1..)?.starts_with('"') {
            true => from = quote + 2,
            false => return Some(quote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(lines: &str) -> Vec<String> {
        read_points(&format!("{HEADER}\n{lines}")).unwrap_err().problems
    }

    #[test]
    fn a_file_is_read_in_its_order() {
        let text = "\u{feff}sku,reorder_point,reorder_target\r\nb, 5 ,20\r\n\r\n\"a,\"\"1\"\"\" ,0,\"1\"\r\n";
        let point = |point, target| ReorderPoint::new(point, target).unwrap();
        let expected = [("b".to_owned(), point(5, 20)), ("a,\"1\"".to_owned(), point(0, 1))];
        assert_eq!(read_points(text).unwrap(), expected);
        assert_eq!(read_points(HEADER).unwrap(), []);
    }

    #[test]
    fn a_problem_names_line_and_field() {
        let cases = [
            ("a,1", "line 2: must have the fields sku,reorder_point,reorder_target"),
            ("a,1,2,", "line 2: must have the fields sku,reorder_point,reorder_target"),
            (",1,2", "line 2: sku is missing or empty"),
            ("a#b,1,2", "line 2: sku must not hold a #"),
            ("a,x,2", "line 2: reorder_point must be a whole number from 0 to 1000000000, is \"x\""),
            ("a,1,-2", "line 2: reorder_target must be a whole number from 0 to 1000000000, is \"-2\""),
            ("a,1.0,2", "line 2: reorder_point must be a whole number from 0 to 1000000000, is \"1.0\""),
            ("a,2,2", "line 2: reorder_target must be above reorder_point, 2 is not above 2"),
            ("\"a,1,2", "line 2: a quote is not closed, or text follows it"),
            ("\"a\"b,1,2", "line 2: a quote is not closed, or text follows it"),
            ("\na,1,2\nb,1,2\na,3,4", "line 5: sku \"a\" stands in line 3 already"),
        ];
        for (lines, expected) in cases {
            assert_eq!(problems(lines), [expected]);
        }
    }

    #[test]
    fn a_file_without_its_header_is_refused() {
        for (line, text) in
            [(1, ""), (1, "\n"), (2, "\na,1,2"), (1, "sku,reorder_target,reorder_point\na,1,2")]
        {
            let expected = format!("line {line}: the header must be sku,reorder_point,reorder_target");
            assert_eq!(read_points(text).unwrap_err().problems, [expected], "{text:?}");
        }
    }

    #[test]
    fn all_problems_are_listed_and_the_first_shown() {
        let problems = problems(&"a\n".repeat(25));
        assert_eq!(problems.len(), 25);
        let shown = PointsFileInvalid { problems }.to_string();
        assert_eq!((shown.lines().count(), shown.lines().last()), (21, Some("and 5 more")));
    }
}
