//! What people put into code while they work on it and mean to take out again: focused tests and breakpoints.

use super::{At, Found, added, is_word};
use crate::diff::FileDiff;
use crate::severity::{Category, Severity};
use crate::words::Words;

/// Longer lines are not written by hand.
const LONGEST: usize = 2000;

const JS: &[&str] = &["js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"];
const PYTHON: &[&str] = &["py", "pyw"];
const RUBY: &[&str] = &["rb", "rake"];
const GO: &[&str] = &["go"];

/// A statement that should not be there.
struct Pattern {
    extensions: &'static [&'static str],
    /// The text, from the start of a word.
    text: &'static str,
    place: Place,
}

/// Where in a line the text must stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Anywhere, but not as a member of another object.
    Word,
    /// Anywhere, also behind a dot or a path.
    Anywhere,
    /// At the start of the line's code.
    Start,
    /// Alone but for a semicolon.
    Alone,
}

const fn pattern(extensions: &'static [&'static str], text: &'static str, place: Place) -> Pattern {
    Pattern { extensions, text, place }
}

const DEBUGGER: &[Pattern] = &[
    pattern(JS, "debugger", Place::Alone),
    pattern(PYTHON, "breakpoint()", Place::Word),
    pattern(PYTHON, "import pdb", Place::Start),
    pattern(PYTHON, "import ipdb", Place::Start),
    pattern(PYTHON, "from pdb import", Place::Start),
    pattern(PYTHON, "pdb.set_trace()", Place::Word),
    pattern(PYTHON, "ipdb.set_trace()", Place::Word),
    pattern(PYTHON, "pdb.post_mortem(", Place::Word),
    pattern(RUBY, "binding.pry", Place::Word),
    pattern(RUBY, "binding.irb", Place::Word),
    pattern(RUBY, "binding.break", Place::Word),
    pattern(RUBY, "byebug", Place::Alone),
    pattern(RUBY, "debugger", Place::Alone),
    pattern(&["php"], "dd(", Place::Word),
    pattern(&["php"], "xdebug_break()", Place::Word),
    pattern(&["rs"], "dbg!(", Place::Anywhere),
    pattern(&["ex", "exs"], "IEx.pry", Place::Word),
    pattern(GO, "runtime.Breakpoint()", Place::Word),
    pattern(&["cs"], "Debugger.Break()", Place::Anywhere),
    pattern(&["cs"], "Debugger.Launch()", Place::Anywhere),
];

const FOCUSED: &[Pattern] = &[
    pattern(JS, "it.only", Place::Anywhere),
    pattern(JS, "test.only", Place::Anywhere),
    pattern(JS, "describe.only", Place::Anywhere),
    pattern(JS, "context.only", Place::Anywhere),
    pattern(JS, "suite.only", Place::Anywhere),
    pattern(JS, "specify.only", Place::Anywhere),
    pattern(JS, "fit(", Place::Start),
    pattern(JS, "fdescribe(", Place::Start),
    pattern(JS, "fcontext(", Place::Start),
    pattern(RUBY, "fit ", Place::Start),
    pattern(RUBY, "fdescribe ", Place::Start),
    pattern(RUBY, "fcontext ", Place::Start),
    pattern(RUBY, "fspecify ", Place::Start),
    pattern(RUBY, "focus: true", Place::Word),
    pattern(GO, "FIt(", Place::Word),
    pattern(GO, "FDescribe(", Place::Word),
    pattern(GO, "FContext(", Place::Word),
    pattern(GO, "FWhen(", Place::Word),
    pattern(GO, "FSpecify(", Place::Word),
    pattern(GO, "FEntry(", Place::Word),
    pattern(GO, "FDescribeTable(", Place::Word),
    pattern(PYTHON, "pytest.mark.only", Place::Anywhere),
];

pub(super) fn debugger(file: &FileDiff, words: &Words) -> Vec<Found> {
    let hit = |leftover: Leftover| {
        let text = leftover.pattern.text;
        let (consequence, severity, category) = match text {
            "dbg!(" => (&words.debugger_prints, Severity::Minor, Category::Maintainability),
            "dd(" => (&words.debugger_ends, Severity::Major, Category::Bug),
            _ => (&words.debugger_hangs, Severity::Major, Category::Bug),
        };
        let shown = shown(text);
        let is_whole_line = leftover.line.trim().trim_end_matches(';') == text;
        Found {
            at: leftover.at,
            severity,
            category,
            title: words.debugger_title.with(&[("text", &shown)]),
            body: words.debugger_body.with(&[("text", &shown), ("consequence", consequence)]),
            suggestion: is_whole_line.then(String::new),
        }
    };
    let mut found = find(file, DEBUGGER);
    // The import of a debugger says nothing new where its use is reported.
    let is_import = |leftover: &Leftover| leftover.pattern.place == Place::Start;
    if !found.iter().all(is_import) {
        found.retain(|leftover| !is_import(leftover));
    }
    found.into_iter().map(hit).collect()
}

