//! The job of GitLab CI, made from the template that others include.

const TEMPLATE: &str = include_str!("../../templates/prudence.yml");

const HEAD: &str = "# Prudence reviews the merge requests of this project: https://github.com/prudence-review/prudence
# `prudence init --gitlab` wrote this file, and it is yours to change. Settings of the review stand in `.prudence.toml`.
#
";

/// The template without its inputs: each has its default, and the lines of those that are empty are left out.
pub fn job() -> String {
    let (inputs, body) = TEMPLATE.split_once("\n---\n").unwrap_or_default();
    let defaults = defaults(inputs);
    let lines = body.lines().filter_map(|line| fill(line, &defaults));
    HEAD.to_owned() + &lines.map(|line| line + "\n").collect::<String>()
}

/// The inputs with their defaults, as they are written.
fn defaults(inputs: &str) -> Vec<(&str, &str)> {
    let mut name = "";
    let mut defaults = Vec::new();
    for line in inputs.lines() {
        let field = line.trim_start();
        match line.len() - field.len() {
            4 => name = field.trim_end_matches(':'),
            6 => defaults.extend(field.strip_prefix("default: ").map(|value| (name, value))),
            _ => {}
        }
    }
    defaults
}

fn fill(line: &str, defaults: &[(&str, &str)]) -> Option<String> {
    let Some((before, rest)) = line.split_once("$[[ inputs.") else { return Some(line.to_owned()) };
    let (name, after) = rest.split_once(" ]]")?;
    let (_, value) = defaults.iter().find(|(input, _)| *input == name)?;
    (*value != "\"\"").then(|| format!("{before}{value}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_a_default_and_is_used() {
        let (inputs, body) = TEMPLATE.split_once("\n---\n").expect("a header");
        let defaults = defaults(inputs);
        assert_eq!(defaults.len(), inputs.matches("      description: ").count());
        for (name, value) in &defaults {
            assert_eq!(body.matches(&format!("$[[ inputs.{name} ]]")).count(), 1, "{name}: {value}");
        }
        assert_eq!(body.matches("$[[").count(), defaults.len());
    }

    #[test]
    fn the_job_has_no_inputs() {
        let job = job();
        assert!(!job.contains("$[[") && !job.contains("spec:") && !job.contains("PRUDENCE_"), "{job}");
        for line in ["prudence:", "  stage: test", "    name: prudencereview/prudence:", "    exit_codes: [3]"] {
            assert!(job.lines().any(|other| other.starts_with(line)), "no `{line}` in {job}");
        }
    }
}
