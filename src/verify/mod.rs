//! The second look: a sceptic tries to refute what the passes found.
//!
//! Cheap first: one request for the claims of a file, with the code around them. Where that leaves a claim open, and the
//! repository is at hand, an inquiry with [`tools`] follows. A verdict whose evidence is not in the code that was shown is
//! void: the claim stays uncertain.

pub mod tools;
pub mod verdict;

use std::cell::Cell;

use futures_util::StreamExt as _;
use serde_json::json;

use crate::cache::Cache;
use crate::context::Context;
use crate::findings::{Candidate, Finding, Gathered, Origin, Verdict};
use crate::llm::{Client, LlmError, Reply, Request, Turn};
use crate::plan::{Chunk, Pass, Piece, Plan, Share};
use crate::prompt;
use crate::tree::Tree;
use crate::usage;
use verdict::{Ruling, Shown};

/// Claims of one request at most: more, and the answers get shallow.
const MOST_CLAIMS: usize = 8;
/// Inquiries with tools in a run at most.
const MOST_INQUIRIES: usize = 12;
/// Turns of an inquiry in which tools may be called.
const MOST_TURNS: usize = 4;
/// Calls in a turn that are carried out.
const MOST_CALLS: usize = 4;
/// Bytes that the tools of an inquiry give at most.
const MOST_BYTES: usize = 24 * 1024;
/// Tokens that an answer may have for each claim, and on top.
const ANSWER_TOKENS: (u32, u32) = (300, 200);

/// How the second look is made.
pub struct Look<'a> {
    /// Who is asked.
    pub client: &'a Client,
    /// Which model.
    pub model: &'a str,
    /// Tokens that an answer may have at most.
    pub max_output_tokens: u32,
    /// The change.
    pub plan: &'a Plan,
    /// The repository at the head.
    pub tree: &'a Tree<'a>,
    /// Definitions and callers.
    pub context: &'a Context<'a>,
    /// Tokens of those in one request.
    pub context_tokens: usize,
    /// Requests at a time.
    pub concurrency: usize,
    /// Answers of earlier runs.
    pub cache: Option<&'a Cache>,
    /// Stands before the ids of the requests.
    pub prefix: &'a str,
    /// Takes secrets out of what the tools give.
    pub clean: &'a dyn Fn(&str) -> String,
    /// What it may still take.
    pub left: Cell<Share>,
}

/// Looks again at every candidate that a model found; sets its verdict, or takes it away with the reason. Returns what
/// the reader should know of what could not be done.
pub async fn look_again(look: &Look<'_>, gathered: &mut Gathered) -> Vec<String> {
    let batches = batches(&gathered.candidates);
    let mut settled: Vec<Settled> = futures_util::stream::iter(batches.iter().enumerate())
        .map(|(index, batch)| look.batch(index + 1, batch, &gathered.candidates))
        .buffered(look.concurrency.max(1))
        .concat()
        .await;
    if look.tree.why_nowhere().is_none() && !look.client.is_waiting() {
        look.settle_open(&mut settled, &gathered.candidates).await;
    }
    let failed: Vec<&String> = settled.iter().filter_map(|settled| settled.result.as_ref().err()).collect();
    let note = failed.iter().min().map(|cause| {
        format!("{} could not be looked at a second time: {cause}", crate::report::plural(failed.len(), "finding"))
    });
    let notes = note.into_iter().collect();
    apply(gathered, settled);
    notes
}

/// What became of a candidate.
struct Settled {
    candidate: usize,
    /// Its place among the requests of the first look: the number of the request, and its id there.
    place: (usize, usize),
    result: Result<Ruling, String>,
    /// Whether the model itself could not tell.
    is_open: bool,
}

/// Sets verdicts, and takes away what was refuted.
fn apply(gathered: &mut Gathered, mut settled: Vec<Settled>) {
    // from the end, so that indices stay what they are
    settled.sort_by_key(|settled| std::cmp::Reverse(settled.candidate));
    for Settled { candidate, result, .. } in settled {
        match result {
            Err(_) => gathered.candidates[candidate].look_failed = true,
            Ok(Ruling { verdict: Some(verdict), .. }) => gathered.candidates[candidate].finding.verdict = verdict,
            Ok(ruling) => gathered.refute(candidate, ruling.reasoning),
        }
    }
}

/// The candidates of each file in order of their lines, a few at a time: indices.
fn batches(candidates: &[Candidate]) -> Vec<Vec<usize>> {
    let place = |index: &usize| {
        let finding = &candidates[*index].finding;
        (finding.path.clone(), finding.start_line, finding.title.clone())
    };
    let mut order: Vec<usize> =
        (0..candidates.len()).filter(|&index| candidates[index].finding.origin == Origin::Model).collect();
    order.sort_by_cached_key(place);
    let files = order.chunk_by(|&a, &b| candidates[a].finding.path == candidates[b].finding.path);
    files.flat_map(|file| file.chunks(MOST_CLAIMS)).map(<[usize]>::to_vec).collect()
}

