//! Lives that nobody thought of: pushes, people, troubles and runs in an order that chance makes. What must hold is checked
//! after every run by the life itself.

use super::*;

/// Numbers that look like chance and are the same for the same seed.
struct Chance(u64);

impl Chance {
    /// A number below this.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("a small number") % limit
    }
}

const NAMES: [&str; 5] = ["alpha", "beta", "gamma", "delta", "grave"];

/// Which defects there are, and how many lines stand above them.
struct Code {
    there: [bool; 5],
    above: usize,
    is_renamed: bool,
}

impl Code {
    fn text(&self) -> String {
        let there = NAMES.iter().enumerate().filter(|(at, _)| self.there[*at]);
        let defects: Vec<(usize, &str)> = there.map(|(at, name)| (30 * at + 10, *name)).collect();
        "// above\n".repeat(self.above) + &code(160, &defects)
    }

    fn write(&self, repo: Repo) -> Repo {
        let (name, other) = if self.is_renamed { ("src/z.rs", "src/new.rs") } else { ("src/new.rs", "src/z.rs") };
        let repo = if repo.path().join(other).exists() { repo.remove(other) } else { repo };
        repo.file(name, self.text())
    }
}

/// One thing that somebody does.
fn happen(life: &mut Life, code: &mut Code, chance: &mut Chance) -> String {
    let threads = life.ours();
    let any = (!threads.is_empty()).then(|| threads[chance.below(threads.len().max(1))].clone());
    match (chance.below(9), any) {
        (0..=2, _) => {
            let at = chance.below(5);
            code.there[at] = !code.there[at];
            life.push(|repo| code.write(repo));
            format!("{} {}", NAMES[at], if code.there[at] { "comes" } else { "goes" })
        }
        (3, _) => {
            code.above = chance.below(4);
            life.push(|repo| code.write(repo).file("n", chance.below(1000).to_string()));
            format!("{} lines above", code.above)
        }
        (4, _) => {
            life.move_target(|repo| repo.file("README", chance.below(1000).to_string()));
            life.force(|repo| code.write(repo));
            "a rebase".to_owned()
        }
        (5, Some(thread)) => {
            life.gitlab().answer(&thread.id, MEMBER, "Really?");
            format!("an answer to {:?}", title_of(&thread.notes[0].body))
        }
        (6, Some(thread)) => {
            life.gitlab().resolve_as(&thread.id, MEMBER);
            format!("{:?} settled", title_of(&thread.notes[0].body))
        }
        (7, Some(thread)) if thread.notes[0].awards.is_empty() => {
            life.gitlab().award(thread.notes[0].id, MEMBER, "thumbsdown");
            format!("{:?} disliked", title_of(&thread.notes[0].body))
        }
        (8, _) => {
            code.is_renamed = !code.is_renamed;
            life.push(|repo| code.write(repo));
            "a rename".to_owned()
        }
        _ => "nothing".to_owned(),
    }
}

/// Something that goes wrong in the next run, half of the time.
fn trouble(life: &Life, chance: &mut Chance) -> String {
    let routes = [
        Route::CreateDraft,
        Route::PublishDrafts,
        Route::CreateDiscussion,
        Route::CreateNote,
        Route::EditNote,
        Route::ResolveDiscussion,
    ];
    let faults =
        [Fault::ApplyThenReset, Fault::ApplyThenHtml502, Fault::Reset, Fault::Html502, Fault::ApplyThenHtml200];
    let (route, fault) = (routes[chance.below(6)], faults[chance.below(5)].clone());
    if chance.below(2) == 0 {
        return String::new();
    }
    life.gitlab().fault(route, 1, fault.clone());
    format!("{route:?} {fault:?}")
}

/// A whole life; its story is told when it goes wrong.
fn live(seed: u64, days: usize) {
    let mut chance = Chance(seed);
    let (stays, settles) = (chance.below(3) == 0, chance.below(3) == 0);
    let mut code = Code { there: [true, true, false, false, false], above: 0, is_renamed: false };
    let repo = branch(|repo| code.write(repo));
    let mut life = life_of(&repo, |scenario| {
        let scenario = scenario.limits(|limits| limits.notes_per_minute = 10_000);
        scenario.quirks(|quirks| (quirks.positions_stay, quirks.resolve_outdated) = (stays, settles))
    });
    let mut story = vec![format!("seed {seed}, positions stay {stays}, outdated ones are settled {settles}")];
    for _ in 0..days {
        let what = happen(&mut life, &mut code, &mut chance);
        let wrong = trouble(&life, &mut chance);
        story.push(format!("{what}; {wrong}"));
        let _told = Told(&story);
        life.run();
        life.gitlab().heal();
        life.run().assert_quiet();
    }
}

/// Prints a story where a test fails.
struct Told<'a>(&'a [String]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.join("\n"));
        }
    }
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_stands_twice() {
    let seeds = std::env::var("PRUDENCE_TEST_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    (1..=seeds).for_each(|seed| live(seed, 8));
}