pub(super) fn focused_tests(file: &FileDiff, words: &Words) -> Vec<Found> {
    let path = file.path().as_str().to_ascii_lowercase();
    let is_test = ["test", "spec", "e2e", "cypress"].iter().any(|word| path.contains(word));
    let hit = |leftover: Leftover| Found {
        suggestion: leftover.unfocused(),
        at: leftover.at,
        severity: Severity::Major,
        category: Category::Test,
        title: words.focused_title.with(&[("text", &shown(leftover.pattern.text))]),
        body: words.focused_body.with(&[("text", &shown(leftover.pattern.text))]),
    };
    // `.only` says what it is anywhere; words like `fit(` mean something else outside of tests.
    let is_meant = |leftover: &Leftover| is_test || leftover.pattern.text.ends_with(".only");
    find(file, FOCUSED).into_iter().filter(is_meant).map(hit).collect()
}

/// A pattern without what opens its arguments.
fn shown(text: &str) -> &str {
    text.trim_end_matches(['(', ' '])
}

/// A pattern that was found in code.
struct Leftover<'a> {
    pattern: &'static Pattern,
    at: At,
    line: std::borrow::Cow<'a, str>,
    /// Where in the line the pattern stands, in bytes.
    start: usize,
}

impl Leftover<'_> {
    /// The line without the mark that focuses.
    fn unfocused(&self) -> Option<String> {
        let (before, rest) = self.line.split_at_checked(self.start)?;
        let rest = rest.strip_prefix(self.pattern.text)?;
        let plain = match self.pattern.text {
            "focus: true" | "pytest.mark.only" => return None,
            text if text.ends_with(".only") => text.trim_end_matches(".only").to_owned(),
            // `FIt(` stands for `It(`, `fit ` for `it `.
            text => text.get(1..)?.to_owned(),
        };
        Some(format!("{before}{plain}{rest}"))
    }
}

/// The added lines with one of the patterns in their code; the first pattern of a line counts.
fn find<'a>(file: &'a FileDiff, patterns: &'static [Pattern]) -> Vec<Leftover<'a>> {
    let extension = file.path().extension();
    let patterns: Vec<&'static Pattern> =
        patterns.iter().filter(|pattern| pattern.extensions.contains(&extension.as_str())).collect();
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, line) in added(file).filter(|(_, line)| line.bytes().len() <= LONGEST) {
        let line = line.text();
        let place = patterns.iter().find_map(|pattern| Some((*pattern, pattern.find(&line, &extension)?)));
        found.extend(place.map(|(pattern, start)| Leftover { pattern, at, line, start }));
    }
    found
}

impl Pattern {
    /// Where the pattern stands in the line's code.
    fn find(&self, line: &str, extension: &str) -> Option<usize> {
        let places = line.match_indices(self.text).map(|(start, _)| start);
        places.into_iter().find(|&start| self.fits(line, start) && is_code(line, start, extension))
    }

    fn fits(&self, line: &str, start: usize) -> bool {
        let before = &line[..start];
        let rest = &line[start + self.text.len()..];
        let last = before.bytes().last();
        let is_inside_word = last.is_some_and(|byte| is_word(byte) || byte == b'$');
        let follows_member = before.ends_with(['.', '>', ':', '@']);
        let is_defined = before.ends_with("function ") || before.ends_with("def ");
        let ends_word =
            !rest.bytes().next().is_some_and(is_word) || !self.text.ends_with(|c: char| c.is_ascii_alphanumeric());
        let fits = match self.place {
            Place::Anywhere => !is_inside_word,
            Place::Word => !is_inside_word && !follows_member && !is_defined,
            Place::Start => before.trim().is_empty(),
            Place::Alone => is_alone(before, rest),
        };
        fits && ends_word
            && (!self.text.ends_with(".only") || self.extensions != JS || rest.starts_with(['(', '.', '`', '<']))
    }
}

/// Whether what stands around a statement are other statements' ends: `if (x) debugger;`, `{ debugger }`.
fn is_alone(before: &str, rest: &str) -> bool {
    let (before, rest) = (before.trim_end(), rest.trim_start());
    let opens = before.is_empty() || before.ends_with(['{', ';', ')', '}']) || before.ends_with("else");
    opens && (rest.is_empty() || rest.starts_with([';', '}', '#']) || rest.starts_with("//"))
}

