use std::sync::Arc;

use async_trait::async_trait;
use matricula_domain::identity::{LinkId, LinkPurpose, LinkTarget, OneTimeLink, OrganizationId, User, UserId};
use matricula_domain::notifications::Message;
use matricula_domain::shared::{Field, Id, Language, Value};
use matricula_ports::identity::{Directory, LinkSecrets, OrganizationRow};
use matricula_ports::json::from_json;
use matricula_ports::notifications::{Job, Mail, MailError, Mailbox, Mailer, NewJob, Wordings};
use matricula_ports::{Actor, Clock, PortError, Scope, Transactions, Tx, transact};
use uuid::Uuid;

use super::{Handler, JobError};
use crate::World;
use crate::identity::link_token;

/// The kind of job that writes a mail and sends it.
pub const MAIL: &str = "notifications.mail";

/// The job that sends a message about a link or a user, enqueued with what the message tells. It holds ids alone: no address, and nothing
/// that opens anything.
pub(crate) fn mail_about(world: &World, message: Message, of: Uuid) -> NewJob {
    let id = world.ids.next();
    NewJob {
        id,
        kind: MAIL,
        dedupe_key: id.to_string(),
        payload: Value::Map(vec![("message".to_owned(), message.value()), ("of".to_owned(), Value::Id(of))]),
        run_at: world.now(),
    }
}

/// Writes mails and has them sent.
pub struct Postman {
    /// The door to the repositories.
    pub transactions: Arc<dyn Transactions>,
    /// Whose mails they are.
    pub directory: Arc<dyn Directory>,
    /// What opens links.
    pub secrets: Arc<dyn LinkSecrets>,
    /// The words.
    pub wordings: Arc<dyn Wordings>,
    /// The way out.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who writes.
    pub sender: Mailbox,
    /// Under which address people reach the program.
    pub public_url: String,
}

/// What a mail says, and to whom.
struct Letter {
    to: Mailbox,
    language: Language,
    values: Vec<(&'static str, String)>,
}

impl Postman {
    /// The letter that a job is about; `None` if there is nothing to tell any more.
    #[expect(clippy::disallowed_methods, reason = "jobs get one scope for each organization")]
    async fn letter(&self, organization: OrganizationId, message: Message, of: Uuid) -> Result<Option<Letter>, PortError> {
        let Some(organization) = self.directory.organization_by_id(organization).await? else { return Ok(None) };
        let scope = Scope::new(organization.id, Actor::System(MAIL));
        transact(&*self.transactions, &scope, async |tx| match message {
            Message::PasswordChanged | Message::SignInEnded => {
                let user = tx.users().find(UserId::from_uuid(of)).await?;
                Ok(user.map(|user| to_user(&user, Mailbox { name: Some(user.name.clone()), address: user.email.clone() }, &organization)))
            }
            Message::PasswordReset | Message::Invitation | Message::EmailChange | Message::EmailVeto => {
                match tx.links().find(LinkId::from_uuid(of)).await? {
                    Some(link) if link.is_open(self.clock.now()) => self.with_link(tx, &link, &organization).await,
                    _ => Ok(None),
                }
            }
        })
        .await
    }

    /// What a letter says that brings a link.
    async fn with_link(&self, tx: &Tx, link: &OneTimeLink, organization: &OrganizationRow) -> Result<Option<Letter>, PortError> {
        let parts = link.parts();
        let purpose = parts.target.purpose();
        let token = link_token(&*self.secrets, parts.id, purpose).await?;
        let (LinkTarget::PasswordReset(user)
        | LinkTarget::EmailChange(user)
        | LinkTarget::EmailVeto { user, .. }
        | LinkTarget::Invitation { by: user, .. }) = parts.target;
        let Some(user) = tx.users().find(user).await? else { return Ok(None) };
        let mut letter = if purpose == LinkPurpose::Invitation {
            let values = vec![("inviter", user.name.to_string()), ("organization", organization.name.clone())];
            Letter { to: Mailbox { name: None, address: parts.email.clone() }, language: Language::of(&organization.locale), values }
        } else {
            to_user(&user, Mailbox { name: Some(user.name.clone()), address: parts.email.clone() }, organization)
        };
        let lives = purpose.lives();
        letter.values.push(match purpose {
            LinkPurpose::EmailVeto => ("days", lives.num_days().to_string()),
            _ => ("hours", lives.num_hours().to_string()),
        });
        // Behind a #, what opens the link is told to no server, proxy or log on the way.
        letter.values.push(("link", link_address(&self.public_url, purpose, &token)));
        Ok(Some(letter))
    }
}

fn to_user(user: &User, to: Mailbox, organization: &OrganizationRow) -> Letter {
    let values = vec![("name", user.name.to_string()), ("organization", organization.name.clone())];
    Letter { to, language: Language::of(&user.locale), values }
}

/// Where a link leads.
pub fn link_address(public_url: &str, purpose: LinkPurpose, token: &str) -> String {
    format!("{public_url}/{}#{token}", purpose.as_str().replace('_', "-"))
}

#[async_trait(?Send)]
impl Handler for Postman {
    fn kinds(&self) -> &'static [&'static str] {
        &[MAIL]
    }

    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        let unreadable = || JobError::Never("the job cannot be read".to_owned());
        let payload = from_json(serde_json::from_str(&job.payload).map_err(|_| unreadable())?);
        let message = Message::parse(payload.get("message")).map_err(|_| unreadable())?;
        let of = LinkId::parse(payload.get("of")).map_err(|_| unreadable())?.as_uuid();
        let organization = job.organization.ok_or_else(unreadable)?;
        let Some(Letter { to, language, values }) = self.letter(organization, message, of).await? else {
            tracing::info!(job = %job.id, %message, "there is nothing to tell any more");
            return Ok(());
        };
        let wording = self.wordings.word(message, language, &values)?;
        let mail = Mail {
            id: job.id,
            at: self.clock.now(),
            message,
            from: self.sender.clone(),
            to,
            subject: wording.subject,
            text: wording.text,
            html: wording.html,
            headers: Vec::new(),
        };
        self.mailer.send(&mail).await.map_err(JobError::from)
    }
}

impl From<MailError> for JobError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Again(reason) => Self::Again(reason),
            MailError::Never(reason) => Self::Never(reason),
        }
    }
}
