//! Where the demo keeps its data, and how far it has come with them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// The file that says that the databases beside it are a demo's. It is locked as long as a demo runs on them, and empty until
/// they are filled.
const MARKER: &str = "matricula.demo";

/// What the marker says once the databases are filled.
const FILLED: &str = "filled\n";

/// The database and its key store.
const DATABASES: [&str; 2] = ["matricula.db", "matricula.keys.db"];

/// The folder of a demo. One that is temporary goes when this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    marker: File,
    temporary: Option<TempDir>,
}

impl Folder {
    /// Takes a folder for a demo, made if it is not there; a temporary one if none is named.
    ///
    /// # Errors
    /// When it cannot be made or written, another demo runs on it, or it holds a database that is no demo's.
    pub(super) fn take(named: Option<&Path>) -> Result<Self> {
        let temporary = match named {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("matricula-demo-").tempdir().context("cannot make a temporary folder")?),
        };
        let path = named.or(temporary.as_ref().map(TempDir::path)).map(Path::to_owned).unwrap_or_default();
        let shown = path.display();
        // The name becomes part of the database's address.
        ensure!(path.to_str().is_some_and(|name| !name.contains(['?', '%', '#'])), "--data: {shown} must not have ?, % or # in its name");
        std::fs::create_dir_all(&path).with_context(|| format!("--data: cannot make the folder {shown}"))?;
        let said_in = path.join(MARKER);
        if !said_in.exists() && path.join(DATABASES[0]).exists() {
            bail!("--data: {shown} holds a database that no demo made; name another folder");
        }
        let marker = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&said_in);
        let marker = marker.with_context(|| format!("--data: cannot write to the folder {shown}"))?;
        match marker.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("--data: another demo runs on {shown}"),
            // A file system that knows no locks keeps nobody from a demo.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { path, marker, temporary }),
        }
    }

    /// The address of the database.
    pub(super) fn database_url(&self) -> String {
        format!("sqlite://{}", self.path.join(DATABASES[0]).display())
    }

    /// Where the mails are.
    pub(super) fn mail(&self) -> PathBuf {
        self.path.join("mail")
    }

    /// Where the files of media are.
    pub(super) fn media(&self) -> PathBuf {
        self.path.join("media")
    }

    /// Where it is; `None` if it goes at the end.
    pub(super) fn kept(&self) -> Option<&Path> {
        if self.temporary.is_some() { None } else { Some(&self.path) }
    }

    /// Whether the databases were filled to the end.
    ///
    /// # Errors
    /// When the marker cannot be read.
    pub(super) fn is_filled(&mut self) -> Result<bool> {
        let mut said = String::new();
        self.marker.rewind()?;
        self.marker.read_to_string(&mut said)?;
        Ok(said == FILLED && self.path.join(DATABASES[0]).exists())
    }

    /// Removes what a demo that was stopped while it filled them has left of the databases and of the files that go with them.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.marker.set_len(0)?;
        for database in DATABASES {
            for end in ["", "-wal", "-shm"] {
                let file = self.path.join(format!("{database}{end}"));
                match std::fs::remove_file(&file) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(error).with_context(|| format!("cannot remove {}", file.display()));
                    }
                    _ => {}
                }
            }
        }
        match std::fs::remove_dir_all(self.media()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove the files of media"),
            _ => Ok(()),
        }
    }

    /// Notes that the databases, which are closed, are filled: they are brought to the disk first, since they were filled without.
    ///
    /// # Errors
    /// When the disk is full or away.
    pub(super) fn fill(&mut self) -> Result<()> {
        for database in DATABASES {
            File::open(self.path.join(database))?.sync_all()?;
        }
        self.marker.rewind()?;
        self.marker.write_all(FILLED.as_bytes())?;
        Ok(self.marker.sync_all()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_once_it_says_so() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("a/b");
        let mut folder = Folder::take(Some(&data)).unwrap();
        assert!(Folder::take(Some(&data)).is_err(), "somebody has it");
        assert!(!folder.is_filled().unwrap());
        for database in DATABASES {
            std::fs::write(data.join(database), "rows").unwrap();
        }
        assert!(!folder.is_filled().unwrap());
        folder.fill().unwrap();
        drop(folder);
        let mut folder = Folder::take(Some(&data)).unwrap();
        assert!(folder.is_filled().unwrap());
        std::fs::create_dir_all(folder.media().join("o/a")).unwrap();
        folder.clear().unwrap();
        assert!(!folder.is_filled().unwrap() && !data.join(DATABASES[0]).exists() && !folder.media().exists());
    }

    #[test]
    fn a_database_that_is_no_demos_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(DATABASES[0]), "the real one").unwrap();
        assert!(Folder::take(Some(root.path())).is_err());
        assert_eq!(std::fs::read_to_string(root.path().join(DATABASES[0])).unwrap(), "the real one");
        assert!(!root.path().join(MARKER).exists());
    }

    #[test]
    fn a_temporary_folder_goes_at_the_end() {
        let folder = Folder::take(None).unwrap();
        let path = folder.path.clone();
        assert!(path.exists() && folder.kept().is_none());
        drop(folder);
        assert!(!path.exists());
    }
}
