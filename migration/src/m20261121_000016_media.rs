//! Pictures, documents and films, and where they are used. The files themselves are in the object store.

pub const TEXT: &str = r"
CREATE TABLE media_assets (
    @owned,
    filename text NOT NULL,
    original_filename text NOT NULL,
    mime_type text NOT NULL CHECK (mime_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf', 'video/mp4')),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    stored_bytes bigint NOT NULL, -- with the thumbnails
    width integer,
    height integer,
    alt_text text,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    storage_path text NOT NULL,
    uploaded_by uuid REFERENCES users,
    status text NOT NULL CHECK (status IN ('draft', 'published')),
    archived_at timestamptz,
    @std,
    CONSTRAINT ck_media_assets_alt_text CHECK (status = 'draft' OR alt_text IS NOT NULL),
    CONSTRAINT ck_media_assets_stored_bytes CHECK (stored_bytes >= size_bytes),
    CONSTRAINT ck_media_assets_dimensions CHECK ((width IS NULL) = (height IS NULL))
);
CREATE UNIQUE INDEX ON media_assets (organization_id, storage_path);
CREATE INDEX ON media_assets (organization_id, created_at DESC, id DESC);
CREATE INDEX ON media_assets (organization_id, status, created_at DESC, id DESC);

-- What an asset belongs to may be of any kind, so no foreign key leads there.
CREATE TABLE media_links (
    @owned,
    asset_id uuid NOT NULL REFERENCES media_assets,
    entity_type text NOT NULL,
    entity_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('cover', 'gallery', 'attachment')),
    position integer NOT NULL CHECK (position >= 0),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON media_links (organization_id, asset_id, entity_type, entity_id, role);
CREATE INDEX ON media_links (organization_id, entity_type, entity_id, role, position);

-- How much room an organization's files take. It moves with every upload, whatever comes at once.
CREATE TABLE media_usage (
    organization_id uuid NOT NULL REFERENCES organizations,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (organization_id)
);
";
