use super::languages::LANGUAGES;
use super::*;

/// One small file of a language.
struct Sample {
    path: &'static str,
    text: &'static str,
    /// What it defines: `kind name lines / signature`.
    defines: &'static [&'static str],
    /// The words of its first import, or of none.
    imports: &'static [&'static str],
    /// What its last function calls: `of.name`.
    calls: &'static [&'static str],
    /// Put at the end, it makes an error.
    broken: &'static str,
}

const SAMPLES: [Sample; 15] = [
    Sample {
        path: "a.rs",
        text: "use std::fs::read;\n\nconst MOST: u32 = 3;\n\nimpl Cache {\n    #[inline]\n    pub fn get(\n        &self,\n    ) -> u32 {\n        Store::load(read(MOST));\n        self.inner.lookup::<u8>(1)\n    }\n}\n",
        defines: &["value MOST 3-3/3", "scope Cache 5-13/5", "function get 7-12/9"],
        imports: &["use", "std", "fs", "read"],
        calls: &["Store.load", ".read", "inner.lookup"],
        broken: "fn (",
    },
    Sample {
        path: "a.py",
        text: "from os import path\n\nLIMIT = 3\n\n@final\nclass Cache(Base):\n    @cached\n    def get(self, key: Key) -> int:\n        store.load(LIMIT)\n        return path(key)\n",
        defines: &["value LIMIT 3-3/3", "type Cache 5-10/6", "function get 7-10/8"],
        imports: &["from", "os", "import", "path"],
        calls: &["store.load", ".path"],
        broken: "def (",
    },
    Sample {
        path: "a.js",
        text: "import { read } from './files.js'\n\nexport const LIMIT = 3\n\nclass Cache {\n  get(key) {\n    return store.load(new Key(key))\n  }\n}\n\nexport const find = (key) => {\n  read(key)\n}\n",
        defines: &["value LIMIT 3-3/3", "type Cache 5-9/5", "function get 6-8/6", "function find 11-13/11"],
        imports: &["import", "read", "from", "files", "js"],
        calls: &[".read"],
        broken: "function (",
    },
    Sample {
        path: "a.ts",
        text: "import type { Key } from './key'\n\ninterface Store<T> {\n  load(key: Key): T\n}\n\nexport abstract class Cache implements Store<number> {\n  load(key: Key): number {\n    return this.store.read<number>(key)\n  }\n}\n",
        defines: &["type Store 3-5/3", "function load 4-4/4", "type Cache 7-11/7", "function load 8-10/8"],
        imports: &["import", "type", "Key", "from", "key"],
        calls: &["store.read"],
        broken: "class {",
    },
    Sample {
        path: "a.tsx",
        text: "import React from 'react'\n\nexport function Page(props: Props) {\n  return <Card title={text(props)} />\n}\n",
        defines: &["function Page 3-5/3"],
        imports: &["import", "React", "from", "react"],
        calls: &[".Card", ".text"],
        broken: "const x = <a>",
    },
    Sample {
        path: "a.go",
        text: "package a\n\nimport (\n\t\"net/http\"\n)\n\nconst Most = 3\n\ntype Cache struct {\n\tn int\n}\n\nfunc (c *Cache) Get(key string) int {\n\treturn http.Load(key, len(key))\n}\n",
        defines: &["value Most 7-7/7", "type Cache 9-11/11", "function Get 13-15/13"],
        imports: &["net", "http"],
        calls: &["http.Load", ".len"],
        broken: "func (",
    },
    Sample {
        path: "a.java",
        text: "import java.util.List;\n\nclass Cache {\n    static final int MOST = 3;\n\n    @Override\n    int get(Key key)\n    {\n        return store.load(new Entry(key));\n    }\n}\n",
        defines: &["type Cache 3-11/3", "value MOST 4-4/4", "function get 6-10/7"],
        imports: &["import", "java", "util", "List"],
        calls: &["store.load", ".Entry"],
        broken: "class {",
    },
    Sample {
        path: "a.c",
        text: "#include \"files.h\"\n\n#define MOST 3\n\nstruct cache {\n    struct node *next;\n};\n\nstatic struct cache *get(const char *key)\n{\n    return load(key, MOST);\n}\n",
        defines: &["value MOST 3-3/3", "type cache 5-7/5", "function get 9-12/9"],
        imports: &["include", "files", "h"],
        calls: &[".load"],
        broken: "int f( {",
    },
    Sample {
        path: "a.cpp",
        text: "#include <vector>\n\nnamespace store {\ntemplate <typename T>\nclass Cache {\n    T n;\n};\n\nint Cache::get(const Key &key) {\n    return files.load(std::move<T>(key));\n}\n}\n",
        defines: &["scope store 3-12/3", "type Cache 4-7/5", "function get 9-11/9"],
        imports: &["include", "vector"],
        calls: &["files.load", "std.move"],
        broken: "class {",
    },
    Sample {
        path: "a.cs",
        text: "using System.Linq;\n\nnamespace Store\n{\n    public class Cache : Base\n    {\n        const int Most = 3;\n\n        public int Get(Key key)\n        {\n            return files.Load<int>(new Entry(key));\n        }\n    }\n}\n",
        defines: &["scope Store 3-14/3", "type Cache 5-13/5", "value Most 7-7/7", "function Get 9-12/9"],
        imports: &["using", "System", "Linq"],
        calls: &["files.Load", ".Entry"],
        broken: "class {",
    },
    Sample {
        path: "a.rb",
        text: "require_relative 'files'\n\nmodule Store\n  MOST = 3\n\n  class Cache < Base\n    def get(key)\n      Files.load(key, read(MOST))\n    end\n  end\nend\n",
        defines: &["scope Store 3-11/3", "value MOST 4-4/4", "type Cache 6-10/6", "function get 7-9/7"],
        imports: &["require_relative", "files"],
        calls: &["Files.load", ".read"],
        broken: "class",
    },
    Sample {
        path: "a.php",
        text: "<?php\nuse App\\Files;\n\nclass Cache\n{\n    const MOST = 3;\n\n    public function get(string $key): int\n    {\n        return $this->store->load(Files::read($key), strlen($key));\n    }\n}\n",
        defines: &["type Cache 4-12/4", "value MOST 6-6/6", "function get 8-11/8"],
        imports: &["use", "App", "Files"],
        calls: &["store.load", "Files.read", ".strlen"],
        broken: "class {",
    },
    Sample {
        path: "a.kt",
        text: "import app.Files\n\nconst val MOST = 3\n\nclass Cache(val n: Int) : Base() {\n    fun get(key: Key): Int {\n        return files.load(Entry(key))\n    }\n}\n",
        defines: &["value MOST 3-3/3", "type Cache 5-9/5", "function get 6-8/6"],
        imports: &["import", "app", "Files"],
        calls: &["files.load", ".Entry"],
        broken: "class {",
    },
    Sample {
        path: "a.swift",
        text: "import Foundation\n\nlet most = 3\n\nstruct Cache {\n    func get(key: Key) -> Int {\n        return files.load(Entry(key))\n    }\n}\n",
        defines: &["value most 3-3/3", "type Cache 5-9/5", "function get 6-8/6"],
        imports: &["import", "Foundation"],
        calls: &["files.load", ".Entry"],
        broken: "class {",
    },
    Sample {
        path: "a.sh",
        text: "source ./files.sh\n\nMOST=3\n\nget() {\n    local key=\"$1\"\n    load \"$key\" \"$(lookup \"$MOST\")\"\n}\n",
        defines: &["value MOST 3-3/3", "function get 5-8/5"],
        imports: &["source", "files", "sh"],
        calls: &[".load", ".lookup"],
        broken: "if [ x ]; then",
    },
];

