use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_domain::identity::{LinkId, LinkPurpose};
use matricula_domain::shared::Id;
use matricula_ports::PortError;
use matricula_ports::identity::LinkSecrets;
use uuid::Uuid;

/// How what opens a link begins, so that a leaked one can be recognised.
const PREFIX: &str = "mlk_";

/// What opens a link: its id, and the secret that only this installation derives from it.
///
/// # Errors
/// [`PortError::Unavailable`].
pub async fn link_token(secrets: &dyn LinkSecrets, link: LinkId, purpose: LinkPurpose) -> Result<String, PortError> {
    let secret = secrets.secret_of(link, purpose).await?;
    Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([link.as_uuid().as_bytes(), secret.as_slice()].concat())))
}

/// The link that something claims to open; `None` for what cannot open any.
pub(super) fn link_of(token: &str) -> Option<LinkId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).filter(|rest| rest.len() == 64)?).ok()?;
    let (id, _) = bytes.split_first_chunk()?;
    Some(LinkId::from_uuid(Uuid::from_bytes(*id)))
}
