//! The configurations of the documents.

use crate::support::program::Prudence;
use crate::support::repo::Repo;

use super::blocks_of;

#[test]
fn the_program_takes_every_configuration() {
    let blocks = blocks_of("toml");
    assert!(blocks.len() >= 5, "only {} configurations", blocks.len());
    for block in blocks {
        let repo = Repo::new().file("named.toml", &block.text);
        let run = Prudence::new().current_dir(repo.path()).args(["config", "--config", "named.toml"]).run();
        assert_eq!(run.code, Some(0), "{}: {run}", block.place);
        assert!(run.stdout.contains("# named.toml:"), "{}: nothing is set in it: {run}", block.place);
    }
}