/// Whether the text at `position` is code, as far as one line tells: not behind a comment mark, not in a string.
fn is_code(line: &str, position: usize, extension: &str) -> bool {
    let hash_comments = matches!(extension, "py" | "pyw" | "rb" | "rake" | "ex" | "exs" | "php");
    let slash_comments = !matches!(extension, "py" | "pyw" | "rb" | "rake" | "ex" | "exs");
    // In Rust a lone `'` starts a lifetime.
    let is_quote = |byte: u8| byte == b'"' || byte == b'`' || byte == b'\'' && extension != "rs";
    if slash_comments && line.trim_start().starts_with(['*']) {
        return false;
    }
    let mut quote = None;
    let mut bytes = line.bytes().take(position).peekable();
    while let Some(byte) = bytes.next() {
        match quote {
            Some(_) if byte == b'\\' => drop(bytes.next()),
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if is_quote(byte) => quote = Some(byte),
            None if hash_comments && byte == b'#' => return false,
            None if slash_comments && byte == b'/' && matches!(bytes.peek(), Some(b'/' | b'*')) => return false,
            None => {}
        }
    }
    quote.is_none()
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::{check, hits};

    #[test]
    fn debuggers() {
        const RULE: &str = "debugger";
        check(
            RULE,
            "a.ts",
            "debugger;\n  debugger\nif (x) debugger;\n{ debugger }\nif (x) { debugger; } // why\n",
            &[1, 2, 3, 4, 5],
        );
        check(RULE, "a.py", "breakpoint()\nipdb.set_trace()\nimport pdb\npdb.set_trace()\n", &[1, 2, 4]);
        check(RULE, "a.py", "import os\nimport pdb\n", &[2]);
        check(RULE, "a.rb", "binding.pry\n  byebug\nrequire 'x'; binding.irb if y\n", &[1, 2, 3]);
        check(RULE, "a.php", "dd($user);\n\\xdebug_break();\n", &[1, 2]);
        check(RULE, "a.rs", "let a = dbg!(b);\nstd::dbg!(x)\n", &[1, 2]);
        check(RULE, "a.exs", "require IEx; IEx.pry()\n", &[1]);
        check(RULE, "a.go", "\truntime.Breakpoint()\n", &[1]);
        check(RULE, "a.cs", "System.Diagnostics.Debugger.Break();\r\n", &[1]);
    }

    #[test]
    fn what_only_reads_like_a_debugger() {
        const RULE: &str = "debugger";
        check(
            RULE,
            "a.ts",
            "// debugger;\nconst s = 'a; debugger;'\nx.debugger;\ndebugger: true,\n * debugger;\nimport debugger from 'x'\n",
            &[],
        );
        check(
            RULE,
            "a.py",
            "# breakpoint()\nself.breakpoint()\nx = \"breakpoint()\"\ndef breakpoint():\nset_breakpoint()\n",
            &[],
        );
        check(RULE, "a.php", "$this->dd($x);\nadd($x);\nFoo::dd(1);\nfunction dd($x) {\n# dd(1)\n", &[]);
        check(RULE, "a.rs", "// dbg!(x)\nlet s = \"dbg!(x)\";\nmy_dbg!(x);\n", &[]);
        check(RULE, "a.txt", "debugger;\nbreakpoint()\n", &[]);
        check(RULE, "min.js", &format!("{}debugger;\n", "a();".repeat(1000)), &[]);
    }

    #[test]
    fn focused() {
        const RULE: &str = "focused-tests";
        check(RULE, "src/a.js", "it.only('x', () => {\ntest.describe.only('y')\nit.only.each([1])('z')\n", &[1, 2, 3]);
        check(RULE, "a.test.ts", "  fit('x', () => {\nfdescribe('y', f)\n", &[1, 2]);
        check(RULE, "a_spec.rb", "  fit 'x' do\nfdescribe X do\nit 'y', focus: true do\n", &[1, 2, 3]);
        check(RULE, "a_test.go", "\tFIt(\"x\", func() {\n", &[1]);
        check(RULE, "test_a.py", "@pytest.mark.only\n", &[1]);
    }

    #[test]
    fn not_focused() {
        const RULE: &str = "focused-tests";
        check(
            RULE,
            "a.test.js",
            "// it.only('x')\nconst s = \"it.only('x')\"\nmodel.fit(x)\nbenefit(x)\nunit.only(x)\nit.onlyOnce(x)\n",
            &[],
        );
        check(RULE, "src/model.js", "fit(x, y)\n", &[]);
        check(RULE, "app/model.rb", "fit 'x'\n", &[]);
        check(RULE, "a_test.go", "\t// FIt(\"x\")\n\tx.FIt(1)\n", &[]);
    }

    #[test]
    fn suggestions_take_the_mark_away() {
        let suggestion = |path: &str, text: &str| hits(path, text)[0].suggestion.clone();
        assert_eq!(suggestion("a.test.js", "  it.only('x', f)\n").as_deref(), Some("  it('x', f)"));
        assert_eq!(suggestion("a.test.js", "  fit('x', f)\r\n").as_deref(), Some("  it('x', f)"));
        assert_eq!(suggestion("a_test.go", "FIt(\"x\")\n").as_deref(), Some("It(\"x\")"));
        assert_eq!(suggestion("a.js", "  debugger;\n").as_deref(), Some(""));
        assert_eq!(suggestion("a.js", "if (x) debugger;\n"), None);
    }
}
