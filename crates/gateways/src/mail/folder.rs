use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use matricula_ports::notifications::{Mail, MailError, Mailer};

use super::composed::compose;
use super::dkim::Dkim;

/// Puts mail into a folder: a file a mail, whole or not at all. A mail that comes again takes its own place.
pub(super) struct Folder {
    pub(super) folder: PathBuf,
    pub(super) dkim: Option<Dkim>,
}

impl Folder {
    async fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let half = self.folder.join(format!(".{name}.part"));
        tokio::fs::write(&half, bytes).await?;
        tokio::fs::rename(&half, self.folder.join(format!("{name}.eml"))).await
    }
}

#[async_trait]
impl Mailer for Folder {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (_, bytes) = compose(mail, self.dkim.as_ref())?;
        let name = format!("{}-{}", mail.id, mail.message);
        self.put(&name, &bytes).await.map_err(|error| MailError::Again(format!("the folder for mail: {}", error.kind())))
    }
}
