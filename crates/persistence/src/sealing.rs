use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use matricula_ports::PortError;
use rand::Rng;
use sha2::{Digest, Sha256};

/// A 256-bit key.
pub(crate) type Material = [u8; 32];

/// 32 random bytes. The adapter seals for itself, so it has a source of its own.
#[expect(clippy::disallowed_methods, reason = "nonces and keys are made where they are used")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// Seals a text under a key, bound to the place where it stands (AES-256-GCM; the nonce stands in front).
pub(crate) fn seal(key: &Material, place: &[u8], text: &[u8]) -> Result<Vec<u8>, PortError> {
    let nonce: [u8; 12] = random();
    let sealed = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
        .encrypt(&Nonce::from(nonce), Payload { msg: text, aad: place })
        .map_err(|_| PortError::Broken("cannot seal".to_owned()))?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens what [`seal`] made for the same place.
pub(crate) fn open(key: &Material, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, PortError> {
    let wrong = || PortError::Broken("a sealed text was changed, moved, or sealed under another key".to_owned());
    let (nonce, text) = sealed.split_first_chunk::<12>().ok_or_else(wrong)?;
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)).decrypt(&Nonce::from(*nonce), Payload { msg: text, aad: place }).map_err(|_| wrong())
}

/// `SHA-256(0x02 ‖ r ‖ detail)`: once the key is gone nobody can guess the detail from it, since r is random and sealed with it
/// (`privacy.md` §2.5).
pub(crate) fn commitment(r: &[u8; 32], detail: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([2]);
    hash.update(r);
    hash.update(detail);
    hash.finalize().into()
}

/// `SHA-256(0x01 ‖ entry ‖ previous)`: one link of the chain.
pub(crate) fn link(entry: &[u8], previous: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(entry);
    hash.update(previous);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_at_its_place_and_unchanged() {
        let key = random();
        let sealed = seal(&key, b"here", b"secret").unwrap();
        assert_eq!(open(&key, b"here", &sealed).unwrap(), b"secret");
        assert!(open(&key, b"there", &sealed).is_err());
        assert!(open(&random(), b"here", &sealed).is_err());
        let mut changed = sealed.clone();
        changed[15] ^= 1;
        assert!(open(&key, b"here", &changed).is_err());
        assert!(open(&key, b"here", &sealed[..8]).is_err());
    }
}
