use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_domain::identity::LoginSession;
use matricula_ports::Ids;
use sha2::{Digest, Sha256};

/// What somebody gets who signs in: references of 256 random bits. Nobody but them has them; the database knows their SHA-256.
#[derive(Clone)]
pub struct Tokens {
    /// Opens the API for a while.
    pub access: String,
    /// Gets new tokens, once.
    pub refresh: String,
    /// For how many seconds the access token opens.
    pub expires_in: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// How an access and a refresh token begin, so that a leaked one can be recognised.
const PREFIXES: [&str; 2] = ["mat_", "mrt_"];

impl Tokens {
    /// Fresh tokens and the hashes that are kept of them.
    pub(super) fn fresh(ids: &dyn Ids) -> (Self, [u8; 32], [u8; 32]) {
        let [access, refresh] = PREFIXES.map(|prefix| format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(ids.secret())));
        let (access_hash, refresh_hash) = (digest(&access), digest(&refresh));
        (Self { access, refresh, expires_in: LoginSession::ACCESS.num_seconds() }, access_hash, refresh_hash)
    }
}

/// The SHA-256 of a token; `None` for what cannot be one.
pub fn hash_of(token: &str) -> Option<[u8; 32]> {
    (token.len() == 47 && PREFIXES.iter().any(|prefix| token.starts_with(prefix))).then(|| digest(token))
}

pub(super) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
