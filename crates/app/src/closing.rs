//! Closing an organization: its work stops, everything that is kept of it is written down for it to take along, and then nobody comes in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use data_encoding::HEXLOWER;
use matricula_application::identity::MoveError;
use matricula_domain::identity::{OrganizationId, OrganizationStatus};
use matricula_persistence::ExportedRow;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::program::Program;

/// For how long other copies of the program may believe that an organization still works.
const BELIEVED: Duration = Duration::from_secs(6);

/// After how many rows of a table it is told how many there are so far.
const TELL_AFTER: u64 = 50_000;

impl Program {
    /// Closes an organization, after everything that is kept of it is in a folder, which must be empty or not there yet. `tell` hears how
    /// far it is. Stopped on the way, the organization is suspended, and can be closed again.
    ///
    /// # Errors
    /// When the folder cannot be written, or a database is away; the organization is not closed then.
    pub async fn close(&self, organization: OrganizationId, folder: &Path, tell: impl Fn(&str)) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        ensure!(fs::read_dir(folder)?.next().is_none(), "the folder {} is not empty", folder.display());
        // Nothing changes while it is written down.
        match self.identity().move_organization(organization, OrganizationStatus::Suspended).await {
            Ok(_) => tokio::time::sleep(BELIEVED).await,
            Err(MoveError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let mut export = Export { folder: folder.to_owned(), files: BTreeMap::new(), tell };
        self.databases.export(organization, |row| export.write(&row)).await?;
        export.finish(organization)?;
        self.identity().move_organization(organization, OrganizationStatus::Closed).await?;
        Ok(())
    }
}

/// A folder with a file of JSON lines for each table, and a manifest of them.
struct Export<T> {
    folder: PathBuf,
    files: BTreeMap<String, Table>,
    tell: T,
}

struct Table {
    file: BufWriter<File>,
    rows: u64,
    digest: Sha256,
}

impl<T: Fn(&str)> Export<T> {
    fn write(&mut self, row: &ExportedRow) -> Result<()> {
        if !self.files.contains_key(&row.table) {
            let file = BufWriter::new(File::create_new(self.folder.join(format!("{}.jsonl", row.table)))?);
            self.files.insert(row.table.clone(), Table { file, rows: 0, digest: Sha256::new() });
        }
        let Some(table) = self.files.get_mut(&row.table) else { return Ok(()) };
        for part in [row.json.as_bytes(), b"\n"] {
            table.file.write_all(part)?;
            table.digest.update(part);
        }
        table.rows += 1;
        if table.rows.is_multiple_of(TELL_AFTER) {
            (self.tell)(&format!("{}: {} rows so far", row.table, table.rows));
        }
        Ok(())
    }

    /// Closes the files, on the disk and not only on the way there, and writes the manifest as the last one.
    fn finish(self, organization: OrganizationId) -> Result<()> {
        let mut tables = Vec::new();
        for (name, table) in self.files {
            table.file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            (self.tell)(&format!("{name}: {} rows", table.rows));
            let digest = HEXLOWER.encode(&table.digest.finalize());
            tables.push(json!({"file": format!("{name}.jsonl"), "rows": table.rows, "sha256": digest}));
        }
        let manifest = json!({"organization_id": organization.to_string(), "files": tables});
        let mut file = File::create_new(self.folder.join("manifest.json"))?;
        writeln!(file, "{manifest:#}")?;
        file.sync_all().context("the manifest")
    }
}
