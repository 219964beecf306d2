//! A change, asked about, looked at again, and judged: what a review does between reading a change and delivering the
//! result, the same for a request, for the branch on a desk and for a case of `eval`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use crate::assemble::{assemble, gather, join, judge, place};
use crate::cache::Cache;
use crate::cli;
use crate::config::provider::Resolved;
use crate::config::{self, Config, Effort};
use crate::console::Console;
use crate::context::Context;
use crate::findings::{Finding, Gathered, Judgement, Origin, Placed, similar};
use crate::llm::{self, Client, Detour, Responses, Tape};
use crate::meaning::Vectors;
use crate::prepare::{Prepared, context, tell_of};
use crate::report::Report;
use crate::review::{self, Ask, Outcome};
use crate::setup::{Setup, output_limit, prices};
use crate::stop::Stop;
use crate::tree::Tree;
use crate::usage::Meter;
use crate::verify::{self, Look};
use crate::words::{Note, Words};

/// What a run asks with.
pub struct Asking {
    /// What may be spent, and what was.
    pub meter: Arc<Meter>,
    /// Answers of earlier runs.
    pub cache: Option<Cache>,
    /// Files that answer instead of the server, or that take its answers.
    pub tape: Option<Arc<Tape>>,
    /// Stands before the ids of the requests, where several changes are reviewed in one run.
    pub prefix: String,
    /// Whether the run is to end early.
    pub stop: Stop,
}

impl Asking {
    /// A new bill under the limit of a configuration.
    pub fn new(config: &Config, stop: &Stop) -> Asking {
        let meter = Arc::new(Meter::new(prices(config), config.max_cost_usd));
        Asking { meter, cache: None, tape: None, prefix: String::new(), stop: stop.clone() }
    }

    /// The same, where files answer or take the answers. Those of a batch are at its price, and paid for.
    pub fn with_tape(config: &Config, stop: &Stop, tape: Option<Arc<Tape>>) -> Asking {
        let asking = Asking::new(config, stop);
        let meter = match tape.as_deref() {
            Some(Tape::Responses(_)) => Arc::new(Meter::of_paid(prices(config).of_batch(), config.max_cost_usd)),
            _ => asking.meter,
        };
        Asking { meter, tape, ..asking }
    }

    /// Whether an answer has to come before more can be asked.
    fn is_waiting(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.is_waiting())
    }
}

/// The files that answer instead of the model, or that take its answers, where there are any.
///
/// # Errors
/// They cannot be read or written.
pub fn tape(answers: &cli::Answers, cwd: &Path) -> Result<Option<Arc<Tape>>> {
    let tape = match (&answers.record, &answers.replay) {
        (Some(folder), _) => Tape::record(&cwd.join(folder))?,
        (_, Some(folder)) => Tape::replay(&cwd.join(folder))?,
        _ if answers.responses.is_empty() => return Ok(None),
        _ => Tape::Responses(responses(&answers.responses, cwd)?),
    };
    Ok(Some(Arc::new(tape)))
}

/// The output files of batches.
///
/// # Errors
/// They cannot be read.
pub fn responses(files: &[PathBuf], cwd: &Path) -> Result<Responses> {
    Responses::read(&files.iter().map(|file| cwd.join(file)).collect::<Vec<_>>())
}

/// What came of a change.
pub struct Examined {
    /// What became of every chunk in every pass.
    pub outcomes: Vec<Outcome>,
    /// What holds.
    pub judgement: Judgement,
    /// The report, not delivered yet.
    pub report: Report,
    /// Why the model server refuses everything, where nothing was reviewed and nothing was paid for: no review, an error.
    pub refused: Option<String>,
}

