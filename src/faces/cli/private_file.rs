//! A new file that its owner alone reads.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes one, down to the disk. A file that exists is not touched.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
