use super::LeadStatus;

/// Why a rule of the lead lifecycle refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeadError {
    /// There is no way from this state to that one.
    #[error("a {from} lead cannot become {to}")]
    InvalidTransition {
        /// Where it is.
        from: LeadStatus,
        /// Where it should go.
        to: LeadStatus,
        /// Where it could go.
        possible: Vec<&'static str>,
    },
    /// Rejecting needs a reason (`product.md`, disagreement 7).
    #[error("a rejection needs a reason")]
    ReasonRequired,
}
