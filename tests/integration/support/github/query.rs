//! The text of a GraphQL request, read into fields. No named fragments and no directives: the program sends none.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// The one operation of a request.
#[derive(Debug)]
pub struct Operation {
    /// `query` or `mutation`.
    pub kind: String,
    pub name: Option<String>,
    pub variables: Vec<Variable>,
    pub fields: Vec<Field>,
}

/// A variable as declared.
#[derive(Debug)]
pub struct Variable {
    pub name: String,
    /// Such as `String!`.
    pub kind: String,
    pub default: Option<Argument>,
}

/// A field that is asked for.
#[derive(Debug)]
pub struct Field {
    pub alias: String,
    pub name: String,
    pub arguments: Vec<(String, Argument)>,
    /// What is asked of it; `None` where there are no braces.
    pub fields: Option<Vec<Field>>,
    /// The type of an inline fragment: then `fields` are asked of values of that type.
    pub on: Option<String>,
}

/// The value of an argument.
#[derive(Debug, Clone)]
pub enum Argument {
    Variable(String),
    /// A word without quotes: one of an enumeration.
    Word(String),
    Literal(Value),
    Object(Vec<(String, Argument)>),
    List(Vec<Argument>),
}

/// Reads a request; the error is the sentence of the host.
pub fn parse(text: &str) -> Result<Operation, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let operation = parser.operation()?;
    match parser.peek() {
        None => Ok(operation),
        Some(token) => Err(format!("the double reads one operation, and then came {token:?}")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Mark(char),
    Name(String),
    Literal(Value),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        match first {
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() || c == ',' => _ = rest.next(),
            '"' => out.push(Token::Literal(quoted(&mut rest)?)),
            c if c == '-' || c.is_ascii_digit() => out.push(Token::Literal(number(&taken(&mut rest))?)),
            c if is_word(c) => out.push(Token::Name(taken(&mut rest))),
            '.' => {
                let dots = std::iter::from_fn(|| rest.next_if_eq(&'.')).count();
                if dots != 3 {
                    return Err(format!("Parse error on {dots} dots (UNKNOWN_CHAR)"));
                }
                out.push(Token::Mark('.'));
            }
            c if "{}()[]:!$=".contains(c) => out.extend(rest.next().map(Token::Mark)),
            c => return Err(format!("Parse error on {c:?} (UNKNOWN_CHAR)")),
        }
    }
    Ok(out)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

fn taken(rest: &mut Peekable<Chars>) -> String {
    let mut out = String::new();
    while let Some(c) = rest.next_if(|c| is_word(*c) || "-.".contains(*c)) {
        out.push(c);
    }
    out
}

fn number(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| format!("Parse error on {text:?} (NUMBER)"))
}

fn quoted(rest: &mut Peekable<Chars>) -> Result<Value, String> {
    let mut text: String = rest.next().into_iter().collect();
    while let Some(c) = rest.next() {
        text.push(c);
        match c {
            '\\' => text.extend(rest.next()),
            '"' => break,
            _ => {}
        }
    }
    serde_json::from_str(&text).map_err(|_| format!("Parse error on {text} (STRING)"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn operation(&mut self) -> Result<Operation, String> {
        if self.peek() == Some(&Token::Mark('{')) {
            let fields = self.selection()?;
            return Ok(Operation { kind: "query".to_owned(), name: None, variables: Vec::new(), fields });
        }
        let kind = self.name()?;
        if !["query", "mutation"].contains(&kind.as_str()) {
            return Err(format!("Parse error on {kind:?} (IDENTIFIER)"));
        }
        let name = matches!(self.peek(), Some(Token::Name(_))).then(|| self.name()).transpose()?;
        let variables = self.between('(', ')', Parser::variable)?;
        Ok(Operation { kind, name, variables, fields: self.selection()? })
    }

    fn variable(&mut self) -> Result<Variable, String> {
        self.mark('$')?;
        let name = self.name()?;
        self.mark(':')?;
        let required = |parser: &mut Parser| if parser.took('!') { "!" } else { "" };
        let kind = if self.took('[') {
            let inner = format!("{}{}", self.name()?, required(self));
            self.mark(']')?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        let kind = format!("{kind}{}", required(self));
        let default = self.took('=').then(|| self.value()).transpose()?;
        Ok(Variable { name, kind, default })
    }

    fn selection(&mut self) -> Result<Vec<Field>, String> {
        if self.peek() != Some(&Token::Mark('{')) {
            return Err(format!("Expected LCURLY, actual: {:?}", self.peek()));
        }
        let fields = self.between('{', '}', Parser::field)?;
        if fields.is_empty() { Err("Parse error on \"}\" (RCURLY)".to_owned()) } else { Ok(fields) }
    }

    fn field(&mut self) -> Result<Field, String> {
        if self.took('.') {
            if self.name()? != "on" {
                return Err("the double knows no named fragments".to_owned());
            }
            let on = self.name()?;
            let fields = Some(self.selection()?);
            return Ok(Field {
                alias: String::new(),
                name: String::new(),
                arguments: Vec::new(),
                fields,
                on: Some(on),
            });
        }
        let alias = self.name()?;
        let name = if self.took(':') { self.name()? } else { alias.clone() };
        let arguments = self.between('(', ')', Parser::pair)?;
        let fields = (self.peek() == Some(&Token::Mark('{'))).then(|| self.selection()).transpose()?;
        Ok(Field { alias, name, arguments, fields, on: None })
    }

    fn pair(&mut self) -> Result<(String, Argument), String> {
        let name = self.name()?;
        self.mark(':')?;
        Ok((name, self.value()?))
    }

    fn value(&mut self) -> Result<Argument, String> {
        if self.took('$') {
            return Ok(Argument::Variable(self.name()?));
        }
        if self.peek() == Some(&Token::Mark('{')) {
            return Ok(Argument::Object(self.between('{', '}', Parser::pair)?));
        }
        if self.peek() == Some(&Token::Mark('[')) {
            return Ok(Argument::List(self.between('[', ']', Parser::value)?));
        }
        match self.next()? {
            Token::Literal(value) => Ok(Argument::Literal(value)),
            Token::Name(word) => Ok(match word.as_str() {
                "true" => Argument::Literal(true.into()),
                "false" => Argument::Literal(false.into()),
                "null" => Argument::Literal(Value::Null),
                _ => Argument::Word(word),
            }),
            Token::Mark(mark) => Err(format!("Parse error on \"{mark}\"")),
        }
    }

    /// Things between two marks; none where the first mark is not there.
    fn between<T>(
        &mut self,
        open: char,
        close: char,
        thing: fn(&mut Parser) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut out = Vec::new();
        if self.took(open) {
            while !self.took(close) {
                out.push(thing(self)?);
            }
        }
        Ok(out)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("Unexpected end of document")?;
        self.at += 1;
        Ok(token)
    }

    fn took(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(found);
        found
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        if self.took(mark) { Ok(()) } else { Err(format!("Expected {mark:?}, actual: {:?}", self.peek())) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("Expected NAME, actual: {other:?}")),
        }
    }
}
