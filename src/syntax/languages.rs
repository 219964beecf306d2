//! The table of languages: which files are in a language, and which nodes of its grammar mean what.
//!
//! # To add a language
//!
//! 1. Add its grammar crate to `Cargo.toml`, as an optional dependency with a feature of the language's name.
//! 2. Add a row to `LANGUAGES`. The kinds of nodes stand in the grammar's `src/node-types.json`, and most grammars say in
//!    `queries/tags.scm` which of them are definitions and calls. Where the name of a definition is not found, see
//!    `walk.rs`, which knows the fields that names are in.
//! 3. Add a sample to `tests.rs`. A kind that the grammar does not have makes a test fail.

use std::sync::LazyLock;

use super::Kind::{self, Function, Scope, Type, Value};

/// A row of the table.
#[derive(Debug)]
pub struct Language {
    /// Its name, for people.
    pub name: &'static str,
    /// Languages of one family call each other's functions.
    pub family: &'static str,
    /// Endings of file names, in lower case.
    extensions: &'static [&'static str],
    /// The grammar; `None` where the program was built without it.
    grammar: fn() -> Option<tree_sitter::Language>,
    /// Nodes that define something.
    definitions: &'static [(&'static str, Kind)],
    /// Of these, the ones that define nothing where they have no `body`.
    with_body: &'static [&'static str],
    /// Nodes around a definition that belong to it, such as decorators.
    wrappers: &'static [&'static str],
    /// Nodes that are the body of a definition, where the grammar has no field `body`.
    bodies: &'static [&'static str],
    /// Nodes that bring in names.
    imports: &'static [&'static str],
    /// Nodes that call something, and the field that says what; the first child where it is empty.
    calls: &'static [(&'static str, &'static str)],
    /// Calls of these bring in names.
    import_calls: &'static [&'static str],
}

/// What a kind of node means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Nothing,
    Definition { kind: Kind, needs_body: bool },
    Wrapper,
    Body,
    Import,
    Call(&'static str),
    Name,
    TypeName,
}

/// A language whose grammar is here.
pub(super) struct Grammar {
    pub(super) language: tree_sitter::Language,
    /// By the number of the kind.
    roles: Vec<Role>,
    pub(super) import_calls: &'static [&'static str],
}

impl Grammar {
    pub(super) fn role(&self, kind: u16) -> Role {
        self.roles.get(usize::from(kind)).copied().unwrap_or(Role::Nothing)
    }
}

/// The language of a file, by its name.
pub fn of(path: &str) -> Option<&'static Language> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let by_name = match name {
        "Rakefile" | "Gemfile" | "Guardfile" | "Vagrantfile" => "rb",
        ".bashrc" | ".profile" | ".bash_profile" => "sh",
        _ => ending.as_str(),
    };
    LANGUAGES.iter().find(|language| language.extensions.contains(&by_name))
}

/// The grammar of a language, where it is here.
pub(super) fn grammar(language: &'static Language) -> Option<&'static Grammar> {
    static GRAMMARS: LazyLock<Vec<Option<Grammar>>> =
        LazyLock::new(|| LANGUAGES.iter().map(Language::grammar).collect());
    let index = LANGUAGES.iter().position(|row| std::ptr::eq(row, language))?;
    GRAMMARS.get(index)?.as_ref()
}

impl Language {
    fn grammar(&self) -> Option<Grammar> {
        let language = (self.grammar)()?;
        let kinds = 0..u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        let role = |id: u16| match language.node_kind_for_id(id) {
            Some(kind) if language.node_kind_is_named(id) => self.role(kind),
            _ => Role::Nothing,
        };
        let roles = kinds.map(role).collect();
        Some(Grammar { language, roles, import_calls: self.import_calls })
    }

    fn role(&self, kind: &str) -> Role {
        let definition = self.definitions.iter().find(|(name, _)| *name == kind);
        let call = self.calls.iter().find(|(name, _)| *name == kind);
        match (definition, call) {
            (Some((name, kind)), _) => Role::Definition { kind: *kind, needs_body: self.with_body.contains(name) },
            (None, Some((_, field))) => Role::Call(field),
            _ if self.wrappers.contains(&kind) => Role::Wrapper,
            _ if self.bodies.contains(&kind) => Role::Body,
            _ if self.imports.contains(&kind) => Role::Import,
            _ if kind == "type_identifier" || kind == "constant" => Role::TypeName,
            _ if kind.ends_with("identifier") || kind == "name" => Role::Name,
            _ => Role::Nothing,
        }
    }

    /// All kinds that the row names.
    #[cfg(test)]
    pub(super) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let definitions = self.definitions.iter().map(|(kind, _)| *kind);
        let calls = self.calls.iter().map(|(kind, _)| *kind);
        let lists = [self.with_body, self.wrappers, self.bodies, self.imports];
        definitions.chain(calls).chain(lists.into_iter().flatten().copied())
    }
}

