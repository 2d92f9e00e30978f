//! What is published: blog posts, questions and answers; what search engines are told, and slugs that things had.

pub const TEXT: &str = r"
CREATE TABLE faqs (
    @owned,
    question text NOT NULL,
    answer text NOT NULL, -- clean HTML
    category text NOT NULL CHECK (category IN ('general', 'enrollment', 'technical', 'financial')),
    order_display integer NOT NULL,
    is_published boolean NOT NULL,
    archived_at timestamptz,
    @std
);
CREATE INDEX ON faqs (organization_id, order_display, id);
CREATE INDEX ON faqs (organization_id, category, order_display, id);
CREATE INDEX ix_faqs_published ON faqs (organization_id, order_display, id) WHERE is_published;

-- Views are counted all the time: no index names them, and a part of every page is left free for the new rows.
CREATE TABLE blog_posts (
    @owned,
    slug text NOT NULL,
    title text NOT NULL,
    excerpt text,
    content text, -- clean HTML
    category text,
    tags jsonb NOT NULL, -- a list of text
    youtube_video_ids jsonb NOT NULL, -- a list of text
    featured_image_id uuid,
    author_id uuid NOT NULL REFERENCES users,
    language text NOT NULL CHECK (language IN ('es', 'en')),
    status text NOT NULL CHECK (status IN ('draft', 'scheduled', 'published', 'archived')),
    published_at timestamptz,
    views_count bigint NOT NULL CHECK (views_count >= 0),
    archived_at timestamptz,
    @std,
    CONSTRAINT ck_blog_posts_published CHECK (published_at IS NOT NULL OR status NOT IN ('scheduled', 'published'))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX ON blog_posts (organization_id, slug);
CREATE INDEX ON blog_posts (organization_id, status, published_at DESC, id DESC);
CREATE INDEX ON blog_posts (organization_id, category, status, published_at DESC, id DESC);
CREATE INDEX ON blog_posts (organization_id, author_id, created_at DESC, id DESC);
CREATE INDEX ON blog_posts (organization_id, created_at DESC, id DESC);

CREATE TABLE seo_metadata (
    @owned,
    entity_type text NOT NULL CHECK (entity_type IN ('course', 'course_run', 'blog_post', 'cycle', 'campus')),
    entity_id uuid NOT NULL,
    title text,
    description text,
    keywords jsonb NOT NULL, -- a list of text
    og_title text,
    og_description text,
    og_image text,
    twitter_card text CHECK (twitter_card IN ('summary', 'summary_large_image')),
    canonical_url text,
    robots text,
    @std
);
CREATE UNIQUE INDEX ON seo_metadata (organization_id, entity_type, entity_id);
CREATE INDEX ON seo_metadata (organization_id, created_at DESC, id DESC);

CREATE TABLE redirects (
    @owned,
    entity_type text NOT NULL CHECK (entity_type IN ('course', 'course_run', 'blog_post', 'cycle', 'campus')),
    slug text NOT NULL,
    entity_id uuid NOT NULL,
    @std
);
CREATE UNIQUE INDEX ON redirects (organization_id, entity_type, slug);
CREATE INDEX ON redirects (organization_id, created_at DESC, id DESC);
";
