//! Marketing: campaigns, each with one channel, and the advertisements in them.

mod ads_template;
mod campaign;

pub use ads_template::{AdFormat, AdStatus, AdsTemplate};
pub use campaign::{Campaign, CampaignStatus, KpiTargets, Platform};
