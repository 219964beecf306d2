//! Files on disk: never through a symbolic link, never outside the folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path};

use anyhow::{Context as _, Result, bail};

use super::{LARGEST_FILE, MOST_ENTRIES};

/// A regular file below `root` of at most `limit` bytes.
pub(super) fn file(root: &Path, path: &str, limit: usize) -> Option<Vec<u8>> {
    let mut place = root.to_path_buf();
    let mut kind = None;
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else { return None };
        place.push(name);
        let found = fs::symlink_metadata(&place).ok()?.file_type();
        if found.is_symlink() {
            return None;
        }
        kind = Some(found);
    }
    // a pipe would never end
    if !kind?.is_file() {
        return None;
    }
    read(&place, limit)
}

fn read(place: &Path, limit: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(place).ok()?.take(most).read_to_end(&mut text).ok()?;
    (text.len() <= limit).then_some(text)
}

/// All files of a folder that is read into memory have at most so many bytes together.
const LARGEST_FOLDER: usize = 50_000_000;

/// The files below a folder, with their paths in it.
pub(super) fn folder(root: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let (mut entries, mut bytes) = (0, 0);
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((place, prefix)) = folders.pop() {
        let context = || format!("cannot read the folder `{}`", place.display());
        for entry in fs::read_dir(&place).with_context(context)? {
            let entry = entry.with_context(context)?;
            let (Ok(name), kind) = (entry.file_name().into_string(), entry.file_type().with_context(context)?) else {
                continue;
            };
            entries += 1;
            if kind.is_dir() && !name.starts_with('.') {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else if kind.is_file()
                && let Some(text) = read(&entry.path(), LARGEST_FILE)
            {
                bytes += text.len();
                files.push((format!("{prefix}{name}"), text));
            }
            if entries > MOST_ENTRIES || bytes > LARGEST_FOLDER {
                bail!(
                    "`{}` is too large to read into memory: over {} MB or {MOST_ENTRIES} entries\nhint: name a smaller folder",
                    root.display(),
                    LARGEST_FOLDER / 1_000_000
                );
            }
        }
    }
    Ok(files)
}
