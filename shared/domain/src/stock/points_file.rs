//! Reorder points as a CSV file: a header, and a line for each product.

use std::collections::BTreeMap;
use std::fmt;

use super::ReorderPoint;
use crate::contract::{QUANTITY_LIMIT, check_name};
use crate::decode::truncate;

/// The first line of the file.
pub const HEADER: &str = "sku,reorder_point,reorder_target";

/// Most problems that are kept and shown, those of the first lines.
const SHOWN_LIMIT_PROBLEMS: usize = 20;
/// Most fields of a line that are read: one more than it may have.
const FIELDS_LIMIT: usize = 4;
/// Most bytes of a field that a problem quotes.
const QUOTED_LIMIT_BYTES: usize = 200;

/// The first problems with the file, each naming its line, counted from 1, and where one is to blame its field.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct PointsFileInvalid {
    /// One sentence a problem, by its line.
    pub problems: BTreeMap<usize, String>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for PointsFileInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> =
            self.problems.iter().map(|(number, problem)| format!("line {number}: {problem}")).collect();
        f.write_str(&shown.join("\n"))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl PointsFileInvalid {
    fn push(&mut self, number: usize, problem: String) {
        self.problems.insert(number, problem);
        if self.problems.len() > SHOWN_LIMIT_PROBLEMS {
            self.problems.pop_last();
            self.more += 1;
        }
    }
}

/// Reads the file, in its order. A product stands there once. Fields may be quoted, and empty lines are skipped.
///
/// # Errors
/// The lines that cannot be taken; nothing of such a file is to be loaded.
pub fn read_points(text: &str) -> Result<Vec<(String, ReorderPoint)>, PointsFileInvalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let mut invalid = PointsFileInvalid::default();
    let (number, header) = lines.next().unwrap_or((1, ""));
    if fields(header).is_none_or(|names| names.join(",") != HEADER) {
        invalid.push(number, format!("the header must be {HEADER}"));
    }
    let (mut points, mut numbers) = (Vec::new(), Vec::new());
    for (number, line) in lines {
        match read_line(line) {
            Ok(read) => {
                points.push(read);
                numbers.push(number);
            }
            Err(problem) => invalid.push(number, problem),
        }
    }
    check_once(&points, &numbers, &mut invalid);
    match invalid.problems.is_empty() {
        true => Ok(points),
        false => Err(invalid),
    }
}

/// Notes the products that stand there again. Sorting their places takes a few bytes a product, a map of them dozens.
fn check_once(points: &[(String, ReorderPoint)], numbers: &[usize], invalid: &mut PointsFileInvalid) {
    let place = |index: &usize| Some((points.get(*index)?.0.as_str(), *numbers.get(*index)?));
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_unstable_by_key(place);
    let mut before = None;
    for (sku, number) in order.iter().filter_map(place) {
        if let Some(first) =
            before.filter(|(known, _)| *known == sku).map(|(_, number): (&str, usize)| number)
        {
            invalid.push(number, format!("sku {sku:?} stands in line {first} already"));
        }
        before = Some((sku, number));
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
    value.ok_or_else(|| {
        let shown = truncate(text, QUOTED_LIMIT_BYTES);
        format!("{field} must be a whole number from 0 to {QUANTITY_LIMIT}, is {shown:?}")
    })
}

/// The fields of a line, without the spaces around them; a quoted one keeps its own, and `""` in it is a quote. `None`
/// when a quote is not closed, or text follows it.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut rest): (Vec<String>, _) = (Vec::new(), Some(line));
    while let Some(text) = rest.filter(|_| fields.len() < FIELDS_LIMIT) {
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

    fn invalid(lines: &str) -> PointsFileInvalid {
        read_points(&format!("{HEADER}\n{lines}")).unwrap_err()
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
            assert_eq!(invalid(lines).to_string(), expected);
        }
    }

    #[test]
    fn a_file_without_its_header_is_refused() {
        for (line, text) in
            [(1, ""), (1, "\n"), (2, "\na,1,2"), (1, "sku,reorder_target,reorder_point\na,1,2")]
        {
            let expected = format!("line {line}: the header must be sku,reorder_point,reorder_target");
            assert_eq!(read_points(text).unwrap_err().to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_first_problems_are_shown_and_all_are_counted() {
        let invalid = invalid(&format!("a\n{}b,1,2\nb,1,2\n", "a\n".repeat(23)));
        assert_eq!((invalid.problems.len(), invalid.more), (20, 5));
        let shown = invalid.to_string();
        assert!(shown.starts_with("line 2: must have"), "{shown}");
        assert_eq!((shown.lines().count(), shown.lines().last()), (21, Some("and 5 more")));
    }
}