/// Asks about every chunk, looks again at what was found, and judges. `arrived` is told of each answer.
///
/// # Errors
/// The client cannot be made: address or key cannot be used, or TLS cannot be set up.
pub async fn examine(
    setup: &Setup,
    prepared: &Prepared,
    tree: &Tree<'_>,
    asking: &Asking,
    arrived: &dyn Fn(&[Outcome]),
    console: &Console,
) -> Result<Examined> {
    let is_asked = setup.provider != Resolved::Offline && !prepared.plan.chunks.is_empty();
    let clean = |text: &str| prepared.clean(text);
    let context = context(&setup.config, tree, &prepared.plan.diff, &clean);
    let (outcomes, gathered) = if is_asked {
        let client = client(&setup.config, setup.provider, asking, console)?;
        prepared.show(&context);
        let outcomes = ask(&client, setup, prepared, asking, arrived, console).await;
        let placed = place(setup, prepared, tree, &outcomes);
        let vectors = vectors(&client, setup, prepared, asking, &placed, console).await;
        let mut gathered = join(setup, placed, vectors);
        look_again(&client, setup, prepared, (tree, &context), asking, &mut gathered, console).await;
        // who wrote the answers was shown nothing
        if !asking.tape.as_ref().is_some_and(|tape| tape.was_by_hand()) {
            tell_of(&context, setup, console);
        }
        tell_of_detours(&client, setup.words(), console);
        if let Some(why) = client.tape_failure() {
            console.notice(format!("not every exchange was recorded: {why}"));
        }
        tell_of_tape(asking, console);
        (outcomes, gathered)
    } else {
        (Vec::new(), gather(setup, prepared, tree, &[]))
    };
    console.finish();
    let judgement = judge(setup, prepared, &outcomes, gathered);
    let report = assemble(setup, prepared, &outcomes, &judgement, &asking.meter, console);
    let refused = refused(&outcomes, &asking.meter);
    Ok(Examined { outcomes, judgement, report, refused })
}

/// A client of the model server, whose time begins now.
///
/// # Errors
/// Address or key cannot be used, or TLS cannot be set up.
pub fn client(config: &Config, provider: Resolved, asking: &Asking, console: &Console) -> Result<Client> {
    client_until(config, provider, asking, console, tokio::time::Instant::now() + config.deadline)
}

/// A client of the model server for which everything is over at `deadline`.
///
/// # Errors
/// As [`client`].
pub fn client_until(
    config: &Config,
    provider: Resolved,
    asking: &Asking,
    console: &Console,
    deadline: tokio::time::Instant,
) -> Result<Client> {
    let mut settings = llm::Settings::new(config, deadline);
    settings.provider = match provider {
        Resolved::Azure => config::Provider::Azure,
        _ => config::Provider::OpenAi,
    };
    settings.on_event = console.model_events();
    settings.tape = asking.tape.clone();
    settings.stop = asking.stop.clone();
    Ok(Client::new(settings, asking.meter.clone())?)
}

/// Asks about every chunk in every pass.
async fn ask(
    client: &Client,
    setup: &Setup,
    prepared: &Prepared,
    asking: &Asking,
    arrived: &dyn Fn(&[Outcome]),
    console: &Console,
) -> Vec<Outcome> {
    let (config, plan) = (&setup.config, &prepared.plan);
    let ask = Ask {
        model: config.model.clone(),
        max_output_tokens: config.max_output_tokens,
        concurrency: config.concurrency,
        cache: asking.cache.clone(),
        prefix: asking.prefix.clone(),
    };
    if setup.ci.is_none() {
        console.start(plan.chunks.len() * plan.passes.len());
    }
    let outcomes = review::run(client, plan, &ask, &|outcomes| {
        console.advance();
        arrived(outcomes);
    })
    .await;
    tell_of_passes(prepared, &outcomes, setup.words(), console);
    outcomes
}

/// Says where a pass got no answer though another did: then fewer could vote.
fn tell_of_passes(prepared: &Prepared, outcomes: &[Outcome], words: &Words, console: &Console) {
    let best = review::best(&prepared.plan, outcomes);
    let lost: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    let is_seen = |outcome: &&&Outcome| best.iter().all(|best| !std::ptr::eq(*best, **outcome));
    let unseconded = lost.iter().filter(is_seen).count();
    if let Some(Err(cause)) = lost.iter().find(|outcome| is_seen(outcome)).map(|outcome| &outcome.result) {
        let cause = cause.replace('\n', "; ");
        let told =
            |words: &Words| words.no_votes.with(&[("requests", &words.requests.of(unseconded)), ("error", &cause)]);
        console.notice(Note::new(words, told));
    }
}