/// The function that gives a grammar, or nothing where the feature is off.
macro_rules! grammar {
    ($feature:literal, $language:path) => {{
        #[cfg(feature = $feature)]
        let grammar = || Some($language.into());
        #[cfg(not(feature = $feature))]
        let grammar = || None;
        grammar
    }};
}

/// A row that says nothing.
const NONE: Language = Language {
    name: "",
    family: "",
    extensions: &[],
    grammar: || None,
    definitions: &[],
    with_body: &[],
    wrappers: &[],
    bodies: &[],
    imports: &[],
    calls: &[],
    import_calls: &[],
};

const SCRIPT_DEFINITIONS: &[(&str, Kind)] = &[
    ("function_declaration", Function),
    ("generator_function_declaration", Function),
    ("method_definition", Function),
    ("class_declaration", Type),
    ("variable_declarator", Value),
    ("assignment_expression", Value),
    ("field_definition", Value),
];

const TYPESCRIPT_DEFINITIONS: &[(&str, Kind)] = &[
    ("function_declaration", Function),
    ("generator_function_declaration", Function),
    ("function_signature", Function),
    ("method_definition", Function),
    ("method_signature", Function),
    ("abstract_method_signature", Function),
    ("class_declaration", Type),
    ("abstract_class_declaration", Type),
    ("interface_declaration", Type),
    ("type_alias_declaration", Type),
    ("enum_declaration", Type),
    ("internal_module", Scope),
    ("variable_declarator", Value),
    ("assignment_expression", Value),
    ("public_field_definition", Value),
];

const SCRIPT_WRAPPERS: &[&str] =
    &["export_statement", "lexical_declaration", "variable_declaration", "expression_statement"];

const SCRIPT_CALLS: &[(&str, &str)] = &[("call_expression", "function"), ("new_expression", "constructor")];

const MARKUP_CALLS: &[(&str, &str)] = &[
    ("call_expression", "function"),
    ("new_expression", "constructor"),
    ("jsx_opening_element", "name"),
    ("jsx_self_closing_element", "name"),
];

const C_DEFINITIONS: &[(&str, Kind)] = &[
    ("function_definition", Function),
    ("preproc_function_def", Function),
    ("struct_specifier", Type),
    ("union_specifier", Type),
    ("enum_specifier", Type),
    ("type_definition", Type),
    ("preproc_def", Value),
];

const C_WITH_BODY: &[&str] = &["struct_specifier", "union_specifier", "enum_specifier"];

