use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use matricula_domain::shared::Instant;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};

/// What is signed of the header, and that there may be no second one of each.
const SIGNED: &[&str] = &["from", "to", "subject", "date", "message-id", "mime-version", "content-type", "auto-submitted"];

/// Signs mail with the key of a domain (RFC 6376, RFC 8463), relaxed in header and body. `lettre` could, but through the crate `rsa`, which has
/// an open advisory; here it is `ring`, which does TLS too.
#[derive(Clone)]
pub struct Dkim {
    domain: String,
    selector: String,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key shows itself to nobody.
impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim").field("domain", &self.domain).field("selector", &self.selector).finish_non_exhaustive()
    }
}

/// Why a key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a private key in PEM form: RSA of 2048 bits or more, or Ed25519")]
pub struct KeyError;

impl Dkim {
    /// Signs for a domain, under whose selector the public key stands in the DNS.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(domain: &str, selector: &str, pem: &str) -> Result<Self, KeyError> {
        let der: String = pem.lines().map(str::trim).filter(|line| !line.starts_with('-')).collect();
        let der = BASE64_STANDARD.decode(der).map_err(|_| KeyError)?;
        let key = if pem.contains("BEGIN RSA PRIVATE KEY") {
            RsaKeyPair::from_der(&der).map(Key::Rsa)
        } else {
            RsaKeyPair::from_pkcs8(&der).map(Key::Rsa).or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Key::Ed25519))
        };
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key: Arc::new(key.map_err(|_| KeyError)?) })
    }

    /// The mail with its signature before it.
    pub(super) fn sign(&self, mail: &[u8], at: Instant) -> Result<Vec<u8>, Unsigned> {
        let text = std::str::from_utf8(mail).map_err(|_| Unsigned)?;
        let (header, body) = text.split_once("\r\n\r\n").ok_or(Unsigned)?;
        let fields = fields(header);
        // A name once more than it is there says that no other may be put in.
        let named: Vec<_> =
            SIGNED.iter().flat_map(|name| fields.iter().filter(move |(known, _)| known == name).map(|_| *name).chain([*name])).collect();
        let algorithm = match &*self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let unsigned = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={};\r\n t={}; h={};\r\n bh={};\r\n b=",
            self.domain,
            self.selector,
            at.timestamp(),
            named.join(":\r\n  "),
            BASE64_STANDARD.encode(Sha256::digest(relaxed_body(body)))
        );
        let mut data = String::new();
        for name in SIGNED {
            for (known, value) in fields.iter().rev().filter(|(known, _)| known == name) {
                data.extend([known, ":", &relaxed(value), "\r\n"]);
            }
        }
        data.extend(["dkim-signature:", &relaxed(&unsigned)]);
        let signature = BASE64_STANDARD.encode(self.signature(data.as_bytes())?);
        let lines: Vec<_> = signature.as_bytes().chunks(72).map(String::from_utf8_lossy).collect();
        Ok([b"DKIM-Signature: ", unsigned.as_bytes(), lines.join("\r\n  ").as_bytes(), b"\r\n", mail].concat())
    }

    fn signature(&self, data: &[u8]) -> Result<Vec<u8>, Unsigned> {
        match &*self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).map_err(|_| Unsigned)?;
                Ok(signature)
            }
            Key::Ed25519(key) => Ok(key.sign(&Sha256::digest(data)).as_ref().to_vec()),
        }
    }
}

/// A mail could not be signed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it cannot be signed")]
pub(super) struct Unsigned;

/// The fields of a header with their names in small letters; a folded one is still folded.
fn fields(header: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in header.split("\r\n") {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some((_, value))) => value.push_str(line),
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                fields.push((name.trim().to_lowercase(), value.to_owned()));
            }
        }
    }
    fields
}

/// A value unfolded, with single spaces.
fn relaxed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// A body with single spaces, none at the ends of lines, and no empty lines at the end.
fn relaxed_body(body: &str) -> String {
    let mut canonical = String::with_capacity(body.len());
    for line in body.split("\r\n") {
        let mut space = false;
        for c in line.chars() {
            match c {
                ' ' | '\t' => space = true,
                c => {
                    if std::mem::take(&mut space) {
                        canonical.push(' ');
                    }
                    canonical.push(c);
                }
            }
        }
        canonical.push_str("\r\n");
    }
    let whole = canonical.trim_end_matches("\r\n").len();
    canonical.truncate(whole);
    if !canonical.is_empty() {
        canonical.push_str("\r\n");
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_relaxed_as_the_standard_says() {
        // The example of RFC 6376, 3.4.5.
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body(""), "");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("a"), "a\r\n");
        let fields = fields("A: X\r\nB : Y\t\r\n\tZ  ");
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{}", relaxed(value))).collect();
        assert_eq!(fields, ["a:X", "b:Y Z"]);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not base64 at all!"] {
            assert_eq!(Dkim::new("example.es", "s1", pem).err(), Some(KeyError));
        }
    }
}