fn shown(file: &File) -> Vec<String> {
    let one = |d: &Definition| {
        let (lines, end) = (&d.lines, d.signature.end());
        format!("{} {} {}-{}/{end}", d.kind.word(), d.name, lines.start(), lines.end())
    };
    file.definitions().iter().map(one).collect()
}

#[test]
fn a_sample_of_each_language() {
    for sample in SAMPLES.iter().filter(|sample| has_grammar(sample.path)) {
        let Sample { path, text, .. } = sample;
        let file = File::read(path, text.as_bytes());
        assert_eq!(shown(&file), sample.defines, "{path}");
        assert_eq!(file.imports().first().map_or(&[][..], |import| &import.words), sample.imports, "{path}");
        assert_eq!(parses(path, text.as_bytes()), Some(true), "{path}");
        assert_eq!(parses(path, format!("{text}{}\n", sample.broken).as_bytes()), Some(false), "{path}");
        let last = file.definitions().iter().rfind(|d| d.kind == Kind::Function).unwrap();
        let uses = file.uses(last.lines.clone());
        let calls = uses.iter().filter(|u| u.how == How::Call);
        let calls: Vec<String> = calls.map(|u| format!("{}.{}", u.of.as_deref().unwrap_or_default(), u.name)).collect();
        assert_eq!(calls, sample.calls, "{path}");
        let around = file.enclosing(last.lines.end() - 1);
        assert_eq!(around.first(), Some(last), "{path}");
    }
}

