//! Privacy: the ledger of consent, and the texts that people are shown.

mod consent;
mod consent_text;
