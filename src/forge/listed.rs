//! A changed file as a host's listing has it: hunks without a header. The header is made here, so that one parser reads all.

use super::ForgeError;
use crate::diff::{self, FileDiff, FileStatus};

/// One entry of a listing.
pub struct Listed<'a> {
    /// Path before.
    pub old: &'a str,
    /// Path after.
    pub new: &'a str,
    /// What happened to it.
    pub status: FileStatus,
    /// File modes before and after (`100644`), where the host tells.
    pub modes: Option<(&'a str, &'a str)>,
    /// What the listing shows of it.
    pub shown: Shown<'a>,
}

/// What a listing shows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Its hunks.
    Hunks(&'a str),
    /// That it is no text.
    Binary,
    /// No lines: it was only moved, or is empty.
    Nothing,
}

impl Listed<'_> {
    /// The file. `host` is its name, for messages.
    pub fn file(&self, host: &str) -> Result<FileDiff, ForgeError> {
        let new = self.new;
        let failed = |cause: &str| ForgeError::Failed(format!("{host}'s patch of `{new}`: {cause}"));
        let parsed = diff::parse(self.header() + &self.body()).map_err(|err| failed(&err.to_string()))?;
        parsed.files.into_iter().next().ok_or_else(|| failed("it is empty"))
    }

    fn header(&self) -> String {
        let (old, new) = (self.old, self.new);
        let modes = match (self.status, self.modes) {
            (FileStatus::Added, modes) => format!("new file mode {}\n", modes.map_or("100644", |(_, new)| new)),
            (FileStatus::Deleted, modes) => format!("deleted file mode {}\n", modes.map_or("100644", |(old, _)| old)),
            (_, Some((old, new))) if old != new => format!("old mode {old}\nnew mode {new}\n"),
            _ => String::new(),
        };
        let moved = match self.status {
            FileStatus::Renamed => format!("rename from {}\nrename to {}\n", quote("", old), quote("", new)),
            FileStatus::Copied => format!("copy from {}\ncopy to {}\n", quote("", old), quote("", new)),
            _ => String::new(),
        };
        let index = match (self.status, self.modes) {
            (FileStatus::Added | FileStatus::Deleted, _) | (_, None) => String::new(),
            (_, Some((old, new))) if old == new => format!("index 0000000..0000000 {new}\n"),
            _ => String::new(),
        };
        format!("diff --git {} {}\n{modes}{moved}{index}", quote("a/", old), quote("b/", new))
    }

    fn body(&self) -> String {
        let (from, to) = (quote("a/", self.old), quote("b/", self.new));
        match self.shown {
            Shown::Hunks(hunks) => {
                let from = if self.status == FileStatus::Added { "/dev/null".to_owned() } else { from };
                let to = if self.status == FileStatus::Deleted { "/dev/null".to_owned() } else { to };
                format!("--- {from}\n+++ {to}\n{hunks}\n")
            }
            Shown::Binary => format!("Binary files {from} and {to} differ\n"),
            Shown::Nothing => String::new(),
        }
    }
}

/// A name as git writes it in a header: in quotes where it has characters that would end it.
fn quote(prefix: &str, name: &str) -> String {
    if !name.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return format!("{prefix}{name}");
    }
    let escape = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        0x20..=0x7e => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    format!("\"{prefix}{}\"", name.bytes().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_where_the_host_tells_them() {
        let file =
            |status, modes, shown| Listed { old: "a", new: "a", status, modes: Some(modes), shown }.file("x").unwrap();
        let bump = Shown::Hunks("@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2");
        assert!(file(FileStatus::Modified, ("160000", "160000"), bump).is_submodule());
        assert!(file(FileStatus::Added, ("0", "160000"), Shown::Nothing).is_submodule());
        let script = file(FileStatus::Modified, ("100644", "100755"), Shown::Nothing);
        assert_eq!((script.old_mode, script.new_mode), (Some(0o100_644), Some(0o100_755)));
    }
}
