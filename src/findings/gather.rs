//! From what every pass said to candidates, each defect once, with the votes it has.

use std::collections::BTreeSet;

use super::exclude::{self, Scene};
use super::{Finding, Origin, Reason, Suppressed, Verdict, anchor, from_draft, from_hit, rank, similar, unplaced};
use crate::checks::Hit;
use crate::config::Effort;
use crate::diff::Diff;
use crate::meaning::Vectors;
use crate::review::schema::Draft;

/// A draft, and the pass that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The number of the pass.
    pub pass: usize,
    /// What it said.
    pub draft: Draft,
}

/// A finding on its way: it stands in the diff, and what it is worth is not decided yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The finding. Its votes are the passes that saw it.
    pub finding: Finding,
    /// The failing case, in the model's words.
    pub reasoning: String,
    /// The passes that got an answer for its lines, and so could see it.
    pub passes: usize,
    /// Whether a second look was tried and failed.
    pub look_failed: bool,
}

/// What was said of a change, each thing once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// What may be reported, strongest first.
    pub candidates: Vec<Candidate>,
    /// What will not be, and why.
    pub suppressed: Vec<Suppressed>,
    /// How alike remarks are to a model of embeddings, for what is still to be compared.
    pub vectors: Vectors,
}

/// What decides about drafts beside the drafts themselves.
pub struct Rules<'a> {
    /// How many passes answered for a path.
    pub answered: &'a dyn Fn(&str) -> usize,
    /// Whether remarks on style are wanted.
    pub wants_style: bool,
    /// The text of a file of the change as it leaves it, where that is at hand; the argument is its index in the diff.
    pub text: &'a dyn Fn(usize) -> Option<&'a str>,
}

/// What was said and has a place, before it is joined.
#[derive(Debug, Default)]
pub struct Placed {
    /// Each with the number of its pass; 0 for a check.
    candidates: Vec<(usize, Candidate)>,
    /// What is not reported, and why.
    suppressed: Vec<Suppressed>,
}

/// Places the drafts in the diff, drops what is never reported, and joins what says the same in its words.
pub fn gather(diff: &Diff, hits: Vec<Hit>, said: Vec<Said>, rules: &Rules<'_>) -> Gathered {
    place(diff, hits, said, rules).join(Vectors::default())
}

/// Places the drafts in the diff, and drops what is never reported.
pub fn place(diff: &Diff, hits: Vec<Hit>, said: Vec<Said>, rules: &Rules<'_>) -> Placed {
    let of_check = |hit| (0, Candidate::new(from_hit(diff, hit), String::new(), 1));
    let mut placed = Placed { candidates: hits.into_iter().map(of_check).collect(), suppressed: Vec::new() };
    let index = anchor::Index::new(diff);
    for Said { pass, draft } in said {
        let reasoning = draft.reasoning.clone();
        let Some(anchor) = index.anchor(&draft) else {
            placed.suppressed.push(Suppressed::new(Reason::Unanchored, unplaced(draft)));
            continue;
        };
        let (file, text) = (&diff.files[anchor.file], (rules.text)(anchor.file));
        let finding = from_draft(diff, draft, anchor, text);
        let scene = Scene { file, text, wants_style: rules.wants_style };
        match exclude::excluded(&finding, &reasoning, &scene) {
            Some(why) => placed.suppressed.push(Suppressed::because(Reason::BelowThreshold, why, finding)),
            None => {
                let passes = (rules.answered)(&finding.path);
                placed.candidates.push((pass, Candidate::new(finding, reasoning, passes)));
            }
        }
    }
    placed
}

impl Placed {
    /// What was said, in no order.
    pub fn findings(&self) -> Vec<&Finding> {
        self.candidates.iter().map(|(_, candidate)| &candidate.finding).collect()
    }

    /// Keeps the strongest of those that say the same. Each pass that saw it is a vote; twice in one pass is a duplicate.
    pub fn join(self, vectors: Vectors) -> Gathered {
        let Placed { candidates: mut placed, mut suppressed } = self;
        placed.sort_by_cached_key(|(_, candidate)| rank(&candidate.finding));
        let mut kept: Vec<(Candidate, BTreeSet<usize>)> = Vec::new();
        for (pass, candidate) in placed {
            match kept.iter_mut().find(|(other, _)| similar::is_same(&other.finding, &candidate.finding, &vectors)) {
                Some((other, passes)) => {
                    // a check needs no votes, and a model that sees the same adds nothing
                    let is_vote = other.finding.origin == Origin::Model && passes.insert(pass);
                    if !is_vote {
                        suppressed.push(Suppressed::new(Reason::Duplicate, candidate.finding));
                    }
                }
                None => kept.push((candidate, BTreeSet::from([pass]))),
            }
        }
        let with_votes = |(mut candidate, passes): (Candidate, BTreeSet<usize>)| {
            candidate.finding.votes = u32::try_from(passes.len()).unwrap_or(u32::MAX);
            candidate
        };
        let mut candidates: Vec<Candidate> = kept.into_iter().map(with_votes).collect();
        candidates.sort_by_cached_key(|candidate| rank(&candidate.finding));
        Gathered { candidates, suppressed, vectors }
    }
}

impl Candidate {
    fn new(finding: Finding, reasoning: String, passes: usize) -> Candidate {
        Candidate { finding, reasoning, passes, look_failed: false }
    }

    /// Whether enough speaks for it (interface, section 3). Where only one pass could see it, nobody could second it.
    fn stands(&self, effort: Effort) -> bool {
        let is_alone = self.finding.votes < 2 && self.passes > 1;
        let is_backed = self.finding.verdict == Verdict::Confirmed || self.look_failed;
        match effort {
            _ if self.finding.origin == Origin::Check || !is_alone => true,
            Effort::Low => true,
            Effort::Balanced => is_backed,
            Effort::High => false,
        }
    }
}

impl Gathered {
    /// Drops those that no second look can save: with `high` effort a single vote is not enough whatever it says.
    pub fn outvote_first(&mut self, effort: Effort) {
        if effort == Effort::High {
            self.outvote(effort);
        }
    }

    /// Drops those for which too little speaks, after the second look.
    pub fn outvote(&mut self, effort: Effort) {
        let (kept, dropped): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.candidates).into_iter().partition(|candidate| candidate.stands(effort));
        self.candidates = kept;
        self.suppressed.extend(dropped.into_iter().map(|c| Suppressed::new(Reason::Outvoted, c.finding)));
    }

    /// Drops a candidate that the second look refuted.
    pub fn refute(&mut self, index: usize, why: String) {
        let candidate = self.candidates.remove(index);
        self.suppressed.push(Suppressed::because(Reason::Refuted, why, candidate.finding));
    }
}

/// The rules where nothing is known but the drafts.
pub const PLAIN: Rules<'static> = Rules { answered: &|_| 1, wants_style: false, text: &|_| None };
