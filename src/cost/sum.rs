//! Sums of what runs cost, in groups.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Serialize, Serializer};

use crate::cli::By;
use crate::day::Day;
use crate::ledger::Entry;
use crate::report::{dollars, thousands};

/// Groups that are told apart, by each of what costs are summed up by. What has no room goes together.
const MOST_GROUPS: usize = 100_000;

/// Lines that could not be read of which more than the number is kept.
const MOST_UNREAD: usize = 100;

/// Dollars of which some may not be known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Money {
    /// Those that are known.
    pub usd: f64,
    has_known: bool,
    has_unknown: bool,
}

impl Money {
    /// Adds dollars; `None` is a part that nobody knows.
    pub fn add(&mut self, usd: Option<f64>) {
        match usd {
            Some(usd) => {
                self.usd += usd;
                self.has_known = true;
            }
            None => self.has_unknown = true,
        }
    }

    /// Whether a part is not known.
    pub fn is_at_least(&self) -> bool {
        self.has_unknown
    }

    /// The dollars; `None` where nothing of them is known.
    pub fn known(&self) -> Option<f64> {
        (self.has_known || !self.has_unknown).then_some(self.usd)
    }

    /// In words.
    pub fn shown(&self) -> String {
        match (self.known(), self.has_unknown) {
            (None, _) => "unknown".to_owned(),
            (usd, true) => format!("at least {}", dollars(usd)),
            (usd, false) => dollars(usd),
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

/// What some runs cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sum {
    /// How many there are.
    pub runs: u64,
    /// HTTP requests to models.
    pub requests: u64,
    /// Requests that got no answer and may have been billed; in no sum.
    pub unconfirmed_requests: u64,
    /// Tokens of the prompts, cached ones included.
    pub input_tokens: u64,
    /// Those of them that the provider had in its cache.
    pub cached_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// Dollars.
    pub usd: Money,
    /// Whether something is missing in them: a price, or what requests without an answer cost.
    pub usd_is_at_least: bool,
    /// Dollars that the provider's cache saved.
    pub cached_saved_usd: Money,
    /// Findings, of the runs that tell; of a model there are none.
    pub findings: u64,
    /// Runs that do not tell how many they found.
    pub runs_untold: u64,
}

impl Sum {
    /// Another sum together with this one.
    pub fn add(&mut self, other: &Sum) {
        let add = |to: &mut u64, number: u64| *to = to.saturating_add(number);
        add(&mut self.runs, other.runs);
        add(&mut self.requests, other.requests);
        add(&mut self.unconfirmed_requests, other.unconfirmed_requests);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.cached_tokens, other.cached_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.findings, other.findings);
        add(&mut self.runs_untold, other.runs_untold);
        self.usd_is_at_least |= other.usd_is_at_least;
        for (to, money) in [(&mut self.usd, other.usd), (&mut self.cached_saved_usd, other.cached_saved_usd)] {
            to.usd += money.usd;
            to.has_known |= money.has_known;
            to.has_unknown |= money.has_unknown;
        }
    }

    /// The number of findings in words.
    pub fn findings_shown(&self) -> String {
        match self.runs_untold {
            0 => thousands(self.findings),
            untold if untold >= self.runs => "unknown".to_owned(),
            _ => format!("at least {}", thousands(self.findings)),
        }
    }

    /// Dollars for a finding; `None` where there is none, or where something is missing in either number.
    pub fn usd_per_finding(&self) -> Option<f64> {
        (self.findings > 0 && self.runs_untold == 0 && !self.usd_is_at_least)
            .then(|| self.usd.usd / self.findings as f64)
    }
}

/// Sums by a name.
#[derive(Debug, Default)]
pub struct Groups {
    sums: HashMap<String, Sum>,
    /// What had no room.
    pub others: Option<Sum>,
}

impl Groups {
    fn add(&mut self, name: &str, sum: &Sum) {
        let is_full = self.sums.len() >= MOST_GROUPS;
        match self.sums.get_mut(name) {
            Some(known) => known.add(sum),
            None if is_full => self.others.get_or_insert_default().add(sum),
            None => drop(self.sums.insert(name.to_owned(), *sum)),
        }
    }

