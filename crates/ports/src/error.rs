use std::error::Error;

/// What can go wrong behind any driven port.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Somebody changed the same thing meanwhile.
    #[error("changed by somebody else meanwhile")]
    Stale,
    /// A uniqueness or a limit that the database guards would be broken; the name says which.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// What is referred to is not there, or is in another organization; the name says which reference.
    #[error("a reference leads nowhere: {0}")]
    Dangling(&'static str),
    /// The person's key was destroyed: what was sealed under it is gone for good.
    #[error("the key was destroyed")]
    KeyDestroyed,
    /// The other side does not answer, or not in time. Trying again later may help.
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// What came back cannot be: a row that breaks a rule, a program error.
    #[error("broken: {0}")]
    Broken(String),
}
