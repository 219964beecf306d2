//! How bad a finding is, and of what kind: the closed lists of the interface.

use std::fmt;

/// How bad a finding is. Ordered: `Info < Minor < Major < Critical`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing breaks.
    Info,
    /// Wrong in a rare case, or costly to keep.
    Minor,
    /// Wrong results, a crash or a leak in a case that will happen.
    Major,
    /// Loss of data, a security hole or an outage; must not be merged.
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Severity; 4] = [Severity::Critical, Severity::Major, Severity::Minor, Severity::Info];

    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of defect a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    Bug,
    Security,
    Performance,
    Concurrency,
    ErrorHandling,
    DataLoss,
    Api,
    Test,
    Maintainability,
    Documentation,
}

impl Category {
    /// All categories, in the order of the interface.
    pub const ALL: [Category; 10] = [
        Category::Bug,
        Category::Security,
        Category::Performance,
        Category::Concurrency,
        Category::ErrorHandling,
        Category::DataLoss,
        Category::Api,
        Category::Test,
        Category::Maintainability,
        Category::Documentation,
    ];

    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Bug => "bug",
            Category::Security => "security",
            Category::Performance => "performance",
            Category::Concurrency => "concurrency",
            Category::ErrorHandling => "error-handling",
            Category::DataLoss => "data-loss",
            Category::Api => "api",
            Category::Test => "test",
            Category::Maintainability => "maintainability",
            Category::Documentation => "documentation",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
