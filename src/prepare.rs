//! Change → filter → checks → redact → plan.

use anyhow::{Context as _, Result};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::checks;
use crate::config::provider::Resolved;
use crate::config::{Config, ContextLevel};
use crate::console::Console;
use crate::context::{self, Context};
use crate::diff::Diff;
use crate::diff::filter::{self, Rules, Skipped};
use crate::findings::standing::{self, Standing};
use crate::forge::{Background, By, Forge};
use crate::memory::Memory;
use crate::order::{self, Order};
use crate::orientation::{self, Guides};
use crate::plan::{self, Budget, Pass, Plan, Tokenizer, Trivial, Unsent};
use crate::prompt;
use crate::redact::{self, Redactions};
use crate::report::ShardInfo;
use crate::review::{self, schema};
use crate::setup::{Purpose, Setup, output_limit};
use crate::shard::Shard;
use crate::source::Base;
use crate::tree::Tree;
use crate::trivial;
use crate::usage;
use crate::words::Note;

/// The change, ready to be sent.
pub struct Prepared {
    /// What would be sent.
    pub plan: Plan,
    /// What is left out.
    pub skipped: Vec<Skipped>,
    /// What the built-in checks found.
    pub hits: Vec<checks::Hit>,
    /// What was masked.
    pub redactions: Redactions,
    /// Findings of earlier runs that stand on the request.
    pub standing: Vec<Standing>,
    /// What will have been reviewed when this run is complete; `None` where that is too much to remember.
    pub memory: Option<Memory>,
    /// Tells apart the prompts, settings and guides under which a model is asked otherwise.
    pub asked: String,
    /// Tokens that are kept free in a prompt for code beyond the hunks.
    pub context_tokens: usize,
    /// Which share of the review this is, where it is not the whole.
    pub shard: Option<ShardInfo>,
}

impl Prepared {
    /// The share of a review that one shard has; without one, the whole.
    pub fn only(self, shard: Option<Shard>) -> Prepared {
        let Some(shard) = shard else { return self };
        let plan = prompt::hash_of(&[&self.plan.digest(), &self.asked]);
        Prepared { plan: self.plan.only(shard), shard: Some(ShardInfo { index: shard, plan }), ..self }
    }

    /// A text with no secret in it.
    pub fn clean(&self, text: &str) -> String {
        self.redactions.clean(&redact::text(text)).into_owned()
    }

    /// Puts beside every chunk what is needed to understand it.
    pub fn show(&self, context: &Context<'_>) {
        let room = self.plan.context_room(self.context_tokens);
        self.plan.show(self.plan.chunks.iter().map(|chunk| context.for_review(&chunk.pieces, room)).collect());
    }
}

/// Filters, checks, masks and packs the change.
///
/// # Errors
/// What steers the bot cannot be read from the base, or a glob is none.
pub async fn prepare(setup: &Setup, tree: &Tree<'_>, console: &Console) -> Result<Prepared> {
    let (config, change) = (&setup.config, &setup.change);
    let tokenizer = Tokenizer::for_model(&config.model);
    let (diff, skipped) = filtered(setup).await?;
    let hits = checks::run(&diff, |rule| config.checks.get(rule).copied().unwrap_or(true), setup.words());
    let (diff, redactions) = redact::apply(diff);
    if redactions.count() > 0 && setup.provider != Resolved::Offline {
        console.notice(Note::new(setup.words(), |words| words.secrets_masked.of(redactions.count())));
    }
    let is_asked = setup.provider != Resolved::Offline;
    let guides = if is_asked { orientation::guides(setup, &diff).await } else { Guides::default() };
    let model = usage::model(&config.model);
    // where nothing will be shown, there is nothing to keep room for
    let has_context = tree.why_nowhere().is_none()
        && config.context != ContextLevel::Hunk
        && diff.files.len() <= context::MOST_CHANGED;
    let context_tokens = if has_context { config.context_tokens.min(config.chunk_tokens / 4) } else { 0 };
    let budget = Budget {
        chunk_tokens: config.chunk_tokens,
        max_output_tokens: output_limit(config) as usize,
        context_tokens,
        window: model.map_or(UNKNOWN_WINDOW, |model| usize::try_from(model.context_tokens).unwrap_or(usize::MAX)),
        tokenizer,
    };
    let key = review_key(config, setup.provider, &guides);
    // what only the checks looked at is not reviewed, and costs nothing to look at again
    let has_memory = setup.target.forge().is_some() && setup.provider != Resolved::Offline;
    let trivial = if is_asked { trivial::of(&diff, tree) } else { Trivial::new() };
    let is_trivial = |hunk| trivial.contains_key(&hunk);
    let memory = if has_memory { Memory::of(&diff, &key, is_trivial) } else { None };
    let known = change.state.memory.as_ref().filter(|known| has_memory && known.key == key && !setup.full);
    let standing = standing(setup, &diff, &skipped, console).await?;
    // nobody is told anything where nothing is asked
    let unsent = Unsent { known, trivial };
    let background =
        if is_asked && !unsent.is_all(&diff) { orientation::background(setup).await } else { Background::default() };
    let told = (&guides, &background);
    let orientation = orientation::orientation(setup, (&diff, &skipped), &redactions, told, (tokenizer, console));
    let plan = plan::build(budget, &orientation, &schema::schema().to_string(), diff, unsent);
    let plan = plan.with_passes(Pass::all(config.effort));
    let asked = prompt::hash_of(&[&review::settings_key(config, setup.provider), &guides.key()]);
    Ok(Prepared { plan, skipped, hits, redactions, standing, memory, asked, context_tokens, shard: None })
}

