//! Other models, where the one that is meant gives no answer: it is missing, over its quota, or overloaded.

use std::time::Duration;

use tokio::time::Instant;

use super::{Client, Done, LlmError, Reply, Request, lock};

/// How long a model that was given up is asked last. Each request that tries it again takes all its attempts.
const REST: Duration = Duration::from_secs(60);

/// A model that was given up for another.
#[derive(Debug, Clone)]
pub(super) struct GivenUp {
    at: Instant,
    why: String,
}

/// Requests that another model answered than the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// The model that was meant.
    pub from: String,
    /// The model that answered.
    pub to: String,
    /// Why the first did not.
    pub why: String,
    /// How many.
    pub requests: usize,
}

impl Client {
    /// Which requests were answered by another model than the one that was meant.
    pub fn detours(&self) -> Vec<Detour> {
        lock(&self.detours).clone()
    }

    /// Asks one model after the other, each within its share of the time that is left.
    pub(super) async fn with_fallbacks(&self, request: &Request) -> Result<Reply, LlmError> {
        let models = self.line_up(&request.model);
        let mut why = self.known(&request.model).given_up.map(|given_up| given_up.why);
        for (index, model) in models.iter().enumerate() {
            // a prompt is long: it is copied only for a model that stands in
            let other = (*model != request.model).then(|| Request { model: model.clone(), ..request.clone() });
            match self.call(other.as_ref().unwrap_or(request), self.share(models.len() - index)).await {
                Ok(Done { said: (text, calls), model: name, usage }) => {
                    if other.is_some() {
                        self.note_detour(&request.model, model, why.unwrap_or_default());
                    }
                    return Ok(Reply { text, calls, asked: model.clone(), model: name, usage });
                }
                Err(error) if index + 1 < models.len() && self.may_another_answer(model, &error) => {
                    let message = error.to_string();
                    self.learn(model, |known| {
                        known.given_up = Some(GivenUp { at: Instant::now(), why: message.clone() });
                    });
                    why.get_or_insert(message);
                }
                Err(error) => return Err(of_all(error, why.filter(|_| index > 0))),
            }
        }
        Err(LlmError::Failed("there is no model to ask".to_owned()))
    }

    /// The model that is meant and those that stand in for it, each once; those that were given up a moment ago come last.
    fn line_up(&self, meant: &str) -> Vec<String> {
        let mut models: Vec<String> = Vec::new();
        for model in std::iter::once(meant).chain(self.settings.fallback_models.iter().map(String::as_str)) {
            if !models.iter().any(|known| known == model) {
                models.push(model.to_owned());
            }
        }
        models.sort_by_cached_key(|model| {
            self.known(model).given_up.is_some_and(|given_up| given_up.at.elapsed() < REST)
        });
        models
    }

    /// Until when the next of so many models may take.
    fn share(&self, models: usize) -> Instant {
        let (now, deadline) = (Instant::now(), self.settings.deadline);
        match u32::try_from(models) {
            Ok(models) if models > 1 => now + deadline.saturating_duration_since(now) / models,
            _ => deadline,
        }
    }

    /// Whether the error is one of the model: of one that has no time, or cannot be asked at all.
    fn may_another_answer(&self, model: &str, error: &LlmError) -> bool {
        match error {
            LlmError::Busy(_) => true,
            LlmError::Stop(_) => self.known(model).stopped.is_some(),
            LlmError::Split { .. } | LlmError::Failed(_) | LlmError::OverLimit(_) => false,
        }
    }

    fn note_detour(&self, from: &str, to: &str, why: String) {
        let mut detours = lock(&self.detours);
        match detours.iter_mut().find(|detour| detour.from == from && detour.to == to) {
            Some(detour) => detour.requests += 1,
            None => detours.push(Detour { from: from.to_owned(), to: to.to_owned(), why, requests: 1 }),
        }
    }
}

/// The error of the last model, with why the first one gave no answer.
fn of_all(error: LlmError, first: Option<String>) -> LlmError {
    let Some(first) = first else { return error };
    let with_first = |message: String| format!("{message}\nand before that: {}", first.replace('\n', "; "));
    match error {
        LlmError::Failed(message) => LlmError::Failed(with_first(message)),
        LlmError::Busy(message) => LlmError::Busy(with_first(message)),
        LlmError::Stop(message) => LlmError::Stop(with_first(message)),
        other => other,
    }
}
