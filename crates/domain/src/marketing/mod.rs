//! Marketing: campaigns, each with one channel.

mod campaign;

pub use campaign::{Campaign, CampaignStatus, Platform};
