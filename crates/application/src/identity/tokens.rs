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

/// How a key for a program begins.
const KEY_PREFIX: &str = "mat_live_";

/// How many characters of a key may be shown: the prefix, and four that tell keys apart.
const HINT: usize = KEY_PREFIX.len() + 4;

/// A fresh key for a program, with what is kept of it: 256 random bits, and a checksum by which whoever scans for leaked keys can tell
/// one from other text without asking.
pub(super) fn fresh_key(ids: &dyn Ids) -> (String, String, [u8; 32]) {
    let body = format!("{KEY_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(ids.secret()));
    let key = format!("{body}{}", checksum(&body));
    let (hint, hash) = (key[..HINT].to_owned(), digest(&key));
    (key, hint, hash)
}

/// The SHA-256 of a key for a program; `None` for what cannot be one.
pub fn hash_of_key(key: &str) -> Option<[u8; 32]> {
    let body = key.get(..KEY_PREFIX.len() + 43)?;
    (key.starts_with(KEY_PREFIX) && key[body.len()..] == checksum(body)).then(|| digest(key))
}

fn checksum(body: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest(body)[..3])
}

pub(super) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
