//! What is published: questions and answers.

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
";