/// What can be found beside the hunks of a change.
pub fn context<'a>(
    config: &Config,
    tree: &'a Tree<'a>,
    diff: &'a Diff,
    clean: &'a dyn Fn(&str) -> String,
) -> Context<'a> {
    Context::new(tree, diff, config.context, Tokenizer::for_model(&config.model), clean)
}

/// Tells what could not be shown beside the hunks. Where there is no repository at all, nobody expects more than the change,
/// and only those are told who ask for details.
pub fn tell_of(context: &Context<'_>, setup: &Setup, console: &Console) {
    for note in context.notes() {
        if setup.repo.is_some() { console.notice(&note) } else { console.detail(&note, serde_json::json!({})) }
    }
}

/// The change that is to be reviewed, and what is left out of it.
///
/// # Errors
/// What steers the bot cannot be read from the base, or a glob is none.
pub async fn filtered(setup: &Setup) -> Result<(Diff, Vec<Skipped>)> {
    let (config, change) = (&setup.config, &setup.change);
    let base = Base::new(change, &setup.target, setup.repo.as_ref(), setup.ci.is_some());
    let rules = Rules {
        include: (!config.include.is_empty()).then(|| globs(&config.include)).transpose()?,
        exclude: globs(&config.exclude)?,
        attributes: base.attributes(&change.diff).await?,
    };
    Ok(filter::apply(change.diff.clone(), &rules, &|path| base.text(path)))
}

/// Tells apart the settings under which a review finds other things.
pub fn review_key(config: &Config, provider: Resolved, guides: &Guides) -> String {
    let more = format!(
        "{:?}",
        (
            (&config.verify_model, config.effort, config.verify, config.min_severity, config.min_confidence),
            (config.context, config.context_tokens),
        )
    );
    prompt::hash_of(&[&review::settings_key(config, provider), &more, &guides.key()])
}

/// What earlier runs left on the request, and what people said of it.
async fn standing(setup: &Setup, diff: &Diff, skipped: &[Skipped], console: &Console) -> Result<Vec<Standing>> {
    let change = &setup.change;
    if setup.purpose == Purpose::Plan {
        return Ok(Vec::new());
    }
    let refused = refused(setup, console).await?;
    let left_out = |path: &str| skipped.iter().any(|skip| skip.path.as_str() == path);
    Ok(standing::read(&change.conversation, &change.state, &refused, diff, &left_out))
}

/// The comments of ours that people turned down, by resolving the thread, by a 👎 or by `/prudence ignore`, and whether one
/// of them may write to the repository. A command of anyone else counts for nothing.
///
/// # Errors
/// The host does not tell.
pub async fn refused(setup: &Setup, console: &Console) -> Result<Vec<(u64, bool)>> {
    let Some(forge) = setup.target.forge() else { return Ok(Vec::new()) };
    let comments = &setup.change.conversation.comments;
    // without a gate nobody needs to know who may lift it
    let has_gate = setup.config.fail_on.is_some();
    let mut writers = Writers { forge, console, known: Vec::new() };
    let mut refused = Vec::new();
    for comment in comments.iter().filter(|comment| comment.resolved == Some(By::Another)) {
        refused.push((comment.id, !has_gate || writers.any(comment.resolved_by.as_slice()).await));
    }
    let open: Vec<_> = comments.iter().filter(|comment| comment.resolved.is_none()).collect();
    if open.is_empty() {
        return Ok(refused);
    }
    let ids: Vec<u64> = open.iter().map(|comment| comment.id).collect();
    for (comment, people) in forge.disliked(&ids).await? {
        refused.push((comment, !has_gate || writers.any(&people).await));
    }
    for comment in open {
        let orders = comment.replies.iter().filter(|reply| !reply.is_bot && is_ignore(&reply.body));
        let authors: Vec<String> = orders.filter_map(|reply| reply.author.clone()).collect();
        if writers.any(&authors).await {
            refused.push((comment.id, true));
        }
    }
    Ok(refused)
}

/// Who may write to the repository, each asked about once.
struct Writers<'a> {
    forge: &'a dyn Forge,
    console: &'a Console,
    known: Vec<(String, bool)>,
}

impl Writers<'_> {
    /// Whether one of these people may. On a host that does not tell nobody may: a stranger's words must not be able to end
    /// the review.
    async fn any(&mut self, people: &[String]) -> bool {
        /// People who are asked about at most for one comment: a crowd must not use up the limit of requests.
        const MOST: usize = 10;
        for login in people.iter().take(MOST) {
            let known = self.known.iter().find(|(known, _)| known == login).map(|(_, may)| *may);
            let may = match known {
                Some(may) => may,
                None => self.ask(login).await,
            };
            if may {
                return true;
            }
        }
        false
    }

    async fn ask(&mut self, login: &str) -> bool {
        let may = self.forge.is_writer(login).await.unwrap_or_else(|err| {
            let cause = err.to_string().replace('\n', "; ");
            self.console.notice(format!("what `{login}` dismissed counts for nothing: {cause}"));
            false
        });
        self.known.push((login.to_owned(), may));
        may
    }
}

fn is_ignore(reply: &str) -> bool {
    order::parse(reply) == Some(Ok(Order::Ignore))
}

/// Tokens that a model which is not known takes: `context_length_exceeded` tells where it is less.
const UNKNOWN_WINDOW: usize = 128_000;

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).with_context(|| format!("`{pattern}` is no glob"))?);
    }
    Ok(set.build()?)
}
