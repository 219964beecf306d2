//! Asking about every chunk in every pass: a bounded number at a time, split where an answer would not fit.

pub mod schema;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use crate::cache::Cache;
use crate::config::Config;
use crate::config::provider::Resolved;
use crate::llm::{Client, LlmError, Reply, Request};
use crate::plan::{Chunk, Pass, Plan};
use crate::prompt;
use schema::Answer;

/// How the model is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The reviewing model.
    pub model: String,
    /// Tokens that an answer may have.
    pub max_output_tokens: u32,
    /// Requests at a time.
    pub concurrency: usize,
    /// Answers of earlier runs.
    pub cache: Option<Cache>,
    /// Stands before the ids of the requests, where several changes are reviewed in one run.
    pub prefix: String,
}

/// What became of a chunk, or of a part of one that had to be split.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was asked about.
    pub chunk: Chunk,
    /// The number of the pass, counted from 1.
    pub pass: usize,
    /// The answer, or why there is none.
    pub result: Result<Answer, String>,
    /// Why no other chunk will do better, where that is the reason.
    pub stopped: Option<String>,
    /// Whether the answer is one of an earlier run.
    pub is_cached: bool,
    /// The model that answered, as it was asked for; `None` without an answer.
    pub model: Option<String>,
}

/// Low, so that the same change gets the same review; the model's own choice would be 1.
const TEMPERATURE: f32 = 0.1;

/// Of passes that vote: high enough that they do not repeat each other.
const TEMPERATURE_OF_SEVERAL: f32 = 0.6;

/// Tells apart the prompts, models and settings under which the same part of a change gets another answer.
pub fn settings_key(config: &Config, provider: Resolved) -> String {
    let settings = format!(
        "{:?}",
        (
            (provider, &config.base_url, &config.model, config.max_output_tokens, config.effort),
            (TEMPERATURE, TEMPERATURE_OF_SEVERAL, config.context, config.context_tokens),
            (&config.language, &config.instructions, &config.paths),
        )
    );
    prompt::hash_of(&[&prompt::hash(), &schema::schema().to_string(), &settings])
}

/// Asks about all chunks of a plan in all its passes. In each pass every line of every chunk is in exactly one outcome.
/// `on_chunk` is called when a chunk is done in a pass, with all its outcomes.
///
/// All chunks come before the next pass, so that where money or time ends early, everything was looked at once; in a pass
/// the largest comes first, so that none is waited for alone in the end. Where several requests begin alike, the smallest
/// goes alone before: the provider's cache has their beginning then.
pub async fn run(client: &Client, plan: &Plan, ask: &Ask, on_chunk: &dyn Fn(&[Outcome])) -> Vec<Outcome> {
    let review = |(pass, chunk): (&'_ Pass, &'_ Chunk)| {
        let (pass, chunk) = (*pass, chunk.clone());
        async move {
            let outcomes = review_chunk(client, plan, ask, &pass, chunk).await;
            on_chunk(&outcomes);
            outcomes
        }
        .boxed_local()
    };
    let mut reviews: VecDeque<_> = asked(plan).into_iter().map(review).collect();
    let mut outcomes = Vec::new();
    if has_lead(plan)
        && let Some(mut lead) = reviews.pop_front()
    {
        match timeout(patience(client), &mut lead).await {
            Ok(done) => outcomes = done,
            Err(_) => reviews.push_front(lead),
        }
    }
    let rest = futures_util::stream::iter(reviews).buffer_unordered(ask.concurrency.max(1));
    outcomes.extend(rest.flat_map(futures_util::stream::iter).collect::<Vec<Outcome>>().await);
    outcomes.sort_by_key(|outcome| {
        let first = outcome.chunk.pieces.first().map(|p| (p.file, p.hunk, p.lines.start));
        (outcome.chunk.id, outcome.pass, first)
    });
    outcomes
}

/// How long the others wait for the first request: an answer that takes longer costs more time than the cache saves money,
/// and one that never comes takes no more than a part of the deadline.
fn patience(client: &Client) -> Duration {
    const LONGEST: Duration = Duration::from_secs(20);
    const PART: u32 = 10;
    LONGEST.min(client.time_left() / PART)
}

/// Every chunk in every pass, in the order in which they are asked about.
fn asked(plan: &Plan) -> Vec<(&Pass, &Chunk)> {
    let mut chunks: Vec<&Chunk> = plan.chunks.iter().collect();
    chunks.sort_by_key(|chunk| (Reverse(plan.input_tokens(chunk)), chunk.id));
    let mut asked: Vec<(&Pass, &Chunk)> =
        plan.passes.iter().flat_map(|pass| chunks.iter().map(move |chunk| (pass, *chunk))).collect();
    if has_lead(plan) {
        // of the first pass
        asked[..chunks.len()].rotate_right(1);
    }
    asked
}

/// Whether it pays that one request goes before the others: they share a beginning that a provider's cache takes.
fn has_lead(plan: &Plan) -> bool {
    const SHARED_FROM: usize = 3;
    /// OpenAI's cache has no shorter beginnings.
    const SHORTEST_PREFIX: usize = 1024;
    plan.passes.len() * plan.chunks.len() >= SHARED_FROM && plan.prefix_tokens() >= SHORTEST_PREFIX
}

