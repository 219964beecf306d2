//! What is posted in the team's language, by jobs that do not all speak the same.

use super::*;
use crate::support::phrases::{english_in, said};

/// Runs in Vietnamese, and all that the run said to people.
#[track_caller]
fn in_vietnamese(life: &mut Life) -> (Step, String) {
    let seen = life.gitlab().requests().len();
    let step = life.run_with(&["--language", "vi"], 0);
    let requests = life.gitlab().requests().split_off(seen);
    let text = said(&requests).join("\n\n");
    assert_eq!(english_in(&text), Vec::<String>::new(), "{text}");
    (step, text)
}

#[test]
fn a_request_in_two_languages() {
    let mut life = life_of(&three(), |scenario| scenario.user("carol").member("dave", 30));
    let (step, text) = in_vietnamese(&mut life);
    assert_eq!(step.words(), ["draft", "draft", "draft", "publish", "summary"]);
    assert!(text.contains("🟠 **alpha** · quan trọng · lỗi\n") && text.contains("Prudence: đã review xong"), "{text}");
    let posted = life.comment("alpha").body;
    let summary = life.summary_note().expect("a summary").id;

    // in English: the same comments, whose severities still count
    let step = life.run_with(&["--fail-on", "major"], 1);
    assert_eq!(step.words(), ["summary again"]);
    assert_eq!(step.suppressed().values().copied().collect::<Vec<_>>(), ["already_posted"; 3]);
    let note = life.summary_note().expect("a summary");
    assert_eq!(note.id, summary);
    assert!(note.body.contains("review complete: 3 findings (3 major, 3 of them posted before)"), "{}", note.body);

    // what one says of a comment, the other takes back
    life.push(new(&THREE[1..]));
    let (step, _) = in_vietnamese(&mut life);
    assert_eq!(step.words(), ["resolve", "outdated", "summary again"]);
    assert!(life.comment("alpha").body.starts_with("> ✅ **Không còn hiệu lực**"), "{}", life.comment("alpha").body);
    life.push(new(&THREE));
    let step = life.run();
    assert_eq!((step.words(), life.comment("alpha").body), (vec!["unresolve", "restored", "summary again"], posted));
    life.run().assert_quiet();

    // commands
    in_vietnamese(&mut life);
    life.gitlab().say("dave", "/prudence help");
    life.gitlab().say("dave", "/prudence pause");
    let (_, text) = in_vietnamese(&mut life);
    assert!(text.contains("| `/prudence pause` | dừng review request này |"), "{text}");
    assert!(life.summary().is_some_and(|text| text.contains("⏸️ **Đang tạm dừng**")));
    life.gitlab().say("dave", "/prudence resume");
    life.run();
    assert!(life.summary().is_some_and(|text| !text.contains("⏸️")));
}