impl Look<'_> {
    /// One request about some claims of a file.
    async fn batch(&self, number: usize, batch: &[usize], candidates: &[Candidate]) -> Vec<Settled> {
        let claims: Vec<&Candidate> = batch.iter().map(|&index| &candidates[index]).collect();
        let scene = self.scene(&claims);
        let asked = self.ask(self.request(format!("verify/{number}"), &claims, &scene, false)).await;
        let settle = |(place, &candidate): (usize, &usize)| {
            let id = place + 1;
            let ruling = asked.as_ref().map_err(ToString::to_string).and_then(|rulings| {
                let ruling = rulings.iter().find(|ruling| ruling.id == id.to_string());
                ruling.cloned().ok_or_else(|| "the model's answer leaves it out".to_owned())
            });
            let is_open = ruling.as_ref().is_ok_and(|ruling| ruling.verdict == Some(Verdict::Uncertain));
            let result = ruling.map(|ruling| with_evidence(ruling, &scene.shown));
            Settled { candidate, place: (number, id), result, is_open }
        };
        batch.iter().enumerate().map(settle).collect()
    }

    /// Inquires about what the first look left open.
    async fn settle_open(&self, settled: &mut [Settled], candidates: &[Candidate]) {
        let open = settled.iter_mut().filter(|settled| settled.is_open).take(MOST_INQUIRIES);
        let inquiries = open.map(|settled| async move {
            let (number, id) = settled.place;
            // one that fails leaves the claim as open as it was
            if let Ok(ruling) = self.inquire(&format!("inquire/{number}/{id}"), &candidates[settled.candidate]).await {
                settled.result = Ok(ruling);
            }
        });
        futures_util::stream::iter(inquiries).buffered(self.concurrency.max(1)).collect::<()>().await;
    }

    /// Lets the model look up what decides about one claim.
    async fn inquire(&self, id: &str, claim: &Candidate) -> Result<Ruling, String> {
        let Scene { mut shown, part, context } = self.scene(&[claim]);
        let mut request =
            self.request(String::new(), &[claim], &Scene { part, context, shown: Shown::default() }, true);
        let mut left = MOST_BYTES;
        for turn in 1..=MOST_TURNS + 1 {
            request.id = format!("{}{id}/{turn}", self.prefix);
            request.may_call = turn <= MOST_TURNS && left > 0;
            let reply = self.complete(&request).await.map_err(|err| err.to_string())?;
            if reply.calls.is_empty() || !request.may_call {
                let rulings = verdict::parse(&reply.text)?;
                let ruling = rulings.into_iter().next().ok_or("the model's answer has no verdict")?;
                return Ok(with_evidence(ruling, &shown));
            }
            let mut calls = Vec::new();
            for (index, call) in reply.calls.into_iter().enumerate() {
                let result = match index < MOST_CALLS {
                    true => tools::call(self.tree, &call, self.clean),
                    false => "error: too many calls".to_owned(),
                };
                let result = self.plan.frame.unfencing(&(self.clean)(&result));
                let result = result[..result.floor_char_boundary(left)].to_owned();
                left -= result.len();
                shown.add(&result);
                request.input_tokens += (result.len() + call.arguments.len()) as u64 / 3 + 20;
                calls.push((call, result));
            }
            let results: Vec<&str> = calls.iter().map(|(_, result)| result.as_str()).collect();
            request.about = prompt::hash_of(&[&request.about, &results.join("\0")]);
            request.turns.push(Turn { calls });
        }
        Err("the model did not come to an end".to_owned())
    }

    /// Asks, unless it is known from an earlier run, and asks once more where the answer cannot be read.
    async fn ask(&self, mut request: Request) -> Result<Vec<Ruling>, LlmError> {
        let known =
            self.cache.map(|cache| (cache, cache.key(&[self.model, &request.system, &request.user].join("\0"))));
        let cached = known.as_ref().and_then(|(cache, key)| cache.get(key));
        if let Some(rulings) = cached.and_then(|text| verdict::parse(&text).ok()) {
            return Ok(rulings);
        }
        let mut text = self.complete(&request).await?.text;
        if let Err(error) = verdict::parse(&text) {
            request.id += crate::review::AGAIN;
            request.about = prompt::hash_of(&[&request.about, &error]);
            request.user += &crate::review::again(&error);
            text = self.complete(&request).await?.text;
        }
        let rulings = verdict::parse(&text)
            .map_err(|error| LlmError::Failed(format!("the model's answer could not be read twice: {error}")))?;
        if let Some((cache, key)) = known {
            cache.put(&key, &text);
        }
        Ok(rulings)
    }

    /// Sends a request, as far as there is something left of what the second look may take.
    async fn complete(&self, request: &Request) -> Result<Reply, LlmError> {
        let left = self.left.get();
        let input = usize::try_from(request.input_tokens).ok().and_then(|input| left.input_tokens.checked_sub(input));
        let output = left.output_tokens.checked_sub(request.max_output_tokens as usize);
        let (Some(input_tokens), Some(output_tokens)) = (input, output) else {
            return Err(LlmError::Failed("it has used up its share of the tokens".to_owned()));
        };
        self.left.set(Share { input_tokens, output_tokens });
        self.client.complete(request).await
    }

    fn request(&self, id: String, claims: &[&Candidate], scene: &Scene, has_tools: bool) -> Request {
        let frame = &self.plan.frame;
        let claims_text: Vec<_> = claims.iter().enumerate().map(|(index, claim)| told(index + 1, claim)).collect();
        let claims_text = claims_text.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let claims_text = (self.clean)(&claims_text);
        let user = prompt::second_look(
            &frame.fence,
            &frame.fenced(&claims_text),
            &frame.fenced(&scene.part),
            &if scene.context.is_empty() { String::new() } else { frame.fenced(&scene.context) },
            has_tools,
        );
        let input_tokens = self.plan.count(prompt::VERIFY_SYSTEM) + self.plan.count(&user) + 100;
        Request {
            id: format!("{}{id}", self.prefix),
            about: prompt::hash_of(&[&claims_text, &scene.part, &scene.context]),
            model: self.model.to_owned(),
            system: prompt::VERIFY_SYSTEM.to_owned(),
            user,
            turns: Vec::new(),
            tools: if has_tools { tools::TOOLS } else { &[] },
            may_call: has_tools,
            schema_name: verdict::NAME,
            schema: verdict::schema(),
            max_output_tokens: self.answer_tokens(claims.len()),
            temperature: Some(0.0),
            input_tokens: input_tokens as u64,
            cache_key: None,
        }
    }

    /// Tokens that an answer about some claims may have. A model that thinks before it answers needs its room for that.
    fn answer_tokens(&self, claims: usize) -> u32 {
        let (for_each, on_top) = ANSWER_TOKENS;
        let reasons = usage::model(self.model).is_some_and(|model| model.reasoning);
        let wanted = for_each.saturating_mul(u32::try_from(claims).unwrap_or(u32::MAX)).saturating_add(on_top);
        if reasons { self.max_output_tokens } else { wanted.min(self.max_output_tokens) }
    }

    /// The code around some claims of one file.
    fn scene(&self, claims: &[&Candidate]) -> Scene {
        let pieces = pieces(self.plan, claims);
        let part = self.plan.part(&Chunk { id: 0, pieces, tokens: 0 }, &Pass::ONLY);
        let share = self.context_tokens / claims.len().max(1);
        let mut contexts: Vec<String> = Vec::new();
        for Finding { path, side, start_line, end_line, .. } in claims.iter().map(|claim| &claim.finding) {
            let context = self.context.for_second_look(path, *side, *start_line..=*end_line, share);
            if !context.trim().is_empty() && !contexts.contains(&context) {
                contexts.push(context);
            }
        }
        let context = contexts.join("\n");
        let mut shown = Shown::default();
        shown.add(&part);
        shown.add(&context);
        Scene { part, context, shown }
    }
}

