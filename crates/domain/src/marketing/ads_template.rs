use super::Campaign;
use crate::shared::{IdOf, Line, Object, Prose, WebAddress};

crate::choice! {
    /// What an advertisement looks like (seed 0, `ads_templates.format`).
    pub enum AdFormat {
        /// One picture.
        SingleImage = "single_image",
        /// Pictures to leaf through.
        Carousel = "carousel",
        /// A film.
        Video = "video",
        /// A story on Instagram.
        Story = "story",
    }
}

crate::choice! {
    /// Where an advertisement stands (seed 0). `archived` says that it is no longer used; hiding it is another thing (`product.md`, Words).
    pub enum AdStatus {
        /// In the making.
        Draft = "draft",
        /// Shown.
        Active = "active",
        /// Not shown for now.
        Paused = "paused",
        /// Not used any more.
        Archived = "archived",
    }
}

crate::record! {
    /// The text and the pictures of an advertisement of a campaign.
    pub struct AdsTemplate in "marketing" as "ads_template" / "ads_templates" unique [] order "name" filter ["campaign_id", "status", "format"]
        lifecycle "status" {
            "draft" -> ["active", "archived"],
            "active" -> ["paused", "archived"],
            "paused" -> ["active", "archived"],
            "archived" -> ["draft"],
        }
    {
        /// The campaign.
        campaign_id: IdOf<Campaign>,
        /// Its name.
        name: Line<200>,
        /// What it looks like.
        format: AdFormat,
        /// Its headline.
        headline: Option<Line<200>>,
        /// Its text.
        body_text: Option<Prose<2000>>,
        /// What its button says.
        cta_text: Option<Line<60>>,
        /// Where its pictures and films are.
        media_urls: Vec<WebAddress>,
        /// Where a click leads.
        link_url: Option<WebAddress>,
        /// How it does, as its platform counts (seed 0). Usual are `impressions`, `clicks`, `ctr`, `cpc`, `conversions`.
        performance_metrics: Option<Object<10_000>>,
        /// Where it stands.
        status: AdStatus,
    }
}
