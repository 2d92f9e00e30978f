use crate::shared::{Code, Fault, Line, LocalDate, Money, Object, Prose, Slug};

crate::choice! {
    /// Where a campaign runs (seed 0, `campaigns.platform`).
    pub enum Platform {
        /// Facebook and Instagram.
        MetaAds = "meta_ads",
        /// Google.
        GoogleAds = "google_ads",
        /// E-mail.
        Email = "email",
        /// Found without paying.
        Organic = "organic",
        /// Recommended by somebody.
        Referral = "referral",
    }
}

crate::choice! {
    /// Where a campaign stands.
    pub enum CampaignStatus {
        /// In the making.
        Draft = "draft",
        /// Running.
        Active = "active",
        /// Stopped for now.
        Paused = "paused",
        /// Over.
        Completed = "completed",
    }
}

crate::record! {
    /// A marketing effort with one channel, to which leads are attributed.
    pub struct Campaign in "marketing" as "campaign" / "campaigns" unique ["slug"] order "slug" filter ["status", "platform"] {
        /// Its name in addresses and in UTM parameters.
        slug: Slug,
        /// Its name.
        name: Line<200>,
        /// What it is about.
        description: Option<Prose<5000>>,
        /// Where it runs.
        platform: Platform,
        /// What may be spent.
        budget: Option<Money>,
        /// First day.
        start_date: Option<LocalDate>,
        /// Last day.
        end_date: Option<LocalDate>,
        /// Whom it is meant to reach.
        target_audience: Option<Object<10_000>>,
        /// What counts as success.
        conversion_goal: Option<Code>,
        /// Where it stands.
        status: CampaignStatus,
    }
    check |this, faults| {
        if let (Some(start), Some(end)) = (this.start_date, this.end_date)
            && end < start
        {
            faults.add(Fault::new("END_BEFORE_START", "must not be before start_date").under("end_date"));
        }
    }
}
