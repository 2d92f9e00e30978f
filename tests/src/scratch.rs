use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// How much room is enough, in kilobytes.
const ENOUGH: u64 = 1_000_000;

/// Where files are made that nobody keeps: in memory if there is room, since a database of `PostgreSQL` is hundreds of files, and making
/// them on a disk costs ten times as much. `TMPDIR` says otherwise.
pub(crate) static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let in_memory = std::env::var_os("TMPDIR").is_none() && room_in(&memory).is_some_and(|room| room >= ENOUGH);
    if in_memory { memory } else { std::env::temp_dir() }
});

fn room_in(folder: &PathBuf) -> Option<u64> {
    let told = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    String::from_utf8(told.stdout).ok()?.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}
