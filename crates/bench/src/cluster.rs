//! A throw-away `PostgreSQL` server, made from the programs that are installed. It goes when it is dropped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Who owns the application's database. Not the superuser, whom row-level security does not concern.
const OWNER: &str = "matricula";

/// Who may do everything, past row-level security.
const SUPERUSER: &str = "postgres";

/// A server on the loopback interface, with a database that a plain role owns.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts a server in a folder, with these settings on top of the usual ones; `None` where it is not installed.
    ///
    /// # Errors
    /// What the programs of the server say.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        let Some(programs) = Programs::find()? else { return Ok(None) };
        let cluster = Self { programs, folder: folder.join("postgres"), port: free_port()? };
        fs::create_dir(&cluster.folder)?;
        // The server's user has to get there.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        if let Some((uid, gid)) = cluster.programs.user {
            chown(&cluster.folder, Some(uid), Some(gid))?;
        }
        let data = cluster.data()?;
        let locale = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"];
        cluster.programs.run("initdb", &[&["-D", &data, "-U", SUPERUSER][..], &locale].concat())?;
        let mut options = format!("-c listen_addresses=127.0.0.1 -p {} -k {}", cluster.port, cluster.folder.display());
        for (name, value) in settings {
            options.extend([" -c ", name, "=", value]);
        }
        let log = cluster.folder.join("log").display().to_string();
        cluster.programs.run("pg_ctl", &["-D", &data, "-w", "-t", "60", "-l", &log, "-o", &options, "start"])?;
        Ok(Some(cluster))
    }

    fn data(&self) -> Result<String> {
        self.folder.join("data").into_os_string().into_string().ok().context("the temporary folder's name is no text")
    }

    /// The address of a database for its owner, as the application has it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The address of a database for the one who may do everything.
    pub fn superuser_url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes the owner and a database of theirs.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create_database(&self, database: &str) -> Result<()> {
        let admin = crate::Raw::open(&self.superuser_url("postgres")).await?;
        admin.script(&format!("CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS")).await?;
        admin.script(&format!("CREATE DATABASE {database} OWNER {OWNER}")).await?;
        admin.close().await
    }

    /// The process that all processes of the server descend from.
    ///
    /// # Errors
    /// When it does not run any more.
    pub fn process(&self) -> Result<u32> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid")).context("PostgreSQL does not run any more")?;
        text.lines().next().and_then(|pid| pid.trim().parse().ok()).context("PostgreSQL does not say which process it is")
    }

    /// `pgbench`, with the arguments that lead it to a database.
    pub fn pgbench(&self, database: &str) -> (PathBuf, Vec<String>) {
        let arguments = ["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", SUPERUSER, database].map(str::to_owned);
        (self.programs.folder.join("pgbench"), arguments.into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Ok(data) = self.data() {
            let _ = self.programs.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
        }
    }
}

/// The programs of the server, and the user under which they run: they refuse to run as root.
#[derive(Debug)]
struct Programs {
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Result<Option<Self>> {
        let named = std::env::var_os("PG_BIN").map(PathBuf::from);
        let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        // What is on the path may be a link into the folder that has the other programs too.
        let on_path = on_path.iter().filter_map(|folder| Some(folder.join("initdb").canonicalize().ok()?.parent()?.to_owned()));
        let mut installed: Vec<_> =
            fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin")).collect();
        installed.sort_by_key(|folder| folder.iter().nth_back(1).and_then(|version| version.to_str()?.parse::<u32>().ok()));
        let mut folders = named.into_iter().chain(on_path).chain(installed.into_iter().rev());
        let Some(folder) = folders.find(|folder| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())) else {
            return Ok(None);
        };
        let is_root = tempfile::tempfile()?.metadata()?.uid() == 0;
        let user = if is_root { Some(user(SUPERUSER).context("PostgreSQL does not run as root, and there is no user «postgres»")?) } else { None };
        Ok(Some(Self { folder, user }))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.folder.join(program));
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        let output = command.current_dir("/").stdin(Stdio::null()).args(arguments).output().with_context(|| program.to_owned())?;
        if !output.status.success() {
            bail!("{program}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

fn user(name: &str) -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A port on the loopback interface that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
