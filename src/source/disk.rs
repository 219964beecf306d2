//! Files of the working tree that may be guides: read without following a link, and not to their end.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// Bytes that are read: more than anybody looks at.
const MOST_BYTES: u64 = 1 << 20;

/// The beginning of a file; the target's name where it is a symbolic link, as git has it. `None` where there is no such
/// file, or a folder on its way is a link: it may lead out of the repository.
pub fn start(root: &Path, path: &str) -> Option<Vec<u8>> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) || !is_plain(root, parts.split_last()?.1) {
        return None;
    }
    let file = root.join(path);
    let kind = fs::symlink_metadata(&file).ok()?.file_type();
    if kind.is_symlink() {
        return fs::read_link(&file).ok().map(|target| target.to_string_lossy().into_owned().into_bytes());
    }
    if !kind.is_file() {
        // opening a pipe would wait for who writes into it
        return None;
    }
    let mut text = Vec::new();
    File::open(&file).ok()?.take(MOST_BYTES).read_to_end(&mut text).ok()?;
    Some(text)
}

/// The paths of the entries of a folder, in order, at most so many.
pub fn names(root: &Path, folder: &str, most: usize) -> Vec<String> {
    if !is_plain(root, &folder.split('/').collect::<Vec<_>>()) {
        return Vec::new();
    }
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.into_iter().take(most).map(|name| format!("{folder}/{name}")).collect()
}

/// Whether each of these folders, one in the other, is one and no link.
fn is_plain(root: &Path, folders: &[&str]) -> bool {
    let mut path = root.to_path_buf();
    folders.iter().all(|folder| {
        path.push(folder);
        fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_folders_listed() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("a/b")).expect("folders");
        fs::write(root.path().join("a/b/x"), "text").expect("a file");
        fs::write(root.path().join("a/large"), vec![b'x'; 3 << 20]).expect("a file");
        assert_eq!(start(root.path(), "a/b/x").as_deref(), Some(b"text".as_slice()));
        assert_eq!(start(root.path(), "a/large").map(|text| text.len()), Some(1 << 20));
        assert_eq!(names(root.path(), "a", 9), ["a/b", "a/large"]);
        assert_eq!(names(root.path(), "a", 1), ["a/b"]);
        for path in ["a", "none", "a/none", "../a/b/x", "a/./b/x", "/etc/passwd", ""] {
            assert_eq!(start(root.path(), path), None, "{path}");
        }
        assert_eq!(names(root.path(), "none", 9), Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let (root, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(outside.path().join("secret"), "secret").expect("a file");
        symlink(outside.path(), root.path().join("folder")).expect("a link");
        symlink(outside.path().join("secret"), root.path().join("file")).expect("a link");
        assert_eq!(start(root.path(), "folder/secret"), None);
        assert_eq!(names(root.path(), "folder", 9), Vec::<String>::new());
        let target = start(root.path(), "file").expect("the name of the target");
        assert!(target != b"secret" && target.ends_with(b"/secret"));
    }
}