/// The code that a request shows.
struct Scene {
    part: String,
    context: String,
    shown: Shown,
}

/// A claim as data.
fn told(id: usize, claim: &Candidate) -> serde_json::Value {
    let finding = &claim.finding;
    json!({
        "id": id.to_string(), "path": finding.path, "start_line": finding.start_line, "end_line": finding.end_line,
        "side": finding.side, "quote": finding.quote, "title": finding.title, "body": finding.body,
        "reasoning": claim.reasoning,
    })
}

/// The pieces of the plan in which the claims stand.
fn pieces(plan: &Plan, claims: &[&Candidate]) -> Vec<Piece> {
    let stands_in = |piece: &Piece, finding: &Finding| {
        let file = &plan.diff.files[piece.file];
        file.path().as_str() == finding.path
            && file.hunks()[piece.hunk].lines.iter().any(|line| {
                line.is_on(finding.side)
                    && (finding.start_line..=finding.end_line).contains(&line.number_on(finding.side))
            })
    };
    let all = plan.chunks.iter().flat_map(|chunk| &chunk.pieces);
    all.filter(|piece| claims.iter().any(|claim| stands_in(piece, &claim.finding))).cloned().collect()
}

/// A verdict without evidence from the code is none: the claim stays uncertain. A refutation may be about something that
/// is not there, which nobody can quote.
fn with_evidence(ruling: Ruling, shown: &Shown) -> Ruling {
    let may_be_empty = ruling.verdict.is_none();
    let holds = (may_be_empty && ruling.evidence.trim().is_empty()) || shown.has(&ruling.evidence);
    if holds { ruling } else { Ruling { verdict: Some(Verdict::Uncertain), ..ruling } }
}
