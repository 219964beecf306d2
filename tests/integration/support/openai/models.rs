//! The models that the double knows.

/// What a model can take.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    /// The dated name that its answers carry.
    pub snapshot: String,
    /// Tokens of prompt and answer together.
    pub window: usize,
    /// Tokens that an answer may have.
    pub max_output: usize,
    /// Reasoning models refuse some parameters.
    pub reasoning: bool,
}

impl Model {
    pub fn new(name: &str, window: usize, max_output: usize) -> Model {
        Model { name: name.to_owned(), snapshot: name.to_owned(), window, max_output, reasoning: false }
    }

    pub fn reasoning(mut self) -> Model {
        self.reasoning = true;
        self
    }

    fn snapshot(mut self, date: &str) -> Model {
        self.snapshot = format!("{}-{date}", self.name);
        self
    }
}

/// The models of every scenario.
pub fn known() -> Vec<Model> {
    vec![
        Model::new("gpt-4o-mini", 128_000, 16_384).snapshot("2024-07-18"),
        Model::new("gpt-4o", 128_000, 16_384).snapshot("2024-08-06"),
        Model::new("gpt-4.1", 1_047_576, 32_768).snapshot("2025-04-14"),
        Model::new("gpt-4.1-mini", 1_047_576, 32_768).snapshot("2025-04-14"),
        Model::new("gpt-5", 400_000, 128_000).snapshot("2025-08-07").reasoning(),
        Model::new("gpt-5-mini", 400_000, 128_000).snapshot("2025-08-07").reasoning(),
        Model::new("gpt-5-nano", 400_000, 128_000).snapshot("2025-08-07").reasoning(),
        Model::new("gpt-5.4", 1_050_000, 128_000).reasoning(),
        Model::new("gpt-6-luna", 1_050_000, 128_000).reasoning(),
        Model::new("o3", 200_000, 100_000).snapshot("2025-04-16").reasoning(),
        Model::new("o4-mini", 200_000, 100_000).snapshot("2025-04-16").reasoning(),
    ]
}
