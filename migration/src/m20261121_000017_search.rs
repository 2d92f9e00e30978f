//! What courses, posts and what search engines are told are searched by. None of it says anything that they do not say themselves: it can be
//! made anew.

pub const TEXT: &str = r"
-- What is searched, in words. The title's count most, the description's least. Open to read, since behind row-level security PostgreSQL
-- uses no GIN index: whatever is found is joined to its own table, which is locked.
CREATE TABLE search_index (
    organization_id uuid NOT NULL REFERENCES organizations,
    kind text NOT NULL CHECK (kind IN ('course', 'blog_post', 'seo_metadata')),
    entity_id uuid NOT NULL,
    title text NOT NULL,
    labels text NOT NULL,
    category text NOT NULL,
    description text NOT NULL,
    keywords jsonb NOT NULL, -- a list of text, as it was written
    tags jsonb NOT NULL, -- a list of text
    version integer NOT NULL, -- that of what is searched
    @full_text (title, labels, category, description),
    @open,
    PRIMARY KEY (organization_id, kind, entity_id)
);
@pg CREATE INDEX ON search_index USING gin (keywords);
@pg CREATE INDEX ON search_index USING gin (tags);

-- The words of an organization's things of a kind, by their trigrams and, with a = before them, by their forms. A word that nothing has any more stays until
-- the index is made anew: it finds nothing. No counts, for which those who write would queue.
CREATE TABLE search_words (
    organization_id uuid NOT NULL REFERENCES organizations,
    kind text NOT NULL,
    part text NOT NULL,
    word text NOT NULL,
    PRIMARY KEY (organization_id, kind, part, word)
);
";
