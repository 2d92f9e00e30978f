//! A throw-away `PostgreSQL` server, made from the programs that are installed.
//!
//! All test processes of a user share it: each holds a shared lock on a file for as long as it lives, and a detached shell waits until
//! it gets that lock for itself alone, which is when nobody is left; then it stops the server and removes everything.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::scratch::SCRATCH;

/// Durability is for data that is kept.
const SETTINGS: &str = "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal \
     -c max_wal_senders=0 -c max_wal_size=128MB -c autovacuum=off -c max_connections=300 -c log_min_messages=fatal -c log_min_error_statement=panic";

/// What the detached shell does: `$1` programs, `$2` folder, `$3` the process to wait for where there is no `flock`.
const REAPER: &str = r#"(
    over="\"$1/pg_ctl\" -D \"$2/data\" -m immediate stop; rm -rf \"$2\""
    if [ -z "$3" ]; then
        while sleep 2; do flock -n -x "$2/in-use" sh -c "$over" && break; done
    else
        while kill -0 "$3"; do sleep 2; done; sh -c "$over"
    fi
) >/dev/null 2>&1 </dev/null &"#;

/// The programs of the server, and the user under which they run: they refuse to run as root.
pub(crate) struct Programs {
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Programs {
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("PG_BIN").map(PathBuf::from);
        let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        // What is on the path may be a link into the folder that has the other programs too.
        let on_path = on_path.iter().filter_map(|folder| Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned()));
        let mut installed: Vec<_> =
            fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin")).collect();
        installed.sort_by_key(|folder| folder.iter().nth_back(1).and_then(|version| version.to_str()?.parse::<u32>().ok()));
        let mut folders = named.into_iter().chain(on_path).chain(installed.into_iter().rev());
        let folder = folders.find(|folder| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file()))?;
        let user = if uid().ok()? == 0 { ["postgres", "nobody"].into_iter().find_map(user) } else { None };
        Some(Self { folder, user })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Gives a folder to the user under whom they run.
    pub(crate) fn give(&self, folder: &Path) -> io::Result<()> {
        self.user.map_or(Ok(()), |(uid, gid)| chown(folder, Some(uid), Some(gid)))
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let output = self.command(self.folder.join(program)).args(arguments).output()?;
        if output.status.success() {
            return Ok(());
        }
        let told = [output.stdout, output.stderr].concat();
        Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&told))))
    }
}

/// Who we are. The standard library does not say, but whose a new file is.
fn uid() -> io::Result<u32> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}

fn user(name: &str) -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Holds the server while the process lives.
#[derive(Debug)]
pub(crate) struct InUse {
    folder: PathBuf,
    _lock: File,
}

impl InUse {
    /// Joins the server that runs for this user, or starts one. `None` where the programs are not installed.
    pub(crate) fn join() -> io::Result<Option<Self>> {
        let Some(programs) = Programs::find() else { return Ok(None) };
        let shared = Command::new("flock").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let ours = if shared { String::new() } else { format!("-{}", std::process::id()) };
        let name = format!("matricula-postgres-{}{ours}", uid()?);
        let joined = Self::hold(SCRATCH.join(name), &programs)?;
        let setting_up = File::create(joined.folder.join("setting-up"))?;
        setting_up.lock()?;
        let data = joined.folder.join("data");
        if programs.run("pg_ctl", &["-D", text(&data)?, "status"]).is_err() {
            joined.start(&programs, &data)?;
            joined.leave_reaper(&programs, shared)?;
        }
        Ok(Some(joined))
    }

    /// Takes the lock, unless what it locks was removed while it waited.
    fn hold(folder: PathBuf, programs: &Programs) -> io::Result<Self> {
        loop {
            fs::create_dir_all(&folder)?;
            programs.give(&folder)?;
            let path = folder.join("in-use");
            let Ok(lock) = File::options().create(true).append(true).open(&path) else { continue };
            match lock.try_lock_shared() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => lock.lock_shared()?,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if path.metadata().is_ok_and(|there| lock.metadata().is_ok_and(|locked| locked.ino() == there.ino())) {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    fn start(&self, programs: &Programs, data: &Path) -> io::Result<()> {
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let data = text(data)?;
        programs.run("initdb", &["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])?;
        let socket = text(&self.folder)?;
        programs.run("pg_ctl", &["-D", data, "-w", "-t", "60", "-l", &format!("{socket}/log"), "-o", &format!("-k {socket} {SETTINGS}"), "start"])
    }

    fn leave_reaper(&self, programs: &Programs, shared: bool) -> io::Result<()> {
        let process = if shared { String::new() } else { std::process::id().to_string() };
        let arguments = [text(&programs.folder)?, text(&self.folder)?, process.as_str()];
        let status = programs.command("sh").args(["-c", REAPER, "sh"]).args(arguments).process_group(0).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other("nobody would remove the server")) }
    }

    /// Its address, for the database `postgres`, as the one who may do everything.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.display())
    }
}

pub(crate) fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other(format!("{} is no text", path.display())))
}

/// Says something past the test runner, which keeps back what tests print that pass.
pub(crate) fn say(what: &str) {
    _ = writeln!(io::stderr(), "{what}");
}
