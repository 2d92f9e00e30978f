//! What brings people here.

pub const TEXT: &str = r"
CREATE TABLE campaigns (
    @owned,
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    platform text NOT NULL CHECK (platform IN ('meta_ads', 'google_ads', 'email', 'organic', 'referral')),
    budget_amount bigint,
    budget_currency text,
    start_date date,
    end_date date,
    target_audience jsonb,
    conversion_goal text,
    kpi_targets jsonb,
    meta_campaign_id text,
    mailchimp_campaign_id text,
    status text NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'completed')),
    archived_at timestamptz,
    @std,
    CONSTRAINT ck_campaigns_dates CHECK (end_date >= start_date)
);
CREATE UNIQUE INDEX ON campaigns (organization_id, slug) WHERE archived_at IS NULL;
CREATE INDEX ON campaigns (organization_id, slug, id);
CREATE INDEX ON campaigns (organization_id, status, start_date DESC);
@pg CREATE INDEX ON campaigns USING gin (target_audience);

CREATE TABLE ads_templates (
    @owned,
    campaign_id uuid NOT NULL REFERENCES campaigns,
    name text NOT NULL,
    format text NOT NULL CHECK (format IN ('single_image', 'carousel', 'video', 'story')),
    headline text,
    body_text text,
    cta_text text,
    media_urls jsonb NOT NULL,
    link_url text,
    performance_metrics jsonb,
    status text NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    archived_at timestamptz,
    @std
);
CREATE INDEX ON ads_templates (organization_id, name, id);
CREATE INDEX ON ads_templates (organization_id, campaign_id, name, id);
";
