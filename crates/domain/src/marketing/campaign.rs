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

crate::form! {
    /// What a campaign should achieve; reports say how far it is.
    pub struct KpiTargets {
        /// So many leads.
        leads: Option<u32>,
        /// So many enrollments.
        enrollments: Option<u32>,
        /// At most this for a lead.
        cost_per_lead: Option<Money>,
        /// At most this for an enrollment.
        cost_per_enrollment: Option<Money>,
        /// Revenue in percent of what was spent.
        return_percent: Option<u32>,
    }
}

crate::record! {
    /// A marketing effort with one channel, to which leads are attributed.
    pub struct Campaign in "marketing" as "campaign" / "campaigns" unique ["slug"] order "slug" filter ["status", "platform"]
        lifecycle "status" {
            "draft" -> ["active"],
            "active" -> ["paused", "completed"],
            "paused" -> ["active", "completed"],
            "completed" -> [],
        }
    {
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
        /// Whom it is meant to reach, by any criteria (seed 0). Usual are `age_min`, `age_max`, `places`, `interests` and `languages`.
        target_audience: Option<Object<10_000>>,
        /// What counts as success.
        conversion_goal: Option<Code>,
        /// What it should achieve.
        kpi_targets: Option<KpiTargets>,
        /// Its name at Meta.
        meta_campaign_id: Option<Line<100>>,
        /// Its name at Mailchimp.
        mailchimp_campaign_id: Option<Line<100>>,
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