    /// The groups, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Sum)> {
        self.sums.iter()
    }
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unread {
    /// The ledger.
    pub file: String,
    /// The number of the line in it.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What the runs of some ledgers cost.
#[derive(Debug, Default)]
pub struct Costs {
    /// The first day that counts.
    pub since: Option<Day>,
    /// The last day that counts.
    pub until: Option<Day>,
    /// All of them.
    pub total: Sum,
    /// By what there is to sum up by.
    groups: BTreeMap<By, Groups>,
    /// Dollars and tokens by day and model, where there is room for all of them.
    pub plotted: BTreeMap<Day, BTreeMap<String, Sum>>,
    plotted_count: usize,
    /// The first and the last day of a run.
    days: Option<(Day, Day)>,
    /// Lines that were read, whether they count or not.
    pub entries: u64,
    /// Lines of runs that were counted before.
    pub duplicates: u64,
    /// Lines that could not be read.
    pub unread_count: u64,
    /// The first of them.
    pub unread: Vec<Unread>,
    /// Hashes of the runs that were counted: eight bytes for each.
    seen: HashSet<u64>,
}

impl Costs {
    /// Nothing yet, of the days in between.
    pub fn new(since: Option<Day>, until: Option<Day>) -> Costs {
        Costs { since, until, ..Costs::default() }
    }

    /// The groups of a kind.
    pub fn groups(&self, by: By) -> Option<&Groups> {
        self.groups.get(&by)
    }

    /// Whether a model without a price was asked.
    pub fn has_unpriced(&self) -> bool {
        self.total.cached_saved_usd.is_at_least()
    }

    /// The first and the last day of a run.
    pub fn days(&self) -> Option<(Day, Day)> {
        self.days
    }

    /// Takes note of a line that could not be read.
    pub fn could_not_read(&mut self, file: &str, line: u64, why: String) {
        self.unread_count += 1;
        if self.unread.len() < MOST_UNREAD {
            self.unread.push(Unread { file: file.to_owned(), line, why });
        }
    }

    /// Adds a run, unless it was added before or is of another time.
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let mut hasher = DefaultHasher::new();
        (&entry.id, &entry.time).hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            self.duplicates += 1;
            return;
        }
        let Some(day) = entry.day() else { return };
        if self.since.is_some_and(|since| day < since) || self.until.is_some_and(|until| day > until) {
            return;
        }
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
        let sum = of_entry(entry);
        self.total.add(&sum);
        let (repository, request) = names(entry);
        for (by, name) in [(By::Day, &day.to_string()), (By::Repository, &repository), (By::Request, &request)] {
            self.groups.entry(by).or_default().add(name, &sum);
        }
        for (model, sum) in by_model(entry) {
            self.groups.entry(By::Model).or_default().add(model, &sum);
            self.plot(day, model, &sum);
        }
    }

    fn plot(&mut self, day: Day, model: &str, sum: &Sum) {
        let is_full = self.plotted_count >= MOST_GROUPS;
        match self.plotted.get_mut(&day).and_then(|models| models.get_mut(model)) {
            Some(known) => known.add(sum),
            // still in the sum of its day, which the plot shows as that of other models
            None if is_full => {}
            None => {
                self.plotted_count += 1;
                self.plotted.entry(day).or_default().insert(model.to_owned(), *sum);
            }
        }
    }
}

/// What an entry adds.
fn of_entry(entry: &Entry) -> Sum {
    let mut sum = Sum {
        runs: 1,
        unconfirmed_requests: entry.unconfirmed_requests,
        findings: entry.findings.map_or(0, |findings| findings.count()),
        runs_untold: u64::from(entry.findings.is_none()),
        ..Sum::default()
    };
    for (_, model) in by_model(entry) {
        sum.add(&Sum { runs: 0, ..model });
    }
    if entry.models.is_empty() {
        sum.usd.add(entry.usd);
        sum.cached_saved_usd.add(entry.cached_saved_usd);
    }
    if entry.unconfirmed_requests > 0 {
        sum.usd.add(None);
    }
    sum.usd_is_at_least = sum.usd.is_at_least();
    sum
}

