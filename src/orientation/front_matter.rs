//! The fields at the head of a guide, between two lines of `---`.
//!
//! They are called YAML, and are not: editors write `globs: *.ts`, which YAML takes for an alias. So what is read here is
//! what those editors read: a name, a colon, and a value on the same line, or a list.

/// The fields, each with its values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    /// The values of a field, commas between them read as such, those in braces not; empty where it is not there.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).flat_map(|(_, values)| values);
        values.flat_map(|value| at_commas(value)).map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// Whether a field is set to `true`.
    pub fn is_on(&self, name: &str) -> bool {
        self.list(name) == ["true"]
    }
}

/// The fields of a text, and the text behind them.
///
/// # Errors
/// What begins like fields does not end, or has a line that is none.
pub fn split(text: &str) -> Result<(Fields, &str), String> {
    let Some(rest) = text.strip_prefix("---\n") else { return Ok((Fields::default(), text)) };
    let end = |(at, line): &(usize, &str)| (line.trim_end() == "---").then_some((*at, line.len()));
    let mut at = 0;
    let lines: Vec<(usize, &str)> = rest
        .split_inclusive('\n')
        .map(|line| {
            at += line.len();
            (at - line.len(), line)
        })
        .collect();
    let Some((head_end, mark)) = lines.iter().find_map(end) else {
        return Err("the fields at its head do not end".to_owned());
    };
    let fields = fields(rest.get(..head_end).unwrap_or_default())?;
    Ok((fields, rest.get(head_end + mark..).unwrap_or_default()))
}

fn fields(head: &str) -> Result<Fields, String> {
    let mut fields = Fields::default();
    for line in head.lines().map(str::trim_end) {
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        match (bare.strip_prefix("- "), fields.0.last_mut()) {
            (Some(item), Some((_, values))) => values.push(unquoted(item)?.to_owned()),
            (None, Some((_, values))) if line.len() > bare.len() => {
                // a value that goes on, such as that of a folded description
                values.push(bare.to_owned());
            }
            _ => {
                let (name, value) = bare.split_once(':').ok_or_else(|| {
                    format!("`{}` at its head is no field", bare.chars().take(40).collect::<String>())
                })?;
                fields.0.push((name.trim().to_owned(), values(value.trim())?));
            }
        }
    }
    Ok(fields)
}

fn values(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() || value.starts_with('#') {
        return Ok(Vec::new());
    }
    match value.strip_prefix('[') {
        // a range of letters begins so, too
        Some(list) if value.ends_with(']') && !list.trim_end_matches(']').contains(']') => {
            let items = at_commas(list.trim_end_matches(']'));
            items.into_iter().map(|item| unquoted(item).map(str::to_owned)).collect()
        }
        Some(list) if !list.contains(']') => Err("a list at its head does not end".to_owned()),
        _ => Ok(vec![unquoted(value)?.to_owned()]),
    }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> Result<&str, String> {
    let value = value.trim();
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        // a comment stands behind a blank
        return Ok(value.split(" #").next().unwrap_or(value).trim_end());
    };
    let (inner, _) = value[1..].split_once(quote).ok_or("a quote at its head does not end")?;
    Ok(inner)
}

/// Splits at the commas that stand in no braces.
fn at_commas(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: &[&str]) {
        let text = format!("---\n{head}\n---\nbody\n");
        let (fields, body) = split(&text).expect("fields");
        assert_eq!((fields.list("globs").as_slice(), body), (expected, "body\n"), "{head}");
    }

    #[test]
    fn every_form_of_a_list() {
        check("globs: *.ts", &["*.ts"]);
        check("globs: *.ts, src/**/*.{a,b}", &["*.ts", "src/**/*.{a,b}"]);
        check("globs: \"**/*.ts,**/*.tsx\"  # all", &["**/*.ts", "**/*.tsx"]);
        check("description: x: y\nglobs: ['a', \"b\"]", &["a", "b"]);
        check("globs:\n  - a\n  - 'b c'\nalwaysApply: false", &["a", "b c"]);
        check("globs:\nalwaysApply: true", &[]);
        check("# globs: a\ndescription: >\n  folded\n  text", &[]);
        check("Globs: [a-z].rs", &["[a-z].rs"]);
    }

    #[test]
    fn a_text_without_fields_is_all_text() {
        for text in ["", "# Title\n---\n", "--- \nx", "----\n"] {
            assert_eq!(split(text), Ok((Fields::default(), text)), "{text}");
        }
        assert_eq!(split("---\n---\n"), Ok((Fields::default(), "")));
        assert!(split("---\nalwaysApply: true\n---").expect("fields").0.is_on("alwaysApply"));
    }

    #[test]
    fn broken_fields_are_an_error() {
        for text in ["---\nglobs: a\n", "---\nnonsense\n---\n", "---\nglobs: \"a\n---\n", "---\nglobs: [a, b\n---\n"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
