//! The host's check of a GraphQL request against the schema, which refuses it as a whole.

use serde_json::{Map, Value, json};

use super::query::{Argument, Field, Operation};
use super::schema::{self, fits, has_fields};

/// The values of the variables, or everything for which the host refuses the request as a whole.
pub fn check(operation: &Operation, given: &Value) -> Result<Map<String, Value>, Vec<Value>> {
    let mut check = Check { operation, used: Vec::new(), problems: Vec::new() };
    let root = if operation.kind == "mutation" { "Mutation" } else { "Query" };
    check.fields(root, &operation.fields, std::slice::from_ref(&operation.kind));
    let who = check.who();
    for variable in &operation.variables {
        if !check.used.contains(&variable.name) {
            let text = format!("Variable ${} is declared by {who} but not used", variable.name);
            check.problem(&text, &[], "variableNotUsed");
        }
    }
    let mut values = Map::new();
    for variable in &operation.variables {
        let default = variable.default.as_ref().map_or(Value::Null, |value| filled(value, &Map::new()));
        let value = given.get(&variable.name).cloned().unwrap_or(default);
        if !fits(&variable.kind, &value) {
            let text = format!("Variable ${} of type {} was provided invalid value", variable.name, variable.kind);
            check.problem(&text, &[], "variableInvalid");
        }
        values.insert(variable.name.clone(), value);
    }
    if check.problems.is_empty() { Ok(values) } else { Err(check.problems) }
}

/// The value of an argument.
pub fn filled(argument: &Argument, values: &Map<String, Value>) -> Value {
    match argument {
        Argument::Variable(name) => values.get(name).cloned().unwrap_or_default(),
        Argument::Word(word) => json!(word),
        Argument::Literal(value) => value.clone(),
        Argument::List(items) => items.iter().map(|item| filled(item, values)).collect(),
        Argument::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value, values))).collect(),
    }
}

struct Check<'a> {
    operation: &'a Operation,
    used: Vec<String>,
    problems: Vec<Value>,
}

impl Check<'_> {
    fn who(&self) -> String {
        let kind = &self.operation.kind;
        self.operation.name.as_ref().map_or_else(|| format!("anonymous {kind}"), |name| format!("{kind} {name}"))
    }

    fn problem(&mut self, message: &str, path: &[String], code: &str) {
        let extensions = json!({"code": code});
        let locations = json!([{"line": 1, "column": 1}]);
        self.problems.push(json!({"path": path, "extensions": extensions, "locations": locations, "message": message}));
    }

    fn fields(&mut self, parent: &str, fields: &[Field], path: &[String]) {
        for asked in fields {
            let name = &asked.name;
            let path = [path, std::slice::from_ref(&asked.alias)].concat();
            if name == "__typename" {
                continue;
            }
            if let Some(kind) = &asked.on {
                if !schema::may_be(parent, kind) {
                    let text = format!("Fragment on {kind} can't be spread inside {parent}");
                    self.problem(&text, &path, "cannotSpreadFragment");
                }
                self.fields(kind, asked.fields.as_deref().unwrap_or_default(), &path);
                continue;
            }
            let Some(known) = schema::field(parent, name) else {
                let text = format!("Field '{name}' doesn't exist on type '{parent}'");
                self.problem(&text, &path, "undefinedField");
                continue;
            };
            self.arguments(&format!("Field '{name}'"), &known.arguments, &asked.arguments, &path);
            let kind = &known.kind;
            match (&asked.fields, has_fields(kind)) {
                (Some(fields), true) => self.fields(kind, fields, &path),
                (None, false) => {}
                (None, true) => {
                    let text = format!(
                        "Field must have selections (field '{name}' returns {kind} but has no selections. \
                         Did you mean '{name} {{ ... }}'?)"
                    );
                    self.problem(&text, &path, "selectionMismatch");
                }
                (Some(_), false) => {
                    let text = format!(
                        "Selections can't be made on scalars (field '{name}' returns {kind} but has selections)"
                    );
                    self.problem(&text, &path, "selectionMismatch");
                }
            }
        }
    }

    fn arguments(&mut self, owner: &str, known: &[(String, String)], given: &[(String, Argument)], path: &[String]) {
        for (name, value) in given {
            match known.iter().find(|(known, _)| known == name) {
                Some((_, kind)) => self.argument(owner, name, kind, value, path),
                None => {
                    let text = format!("{owner} doesn't accept argument '{name}'");
                    self.problem(&text, path, "argumentNotAccepted");
                }
            }
        }
        let missing =
            |(name, kind): &&(String, String)| kind.ends_with('!') && !given.iter().any(|(given, _)| given == name);
        let missing: Vec<&str> = known.iter().filter(missing).map(|(name, _)| name.as_str()).collect();
        if !missing.is_empty() {
            let text = format!("{owner} is missing required arguments: {}", missing.join(", "));
            self.problem(&text, path, "missingRequiredArguments");
        }
    }

    fn argument(&mut self, owner: &str, name: &str, kind: &str, value: &Argument, path: &[String]) {
        let bare = kind.trim_end_matches('!');
        let input = schema::input(bare);
        match (value, &input) {
            (Argument::Variable(variable), _) => return self.variable(variable, name, kind, path),
            (Argument::Object(fields), Some(known)) => {
                return self.arguments(&format!("InputObject '{bare}'"), known, fields, path);
            }
            (Argument::List(items), _) if schema::item(bare).is_some() => {
                let kind = schema::item(bare).unwrap_or_default();
                return items.iter().for_each(|item| self.argument(owner, name, kind, item, path));
            }
            (Argument::Word(word), _) if schema::is_enum(bare) && fits(kind, &json!(word)) => return,
            // A word with quotes is not one of an enumeration.
            (Argument::Literal(value), None) if !schema::is_enum(bare) && fits(kind, value) => return,
            _ => {}
        }
        let shown = match value {
            Argument::Word(word) => word.clone(),
            other => filled(other, &Map::new()).to_string(),
        };
        let text = format!("Argument '{name}' on {owner} has an invalid value ({shown}). Expected type '{kind}'.");
        self.problem(&text, path, "argumentLiteralsIncompatible");
    }

    fn variable(&mut self, variable: &str, argument: &str, kind: &str, path: &[String]) {
        self.used.push(variable.to_owned());
        let Some(declared) = self.operation.variables.iter().find(|known| known.name == variable) else {
            let text = format!("Variable ${variable} is used by {} but not declared", self.who());
            return self.problem(&text, path, "variableNotDefined");
        };
        let has = if declared.default.is_some() {
            format!("{}!", declared.kind.trim_end_matches('!'))
        } else {
            declared.kind.clone()
        };
        if has != kind && has != format!("{kind}!") {
            let text =
                format!("Type mismatch on variable ${variable} and argument {argument} ({} / {kind})", declared.kind);
            self.problem(&text, path, "variableMismatch");
        }
    }
}