/// What an entry adds to each model. Which of them did not answer nobody knows.
fn by_model(entry: &Entry) -> impl Iterator<Item = (&str, Sum)> {
    entry.models.iter().map(|model| {
        let mut sum = Sum {
            runs: 1,
            requests: model.requests,
            input_tokens: model.input_tokens,
            cached_tokens: model.cached_tokens,
            output_tokens: model.output_tokens,
            ..Sum::default()
        };
        sum.usd.add(model.usd);
        if entry.unconfirmed_requests > 0 {
            sum.usd.add(None);
        }
        sum.cached_saved_usd.add(model.cached_saved_usd);
        sum.usd_is_at_least = sum.usd.is_at_least();
        (model.model.as_str(), sum)
    })
}

/// The names of the repository and of the request of an entry.
fn names(entry: &Entry) -> (String, String) {
    let repository = match entry.command.as_str() {
        "eval" => format!("{} (eval)", entry.repository),
        _ => entry.repository.clone(),
    };
    let sign = if entry.source == "gitlab" { '!' } else { '#' };
    let request = match entry.request {
        Some(number) => format!("{repository}{sign}{number}"),
        None if entry.command == "eval" => repository.clone(),
        None => format!("{repository} (no request)"),
    };
    (repository, request)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ledger::{Findings, ModelEntry, SCHEMA};

    /// A run of a day, with these dollars of these models.
    pub fn run(id: &str, day: &str, request: u64, models: &[(&str, Option<f64>)]) -> Entry {
        let model = |(model, usd): &(&str, Option<f64>)| ModelEntry {
            model: (*model).to_owned(),
            requests: 2,
            input_tokens: 1000,
            cached_tokens: 100,
            output_tokens: 50,
            usd: *usd,
            cached_saved_usd: usd.map(|usd| usd / 4.0),
        };
        let models: Vec<ModelEntry> = models.iter().map(model).collect();
        let sum = |usd: &dyn Fn(&ModelEntry) -> Option<f64>| models.iter().try_fold(0.0, |sum, m| Some(sum + usd(m)?));
        Entry {
            schema: SCHEMA.to_owned(),
            id: id.to_owned(),
            time: format!("{day}T10:00:00Z"),
            command: "review".to_owned(),
            status: "complete".to_owned(),
            source: "github".to_owned(),
            repository: "o/r".to_owned(),
            request: Some(request),
            head_sha: None,
            changed_lines_reviewed: Some(10),
            findings: Some(Findings { major: 1, info: 1, ..Findings::default() }),
            unconfirmed_requests: 0,
            usd: sum(&|model| model.usd),
            cached_saved_usd: sum(&|model| model.cached_saved_usd),
            models,
            seconds: 1.0,
        }
    }

    pub fn costs(entries: &[Entry]) -> Costs {
        let mut costs = Costs::new(None, None);
        entries.iter().for_each(|entry| costs.add(entry));
        costs
    }

    fn sum_of<'c>(costs: &'c Costs, by: By, name: &str) -> &'c Sum {
        let mut groups = costs.groups(by).expect("groups").iter();
        groups.find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    #[test]
    fn findings_that_nobody_told_are_unknown() {
        let told = run("1", "2026-11-01", 7, &[("a", Some(0.5))]);
        let untold = Entry { findings: None, id: "2".to_owned(), ..told.clone() };
        let shown = |entries: &[Entry]| {
            let costs = costs(entries);
            let sum = sum_of(&costs, By::Day, "2026-11-01");
            (sum.findings_shown(), sum.usd_per_finding())
        };
        assert_eq!(shown(std::slice::from_ref(&told)), ("2".to_owned(), Some(0.25)));
        assert_eq!(shown(std::slice::from_ref(&untold)), ("unknown".to_owned(), None));
        assert_eq!(shown(&[told, untold]), ("at least 2".to_owned(), None));
    }

    #[test]
    fn runs_are_summed_up_in_groups() {
        let costs = costs(&[
            run("1", "2026-11-01", 7, &[("a", Some(0.5)), ("b", Some(0.25))]),
            run("2", "2026-11-01", 8, &[("a", Some(1.0))]),
            run("3", "2026-11-02", 7, &[("b", Some(2.0))]),
        ]);
        let total = &costs.total;
        assert_eq!((total.runs, total.requests, total.input_tokens, total.findings), (3, 8, 4000, 6));
        assert_eq!((total.cached_tokens, total.output_tokens), (400, 200));
        assert_eq!((total.usd.shown(), total.cached_saved_usd.shown()), ("$3.75".to_owned(), "$0.94".to_owned()));
        assert_eq!(total.usd_per_finding(), Some(0.625));
        let check = |by: By, name: &str, runs: u64, usd: f64| {
            let sum = sum_of(&costs, by, name);
            assert_eq!((sum.runs, sum.usd.usd), (runs, usd), "{by:?} {name}");
        };
        check(By::Day, "2026-11-01", 2, 1.75);
        check(By::Day, "2026-11-02", 1, 2.0);
        check(By::Repository, "o/r", 3, 3.75);
        check(By::Model, "a", 2, 1.5);
        check(By::Model, "b", 2, 2.25);
        check(By::Request, "o/r#7", 2, 2.75);
        check(By::Request, "o/r#8", 1, 1.0);
    }

    #[test]
    fn what_nobody_knows_makes_a_sum_the_least_of_what_it_can_be() {
        let known = run("1", "2026-11-01", 7, &[("a", Some(0.5))]);
        let unknown = run("2", "2026-11-01", 7, &[("x", None)]);
        let both = run("3", "2026-11-01", 7, &[("a", Some(0.5)), ("x", None)]);
        let unanswered = Entry { unconfirmed_requests: 1, ..known.clone() };
        let nothing = Entry { models: Vec::new(), usd: Some(0.0), unconfirmed_requests: 2, ..known.clone() };
        let check = |entries: &[&Entry], usd: &str| {
            let entries: Vec<Entry> = entries.iter().map(|entry| (*entry).clone()).collect();
            let costs = costs(&entries);
            assert_eq!((costs.total.usd.shown().as_str(), costs.total.usd_is_at_least), (usd, !usd.starts_with('$')));
            assert_eq!(costs.total.usd_per_finding().is_some(), usd.starts_with('$'), "{usd}");
        };
        check(&[&known], "$0.50");
        check(&[&unknown], "unknown");
        check(&[&known, &unknown], "at least $0.50");
        check(&[&both], "at least $0.50");
        check(&[&unanswered], "at least $0.50");
        check(&[&nothing], "at least $0");
        assert_eq!(Money::default().shown(), "$0");
        let json = serde_json::to_value(costs(&[unknown]).total).unwrap();
        assert_eq!(
            (&json["usd"], &json["usd_is_at_least"], &json["cached_saved_usd"]),
            (&serde_json::Value::Null, &true.into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn a_run_counts_once_and_only_in_its_time() {
        let runs: Vec<Entry> =
            (1..=5).map(|n| run(&n.to_string(), &format!("2026-11-0{n}"), n, &[("a", Some(1.0))])).collect();
        let mut costs = Costs::new("2026-11-02".parse().ok(), "2026-11-03".parse().ok());
        runs.iter().chain(&runs[..2]).for_each(|entry| costs.add(entry));
        assert_eq!((costs.total.runs, costs.duplicates, costs.entries), (2, 2, 7));
        assert_eq!(costs.total.usd.shown(), "$2.00");
    }

    #[test]
    fn runs_without_a_request_are_told_apart() {
        let check = |entry: Entry, expected: (&str, &str)| {
            let (repository, request) = names(&entry);
            assert_eq!((repository.as_str(), request.as_str()), expected);
        };
        let entry = run("1", "2026-11-01", 7, &[]);
        check(Entry { source: "gitlab".to_owned(), ..entry.clone() }, ("o/r", "o/r!7"));
        check(Entry { request: None, ..entry.clone() }, ("o/r", "o/r (no request)"));
        check(Entry { request: None, command: "eval".to_owned(), ..entry }, ("o/r (eval)", "o/r (eval)"));
    }

    #[test]
    fn what_has_no_room_goes_together_and_is_in_the_sum() {
        let mut groups = Groups::default();
        let one = Sum { runs: 1, ..Sum::default() };
        (0..MOST_GROUPS + 3).for_each(|n| groups.add(&n.to_string(), &one));
        groups.add("0", &one);
        assert_eq!(
            (groups.sums.len(), groups.others.map(|sum| sum.runs), groups.sums["0"].runs),
            (MOST_GROUPS, Some(3), 2)
        );
        let mut costs = Costs::default();
        (0..MOST_UNREAD as u64 + 5).for_each(|line| costs.could_not_read("f", line, "x".to_owned()));
        assert_eq!((costs.unread.len(), costs.unread_count), (MOST_UNREAD, MOST_UNREAD as u64 + 5));
    }
}