/// All languages with a grammar; a build may leave grammars out.
pub(super) static LANGUAGES: [Language; 15] = [
    Language {
        name: "Rust",
        family: "rust",
        extensions: &["rs"],
        grammar: grammar!("rust", tree_sitter_rust::LANGUAGE),
        definitions: &[
            ("function_item", Function),
            ("function_signature_item", Function),
            ("macro_definition", Function),
            ("struct_item", Type),
            ("enum_item", Type),
            ("union_item", Type),
            ("trait_item", Type),
            ("type_item", Type),
            ("impl_item", Scope),
            ("mod_item", Scope),
            ("const_item", Value),
            ("static_item", Value),
        ],
        imports: &["use_declaration", "extern_crate_declaration"],
        // macros are left out: `format!` is not the function `format`
        calls: &[("call_expression", "function")],
        ..NONE
    },
    Language {
        name: "Python",
        family: "python",
        extensions: &["py", "pyi", "pyw"],
        grammar: grammar!("python", tree_sitter_python::LANGUAGE),
        definitions: &[("function_definition", Function), ("class_definition", Type), ("assignment", Value)],
        wrappers: &["decorated_definition", "expression_statement"],
        imports: &["import_statement", "import_from_statement", "future_import_statement"],
        calls: &[("call", "function")],
        ..NONE
    },
    Language {
        name: "JavaScript",
        family: "script",
        extensions: &["js", "mjs", "cjs", "jsx"],
        grammar: grammar!("javascript", tree_sitter_javascript::LANGUAGE),
        definitions: SCRIPT_DEFINITIONS,
        wrappers: SCRIPT_WRAPPERS,
        imports: &["import_statement"],
        calls: MARKUP_CALLS,
        import_calls: &["require"],
        ..NONE
    },
    Language {
        name: "TypeScript",
        family: "script",
        extensions: &["ts", "mts", "cts"],
        grammar: grammar!("typescript", tree_sitter_typescript::LANGUAGE_TYPESCRIPT),
        definitions: TYPESCRIPT_DEFINITIONS,
        wrappers: SCRIPT_WRAPPERS,
        imports: &["import_statement"],
        calls: SCRIPT_CALLS,
        import_calls: &["require"],
        ..NONE
    },
    Language {
        name: "TSX",
        family: "script",
        extensions: &["tsx"],
        grammar: grammar!("typescript", tree_sitter_typescript::LANGUAGE_TSX),
        definitions: TYPESCRIPT_DEFINITIONS,
        wrappers: SCRIPT_WRAPPERS,
        imports: &["import_statement"],
        calls: MARKUP_CALLS,
        import_calls: &["require"],
        ..NONE
    },
    Language {
        name: "Go",
        family: "go",
        extensions: &["go"],
        grammar: grammar!("go", tree_sitter_go::LANGUAGE),
        definitions: &[
            ("function_declaration", Function),
            ("method_declaration", Function),
            ("type_spec", Type),
            ("type_alias", Type),
            ("const_spec", Value),
            ("var_spec", Value),
        ],
        wrappers: &[],
        imports: &["import_spec"],
        calls: &[("call_expression", "function")],
        ..NONE
    },
    Language {
        name: "Java",
        family: "jvm",
        extensions: &["java"],
        grammar: grammar!("java", tree_sitter_java::LANGUAGE),
        definitions: &[
            ("method_declaration", Function),
            ("constructor_declaration", Function),
            ("compact_constructor_declaration", Function),
            ("class_declaration", Type),
            ("interface_declaration", Type),
            ("enum_declaration", Type),
            ("record_declaration", Type),
            ("annotation_type_declaration", Type),
            ("variable_declarator", Value),
        ],
        wrappers: &["field_declaration"],
        imports: &["import_declaration"],
        calls: &[("method_invocation", "name"), ("object_creation_expression", "type")],
        ..NONE
    },
    Language {
        name: "C",
        family: "c",
        extensions: if cfg!(feature = "cpp") { &["c"] } else { &["c", "h"] },
        grammar: grammar!("c", tree_sitter_c::LANGUAGE),
        definitions: C_DEFINITIONS,
        with_body: C_WITH_BODY,
        imports: &["preproc_include"],
        calls: &[("call_expression", "function")],
        ..NONE
    },
    Language {
        name: "C++",
        family: "c",
        // a header may be of either; C++ reads most of C
        extensions: &["cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h", "inl", "ipp"],
        grammar: grammar!("cpp", tree_sitter_cpp::LANGUAGE),
        definitions: &[
            ("function_definition", Function),
            ("preproc_function_def", Function),
            ("class_specifier", Type),
            ("struct_specifier", Type),
            ("union_specifier", Type),
            ("enum_specifier", Type),
            ("type_definition", Type),
            ("alias_declaration", Type),
            ("concept_definition", Type),
            ("namespace_definition", Scope),
            ("preproc_def", Value),
        ],
        with_body: &["class_specifier", "struct_specifier", "union_specifier", "enum_specifier"],
        wrappers: &["template_declaration"],
        imports: &["preproc_include", "using_declaration"],
        calls: &[("call_expression", "function"), ("new_expression", "type")],
        ..NONE
    },
    Language {
        name: "C#",
        family: "csharp",
        extensions: &["cs", "csx"],
        grammar: grammar!("c-sharp", tree_sitter_c_sharp::LANGUAGE),
        definitions: &[
            ("method_declaration", Function),
            ("constructor_declaration", Function),
            ("local_function_statement", Function),
            ("property_declaration", Function),
            ("class_declaration", Type),
            ("interface_declaration", Type),
            ("struct_declaration", Type),
            ("record_declaration", Type),
            ("enum_declaration", Type),
            ("delegate_declaration", Type),
            ("namespace_declaration", Scope),
            ("variable_declarator", Value),
        ],
        wrappers: &["variable_declaration", "field_declaration"],
        bodies: &["accessor_list"],
        imports: &["using_directive"],
        calls: &[("invocation_expression", "function"), ("object_creation_expression", "type")],
        ..NONE
    },
    Language {
        name: "Ruby",
        family: "ruby",
        extensions: &["rb", "rake", "gemspec", "ru"],
        grammar: grammar!("ruby", tree_sitter_ruby::LANGUAGE),
        definitions: &[
            ("method", Function),
            ("singleton_method", Function),
            ("class", Type),
            ("module", Scope),
            ("assignment", Value),
        ],
        calls: &[("call", "method")],
        import_calls: &["require", "require_relative", "load", "autoload"],
        ..NONE
    },
    Language {
        name: "PHP",
        family: "php",
        extensions: &["php", "phtml", "inc"],
        grammar: grammar!("php", tree_sitter_php::LANGUAGE_PHP),
        definitions: &[
            ("function_definition", Function),
            ("method_declaration", Function),
            ("class_declaration", Type),
            ("interface_declaration", Type),
            ("trait_declaration", Type),
            ("enum_declaration", Type),
            ("const_element", Value),
        ],
        wrappers: &["const_declaration"],
        imports: &[
            "namespace_use_declaration",
            "include_expression",
            "include_once_expression",
            "require_expression",
            "require_once_expression",
        ],
        calls: &[
            ("function_call_expression", "function"),
            ("member_call_expression", "name"),
            ("nullsafe_member_call_expression", "name"),
            ("scoped_call_expression", "name"),
            ("object_creation_expression", ""),
        ],
        ..NONE
    },
    Language {
        name: "Kotlin",
        family: "jvm",
        extensions: &["kt", "kts"],
        grammar: grammar!("kotlin", tree_sitter_kotlin_ng::LANGUAGE),
        definitions: &[
            ("function_declaration", Function),
            ("secondary_constructor", Function),
            ("class_declaration", Type),
            ("object_declaration", Type),
            ("type_alias", Type),
            ("companion_object", Scope),
            ("variable_declaration", Value),
        ],
        wrappers: &["property_declaration"],
        bodies: &["function_body", "class_body", "enum_class_body", "block"],
        imports: &["import"],
        calls: &[("call_expression", ""), ("constructor_invocation", "")],
        ..NONE
    },
    Language {
        name: "Swift",
        family: "swift",
        extensions: &["swift"],
        grammar: grammar!("swift", tree_sitter_swift::LANGUAGE),
        definitions: &[
            ("function_declaration", Function),
            ("init_declaration", Function),
            ("protocol_function_declaration", Function),
            ("class_declaration", Type),
            ("protocol_declaration", Type),
            ("typealias_declaration", Type),
            ("property_declaration", Value),
        ],
        imports: &["import_declaration"],
        calls: &[("call_expression", ""), ("constructor_expression", "constructed_type")],
        ..NONE
    },
    Language {
        name: "shell",
        family: "shell",
        extensions: &["sh", "bash", "zsh", "ksh", "bats"],
        grammar: grammar!("bash", tree_sitter_bash::LANGUAGE),
        definitions: &[("function_definition", Function), ("variable_assignment", Value)],
        calls: &[("command", "name")],
        import_calls: &["source", "."],
        ..NONE
    },
];