#[test]
fn the_table_names_kinds_that_the_grammars_have() {
    for language in &LANGUAGES {
        let Some(grammar) = languages::grammar(language) else { continue };
        for kind in language.kinds() {
            assert_ne!(grammar.language.id_for_node_kind(kind, true), 0, "{} has no {kind}", language.name);
        }
    }
}

#[test]
fn languages_go_by_the_name() {
    for (path, expected) in [
        ("src/a.RS", Some("Rust")),
        ("Rakefile", Some("Ruby")),
        ("a/b.tsx", Some("TSX")),
        ("a.md", None),
        ("rs", None),
        ("", None),
    ] {
        assert_eq!(languages::of(path).map(|language| language.name), expected, "{path}");
    }
}

#[test]
fn other_texts_are_read_by_indentation() {
    let lua = "local M = require('m')\n\nfunction M.find(key)\n  if key then\n    return load(key)\n  end\nend\n\nlocal x = 1\n";
    let file = File::read("a.lua", lua.as_bytes());
    assert_eq!(file.unparsed(), Some(Unparsed::NoGrammar));
    assert_eq!(shown(&file), ["function find 3-7/3"]);
    assert_eq!(file.enclosing(5).first().map(|d| d.lines.clone()), Some(3..=7));
    assert_eq!(file.calls("load"), [5]);
    assert_eq!(parses("a.lua", lua.as_bytes()), None);
    let yaml = File::read("a.yaml", b"jobs:\n  test:\n    steps:\n      - run: a\n      - run: b\n  other: 1\n");
    let blocks: Vec<_> = yaml.enclosing(5).into_iter().map(|block| block.lines).collect();
    assert_eq!(blocks, [3..=5, 2..=5, 1..=6]);
}

#[test]
fn keywords_tell_definitions_without_a_grammar() {
    let check = |text: &str, expected: &[&str]| {
        let found: Vec<String> =
            plain::definitions(text).into_iter().map(|d| format!("{} {:?}", d.name, d.lines)).collect();
        assert_eq!(found, expected, "{text}");
    };
    check(
        "public class A : B\n{\n    public int Get(Key key)\n    {\n        return Load(key);\n    }\n}\n",
        &["A 1..=7", "Get 3..=6"],
    );
    check("int A::get(const Key &key) {\n    x = load(key);\n}\n", &["get 1..=3"]);
    check("class A\n  def get(key)\n    load(key)\n  end\nend\n", &["A 1..=5", "get 2..=4"]);
    check("procedure Post(var x: Record)\nbegin\n    Load(x);\nend;\n", &["Post 1..=1"]);
    check("    return load(key)\n    else if (x) {\n    new Thing(\n// function of time\n    x.y(z)\n", &[]);
}

/// Texts that break parsers.
fn hostile() -> Vec<String> {
    let deep = 20_000;
    let mut texts: Vec<String> =
        ["(", "[", "{", "f(", "if x {", "a.", "-", "<a>", "((a,", "\"", "/*", "<<X\n", "`${", "!", "class A { "]
            .iter()
            .map(|part| part.repeat(deep))
            .collect();
    texts.push(format!("{}{}", "(".repeat(deep), ")".repeat(deep)));
    texts.push((0..20_000).map(|n| format!("{}x{n}\n", " ".repeat(n % 500))).collect());
    texts.push("é".repeat(200_000));
    texts.push("\0\r\u{202e}".repeat(1000));
    texts
}

#[test]
fn hostile_texts_are_read_all_the_same() {
    for text in hostile() {
        for path in ["a.rs", "a.py", "a.ts", "a.unknown"] {
            let file = File::read(path, text.as_bytes());
            file.uses(1..=u32::MAX);
            file.calls("x");
            file.enclosing(1);
            file.enclosing(u32::MAX);
        }
    }
}

#[test]
fn invalid_text_and_large_files_have_limits() {
    let file = File::read("a.rs", b"fn f() { g(\"\xff\xfe\") }\n");
    assert_eq!(shown(&file), ["function f 1-1/1"]);
    assert_eq!(file.calls("g"), [1]);
    let large = "fn f() {}\n".repeat(LARGEST / 10 + 1);
    let file = File::read("a.rs", large.as_bytes());
    assert_eq!((file.unparsed(), file.definitions().len()), (Some(Unparsed::TooLarge), 0));
    assert_eq!(errors("a.rs", large.as_bytes()), None);
}

#[test]
fn errors_are_counted_so_that_two_texts_can_be_compared() {
    let errors = |text: &str| errors("a.rs", text.as_bytes()).unwrap();
    assert_eq!(errors("fn f() { g(1) }"), 0);
    assert!(errors("fn f() { g(1 }") > 0);
    assert!(errors("fn f() { g(1 }\nfn h() { ) }") > errors("fn f() { g(1 }\nfn h() { }"));
}