/// For each chunk the outcomes of the pass that got answers for most of it: what of the change was reviewed. Every line
/// of every chunk is in exactly one of them.
pub fn best<'a>(plan: &Plan, outcomes: &'a [Outcome]) -> Vec<&'a Outcome> {
    let unanswered = |outcome: &&Outcome| outcome.result.is_err();
    let lines = |pass: &&[Outcome]| -> usize {
        pass.iter().filter(unanswered).map(|outcome| plan.changed_lines(&outcome.chunk)).sum()
    };
    let chunks = outcomes.chunk_by(|a, b| a.chunk.id == b.chunk.id);
    chunks.filter_map(|chunk| chunk.chunk_by(|a, b| a.pass == b.pass).min_by_key(lines)).flatten().collect()
}

/// How often the parts of a chunk are halved at most: enough to find the one line of sixty that cannot be answered for.
/// Where more is too long, it is not so because of its size, and each try costs.
const MOST_SPLITS: u8 = 8;

/// Stands in the cache for a part that was too long and is asked about in halves. It is no answer.
const SPLIT: &str = "split";

/// Asks about a chunk; where prompt or answer is too long, about its halves.
async fn review_chunk(client: &Client, plan: &Plan, ask: &Ask, pass: &Pass, chunk: Chunk) -> Vec<Outcome> {
    // each with its name among the parts of the chunk: a half keeps its name, whatever becomes of the other
    let mut work = vec![(chunk, String::new())];
    let mut splits = 0;
    let mut outcomes = Vec::new();
    while let Some((chunk, part)) = work.pop() {
        let known = ask.cache.as_ref().map(|cache| (cache, cache.key(&asked_about(plan, pass, &chunk))));
        let cached = known.as_ref().and_then(|(cache, key)| cache.get(key));
        if cached.as_deref() == Some(SPLIT)
            && let Some((first, second)) = plan.split(&chunk).filter(|_| splits < MOST_SPLITS)
        {
            work.extend([(second, format!("{part}/2")), (first, format!("{part}/1"))]);
            splits += 1;
            continue;
        }
        if let Some(answer) = cached.and_then(|text| schema::parse(&text).ok()) {
            let model = Some(ask.model.clone());
            outcomes.push(Outcome {
                chunk,
                pass: pass.number,
                result: Ok(answer),
                stopped: None,
                is_cached: true,
                model,
            });
            continue;
        }
        let mut model = None;
        let result = match ask_once(client, plan, ask, pass, &chunk, &part).await {
            Err(LlmError::Split { message, .. }) => match plan.split(&chunk).filter(|_| splits < MOST_SPLITS) {
                Some((first, second)) => {
                    if let Some((cache, key)) = &known {
                        cache.put(key, SPLIT);
                    }
                    work.extend([(second, format!("{part}/2")), (first, format!("{part}/1"))]);
                    splits += 1;
                    continue;
                }
                None => Err(LlmError::Failed(format!("{message}, also for a smaller part"))),
            },
            Ok((answer, reply)) => {
                // what stood in for the model is not its answer for later runs
                if let Some((cache, key)) = known.as_ref().filter(|_| reply.asked == ask.model) {
                    cache.put(key, &reply.text);
                }
                model = Some(reply.asked);
                Ok(answer)
            }
            Err(err) => Err(err),
        };
        let stopped = match &result {
            Err(LlmError::Stop(message)) => Some(message.clone()),
            _ => None,
        };
        let result = result.map_err(|err| err.to_string());
        outcomes.push(Outcome { chunk, pass: pass.number, result, stopped, is_cached: false, model });
    }
    outcomes
}

/// What a pass shows of the change and asks about it; not what stands around it, which changes with every push.
fn asked_about(plan: &Plan, pass: &Pass, chunk: &Chunk) -> String {
    format!("{}{}{}", plan.part(chunk, pass), plan.context(chunk).0, pass.lens.unwrap_or_default())
}

/// Ends the id of a request that is made again, since its answer could not be read.
pub const AGAIN: &str = "/again";

/// What is added to a prompt whose answer could not be read.
pub fn again(error: &str) -> String {
    format!("\n\nYour last answer could not be used: {error}. Answer again, with the JSON object only.")
}

/// One request, and one more where the answer cannot be read. Returns the answer, and as what it came. `part` tells the parts
/// of a chunk apart.
async fn ask_once(
    client: &Client,
    plan: &Plan,
    ask: &Ask,
    pass: &Pass,
    chunk: &Chunk,
    part: &str,
) -> Result<(Answer, Reply), LlmError> {
    let about = asked_about(plan, pass, chunk);
    let mut request = Request {
        id: format!("{}review/{}/{}{part}", ask.prefix, chunk.id, pass.number),
        about: prompt::hash_of(&[&plan.frame.system, &about]),
        turns: Vec::new(),
        tools: &[],
        may_call: false,
        model: ask.model.clone(),
        system: plan.frame.system.clone(),
        user: plan.user(chunk, pass),
        schema_name: schema::NAME,
        schema: schema::schema(),
        max_output_tokens: ask.max_output_tokens,
        temperature: Some(if pass.is_one_of_several { TEMPERATURE_OF_SEVERAL } else { TEMPERATURE }),
        input_tokens: (plan.input_tokens(chunk) + plan.lens_tokens(pass)) as u64,
        cache_key: None,
    };
    let reply = client.complete(&request).await?;
    let error = match schema::parse(&reply.text) {
        Ok(answer) => return Ok((answer, reply)),
        Err(error) => error,
    };
    request.id += AGAIN;
    request.about = prompt::hash_of(&[&request.about, &error]);
    request.user += &again(&error);
    request.input_tokens += 40;
    let reply = client.complete(&request).await?;
    schema::parse(&reply.text)
        .map(|answer| (answer, reply))
        .map_err(|error| LlmError::Failed(format!("the model's answer could not be read twice: {error}")))
}