/// Says where the answers come from, what those of a batch cost, and what its files leave open.
fn tell_of_tape(asking: &Asking, console: &Console) {
    if asking.tape.as_ref().is_some_and(|tape| tape.was_by_hand()) {
        console.notice("the answers were written by hand: no model was asked, and nothing was paid");
    }
    let Some(Tape::Responses(responses)) = asking.tape.as_deref() else { return };
    console.notice("the answers are those of a batch, for which the prices of the table count by half");
    let open = responses.open().len();
    if open > 0 {
        console.notice(format!(
            "{} no answer in {}; `prudence plan --requests NEXT --responses FILE` writes what is open",
            if open == 1 { "1 request has".to_owned() } else { format!("{open} requests have") },
            responses.name(),
        ));
    }
}

/// Says which model answered where another was meant.
fn tell_of_detours(client: &Client, words: &Words, console: &Console) {
    for Detour { from, to, why, requests } in client.detours() {
        let error = why.replace('\n', "; ");
        let told = |words: &Words| {
            let requests = words.requests.of(requests);
            words.detour.with(&[("to", &to), ("requests", &requests), ("from", &from), ("error", &error)])
        };
        console.notice(Note::new(words, told));
    }
}

/// How alike remarks are to a model of embeddings, where the configuration names one and where it can make a difference.
async fn vectors(
    client: &Client,
    setup: &Setup,
    prepared: &Prepared,
    asking: &Asking,
    placed: &Placed,
    console: &Console,
) -> Vectors {
    let Some(model) = &setup.config.embedding_model else { return Vectors::default() };
    let earlier: Vec<&Finding> = prepared.standing.iter().map(|standing| &standing.finding).collect();
    let texts: Vec<String> = similar::compared(&placed.findings(), &earlier).into_iter().collect();
    if texts.is_empty() || asking.is_waiting() {
        return Vectors::default();
    }
    // the texts quote code, and code may hold secrets; an earlier finding is text that anyone may have edited
    let cleaned: Vec<String> = texts.iter().map(|text| prepared.clean(text)).collect();
    match client.embed(&format!("{}embed", asking.prefix), model, &cleaned).await {
        Ok(vectors) => Vectors::new(texts.into_iter().zip(vectors)),
        Err(error) => {
            let cause = error.to_string().replace('\n', "; ");
            console.notice(format!("words tell which findings say the same, since `{model}` did not: {cause}"));
            Vectors::default()
        }
    }
}

/// The second look, where the configuration wants one.
async fn look_again(
    client: &Client,
    setup: &Setup,
    prepared: &Prepared,
    (tree, context): (&Tree<'_>, &Context<'_>),
    asking: &Asking,
    gathered: &mut Gathered,
    console: &Console,
) {
    let config = &setup.config;
    let has_claims = gathered.candidates.iter().any(|candidate| candidate.finding.origin == Origin::Model);
    if !config.verify || config.effort == Effort::Low || !has_claims || asking.is_waiting() {
        return;
    }
    let look = Look {
        client,
        model: &config.verify_model,
        max_output_tokens: config.max_output_tokens,
        plan: &prepared.plan,
        tree,
        context,
        context_tokens: config.context_tokens,
        concurrency: config.concurrency,
        cache: asking.cache.as_ref(),
        prefix: &asking.prefix,
        clean: &|text| prepared.clean(text),
        left: Cell::new(prepared.plan.second_look(output_limit(config) as usize)),
    };
    let notes = verify::look_again(&look, gathered).await;
    notes.iter().for_each(|note| console.notice(note.replace('\n', "; ")));
}

/// Why the model server refuses everything, where not one chunk was reviewed and nothing was paid for: that is no review
/// but an error.
fn refused(outcomes: &[Outcome], meter: &Meter) -> Option<String> {
    if outcomes.iter().any(|outcome| outcome.result.is_ok()) || meter.totals().output_tokens > 0 {
        return None;
    }
    outcomes.iter().find_map(|outcome| outcome.stopped.clone())
}
