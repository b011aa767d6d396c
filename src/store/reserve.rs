//! Room kept for a full disk: a file beside the database that is given up when a write finds no room, so that removing
//! objects and checkpointing the WAL still work (trust.md R3), and taken again as soon as there is room.
//! The one invariant: the WAL is checkpointed at half the size of the reserve, so that it always fits back.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::sqlite::{CHECKPOINT_PAGES, PAGE};

/// The reserve is a sixteenth of the free space, within these bounds (bytes).
const LEAST: u64 = 256 * 1024;
const MOST: u64 = 2 * CHECKPOINT_PAGES * PAGE;

/// The reserve of one database.
pub(crate) struct Reserve {
    path: PathBuf,
    size: u64,
    held: bool,
}

impl Reserve {
    /// Takes the reserve, or finds that there is no room for it (`held()` is false then).
    pub(crate) fn take(path: PathBuf) -> Reserve {
        let mine = fs::metadata(&path).map_or(0, |file| file.len());
        let free = path.parent().and_then(|folder| free(folder).ok()).unwrap_or(MOST * 8);
        let size = ((free + mine) / 16).clamp(LEAST, MOST);
        let mut reserve = Reserve { path, size, held: false };
        reserve.retake();
        reserve
    }

    /// True while the room is kept.
    pub(crate) fn held(&self) -> bool {
        self.held
    }

    /// After how many pages the WAL is checkpointed.
    pub(crate) fn checkpoint_pages(&self) -> u64 {
        self.size / 2 / PAGE
    }

    /// Gives the room up.
    pub(crate) fn release(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::error!(%error, "the reserve for a full disk cannot be released: remove {} by hand", self.path.display());
        }
        self.held = false;
    }

    /// True when so little is left that the next write may find no room: the time to give the reserve up, so that
    /// not even the first removal on a full disk fails.
    pub(crate) fn short(&self) -> bool {
        self.held
            && self
                .path
                .parent()
                .and_then(|folder| free(folder).ok())
                .is_some_and(|free| free < self.size / 2)
    }

    /// Takes the room again if there is clearly enough: twice of it, or a full disk would be found full again by the
    /// next write, with the reserve in the way.
    pub(crate) fn retake(&mut self) -> bool {
        self.held = allocate(&self.path, 2 * self.size).and_then(|file| file.set_len(self.size)).is_ok();
        if !self.held {
            fs::remove_file(&self.path).ok();
        }
        self.held
    }
}

fn free(folder: &Path) -> io::Result<u64> {
    let place = statvfs(folder)?;
    Ok(place.f_bavail * place.f_frsize)
}

/// Makes the file and its blocks. Where a file system cannot allocate, zeros are written.
fn allocate(path: &Path, size: u64) -> io::Result<File> {
    let file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
    file.set_len(size)?;
    match fallocate(&file, FallocateFlags::empty(), 0, size) {
        Err(rustix::io::Errno::OPNOTSUPP) => {
            io::copy(&mut io::Read::take(io::repeat(0), size), &mut &file)?;
        }
        other => other?,
    }
    Ok(file)
}
