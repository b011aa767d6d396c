//! Hashing, MACs and random texts: the only cryptography in the house.
//!
//! Passwords are kept as argon2id (RFC 9106), computed on few threads and never on an async one. A name that does
//! not exist costs what one that does costs.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{Output, ParamsString, Salt, SaltString},
};
use base64::Engine;
use hmac::{Hmac, Mac as _};
use ring::aead::{self, LessSafeKey, UnboundKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::{Error, Secret};

/// What one argon2id hash costs. The default is OWASP's choice of least memory (7 MiB, 5 passes), equal in strength
/// to 19 MiB and 2 passes: hashing must not double what the process holds at rest.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: 7 * 1024, passes: 5 }
    }
}

impl Cost {
    /// For tests: as cheap as argon2 allows.
    pub const LOWEST: Cost = Cost { memory_kib: 8, passes: 1 };
}

/// A keyed digest of a name and a password; says nothing without the key, which dies with the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac([u8; 32]);

impl Mac {
    /// Spreads equal MACs to equal places out of `count`.
    pub fn place(&self, count: usize) -> usize {
        usize::from(u16::from_le_bytes([self.0[0], self.0[1]])) % count
    }
}

/// Keys and costs of this process.
pub struct Seal {
    cost: Cost,
    keyed: Hmac<Sha256>,
    /// Compared with when there is nothing to compare with.
    nobody: String,
    places: Arc<Semaphore>,
    memory: Arc<Memory>,
}

/// Hashes computed at once, at most: more would only hold more memory.
const AT_ONCE: usize = 4;

/// Bits of every random secret are at least 160 (trust.md S8): 25 bytes are 40 letters and digits.
const RANDOM_BYTES: usize = 25;
/// Letters and digits of a random text.
pub const RANDOM_LETTERS: usize = RANDOM_BYTES * 8 / 5;
/// RFC 4648 base 32 in lower case: easy to read aloud, safe in URLs and in Basic credentials.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Seal {
    pub fn new(cost: Cost) -> Result<Seal, Error> {
        let keyed = Hmac::new_from_slice(&random::<32>()?).map_err(|_| Error::Invalid("no MAC key"))?;
        let memory = Arc::new(Memory::default());
        let nobody = hash(&memory, cost, &random_text()?)?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from).min(AT_ONCE);
        Ok(Seal { cost, keyed, nobody, places: Arc::new(Semaphore::new(threads)), memory })
    }

    /// Name and password are told apart by a byte that neither can hold.
    pub fn mac(&self, name: &str, password: &Secret) -> Mac {
        let mut mac = self.keyed.clone();
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(password.expose().as_bytes());
        Mac(mac.finalize().into_bytes().into())
    }

    /// A hash to keep, in PHC text form.
    pub async fn hash(&self, password: &Secret) -> Result<store::Secret, Error> {
        let (cost, password) = (self.cost, password.clone());
        self.apart(move |memory| hash(memory, cost, &password)).await?.map(store::Secret)
    }

    /// Whether `password` is what `hash` was made from; with `None` the same work and false.
    pub async fn verify(&self, password: &Secret, hash: Option<&store::Secret>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| self.nobody.clone(), |hash| hash.0.clone());
        let password = password.clone();
        let fits = self.apart(move |memory| verify(memory, &password, &hash)).await?;
        Ok(fits & known)
    }

    async fn apart<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&Memory) -> T + Send + 'static,
    {
        // Nobody closes this semaphore.
        let place = self.places.clone().acquire_owned().await.map_err(|_| Error::Invalid("stopping"))?;
        let memory = self.memory.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&memory)
        });
        done.await.map_err(|_| store::Error::broken("hashing a password failed").into())
    }
}

/// Working memory of hashes, kept: given back to the allocator and taken again by ever other threads, 7 MiB would
/// stay behind in each thread's arena (129 MiB after 800 logins, measured).
#[derive(Default)]
struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    fn derive(&self, params: Params, password: &Secret, salt: &[u8]) -> Option<[u8; HASH_BYTES]> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        blocks.resize(params.block_count(), Block::default());
        let mut hash = [0; HASH_BYTES];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let done =
            argon.hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut hash, &mut blocks);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        done.ok().map(|()| hash)
    }
}

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

fn hash(memory: &Memory, cost: Cost, password: &Secret) -> Result<String, Error> {
    let salt = random::<{ Salt::RECOMMENDED_LENGTH }>()?;
    let params = Params::new(cost.memory_kib, cost.passes, 1, None)
        .map_err(|_| Error::Invalid("the cost of a password hash is out of range"))?;
    let text = memory.derive(params.clone(), password, &salt).and_then(|hash| phc(&params, &salt, &hash));
    text.ok_or(Error::Invalid("the password cannot be hashed"))
}

/// The text form in which hashes are kept: `$argon2id$v=19$m=...`.
fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> Option<String> {
    let salt = SaltString::encode_b64(salt).ok()?;
    let text = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(hash).ok()?),
    };
    Some(text.to_string())
}

/// The cost is read from the hash: one made with another setting still serves.
fn verify(memory: &Memory, password: &Secret, text: &str) -> bool {
    let fits = || {
        let kept = PasswordHash::new(text).ok().filter(|kept| kept.algorithm == ARGON2ID_IDENT)?;
        let mut salt = [0; Salt::MAX_LENGTH];
        let salt = kept.salt?.decode_b64(&mut salt).ok()?;
        let hash = memory.derive(Params::try_from(&kept).ok()?, password, salt)?;
        Some(same(&hash, kept.hash?.as_bytes()))
    };
    fits().unwrap_or(false)
}

/// What is stored of a random secret: it needs no slow hash, nobody guesses 200 bits.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Marks texts that leave the house and come back, the same on every node: a MAC for one purpose, keyed by the
/// installation's secret.
#[derive(Clone)]
pub struct Stamp(Hmac<Sha256>);

/// Bytes of a stamp: half a digest (RFC 2104 section 5).
pub const STAMP_BYTES: usize = 16;

impl Stamp {
    /// No stamp of one purpose passes for another.
    pub fn new(secret: &[u8; 32], purpose: &str) -> Stamp {
        // HMAC takes a key of any length (RFC 2104 section 3), so the other arm is never taken.
        let mut keyed = Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
        keyed.update(purpose.as_bytes());
        keyed.update(&[0]);
        Stamp(keyed)
    }

    pub fn of(&self, bytes: &[u8]) -> [u8; STAMP_BYTES] {
        let mut mac = self.0.clone();
        mac.update(bytes);
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let mut stamp = [0; STAMP_BYTES];
        stamp.copy_from_slice(&digest[..STAMP_BYTES]);
        stamp
    }

    pub fn fits(&self, bytes: &[u8], stamp: &[u8]) -> bool {
        same(&self.of(bytes), stamp)
    }
}

/// Signs a JWT with a service account's key (PKCS #8 in PEM): RS256, the only algorithm Google takes (RFC 7518 3.3).
/// None: the key cannot be read.
pub fn rs256(pem: &Secret, claims: &serde_json::Value) -> Option<String> {
    let base64url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let body: String = pem.expose().lines().filter(|line| !line.starts_with("-----")).collect();
    let key = base64::engine::general_purpose::STANDARD.decode(body.trim()).ok()?;
    let pair = ring::signature::RsaKeyPair::from_pkcs8(&key).ok()?;
    let head = base64url.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let text = format!("{head}.{}", base64url.encode(claims.to_string()));
    let mut mark = vec![0; pair.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    pair.sign(&ring::signature::RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut mark).ok()?;
    Some(format!("{text}.{}", base64url.encode(mark)))
}

/// Seals what must be read again (tokens of others): ChaCha20-Poly1305 (RFC 8439). The first key seals, all of them open,
/// so that a new one can be put in front and the old ones be taken away when nothing is sealed by them any more.
pub struct Vault {
    keys: Vec<([u8; KEY_MARK], LessSafeKey)>,
}

/// Bytes by which a sealed text names its key.
const KEY_MARK: usize = 4;
/// The form of a sealed text: this byte, the key's mark, the nonce, the text with its tag.
const SEALED: u8 = 1;

impl Vault {
    /// Of keys of 32 bytes in base 64.
    pub fn new(keys: &[Secret]) -> Result<Vault, Error> {
        let keys = keys
            .iter()
            .map(|key| Vault::key(key).ok_or(Error::Invalid("a sealing key is not 32 bytes in base 64")));
        Ok(Vault { keys: keys.collect::<Result<_, _>>()? })
    }

    fn key(text: &Secret) -> Option<([u8; KEY_MARK], LessSafeKey)> {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.expose().trim()).ok()?;
        let mark = Sha256::digest([b"kalends sealing key ".as_slice(), &bytes].concat());
        let key = UnboundKey::new(&aead::CHACHA20_POLY1305, &bytes).ok()?;
        Some((mark[..KEY_MARK].try_into().ok()?, LessSafeKey::new(key)))
    }

    /// `place` is where it will stand: sealed for one row, it does not open in another.
    pub fn seal(&self, place: &str, text: &Secret) -> Result<Vec<u8>, Error> {
        let (mark, key) = self.keys.first().ok_or(Error::Invalid("no sealing key is configured"))?;
        let nonce = random::<{ aead::NONCE_LEN }>()?;
        let mut sealed = text.expose().as_bytes().to_vec();
        let place = aead::Aad::from(place.as_bytes());
        key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), place, &mut sealed)
            .map_err(|_| Error::Invalid("a text cannot be sealed"))?;
        Ok([&[SEALED][..], mark, &nonce, &sealed].concat())
    }

    /// None: of another key, another place, or damaged.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Option<Secret> {
        let rest = sealed.strip_prefix(&[SEALED])?;
        let (mark, rest) = rest.split_at_checked(KEY_MARK)?;
        let (nonce, text) = rest.split_at_checked(aead::NONCE_LEN)?;
        let (_, key) = self.keys.iter().find(|(one, _)| one == mark)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let open = key.open_in_place(nonce, aead::Aad::from(place.as_bytes()), &mut text).ok()?;
        String::from_utf8(open.to_vec()).ok().map(Secret::new)
    }

    /// Whether it was sealed by another key than the first.
    pub fn is_stale(&self, sealed: &[u8]) -> bool {
        let mark = self.keys.first().map(|(mark, _)| mark.as_slice());
        sealed.get(1..=KEY_MARK) != mark
    }
}

/// The challenge of a verifier (RFC 7636 4.2, S256).
pub fn challenge(verifier: &Secret) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// In constant time.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| store::Error::broken("the system has no random numbers"))?;
    Ok(bytes)
}

/// A secret of 200 random bits as letters and digits.
pub fn random_text() -> Result<Secret, Error> {
    let bytes = random::<RANDOM_BYTES>()?;
    let mut text = String::with_capacity(RANDOM_LETTERS);
    for five in bytes.chunks_exact(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        text.extend((0..8).rev().map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize])));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let seal = Seal::new(Cost::LOWEST).unwrap();
        let hash = seal.hash(&Secret::new("right")).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(seal.verify(&Secret::new("right"), Some(&hash)).await.unwrap());
        assert!(!seal.verify(&Secret::new("wrong"), Some(&hash)).await.unwrap());
        assert!(!seal.verify(&Secret::new("right"), None).await.unwrap());
        // The form is the usual one: other programs could read it.
        let kept = PasswordHash::new(&hash.0).unwrap();
        argon2::PasswordVerifier::verify_password(&Argon2::default(), b"right", &kept).unwrap();
    }

    #[test]
    fn s9_a_sealed_token_opens_in_its_own_row_with_its_own_key_only() {
        let key = |byte: u8| Secret::new(base64::engine::general_purpose::STANDARD.encode([byte; 32]));
        let (old, new) = (Vault::new(&[key(1)]).unwrap(), Vault::new(&[key(2), key(1)]).unwrap());
        let sealed = old.seal("1/2/refresh", &Secret::new("1//token")).unwrap();
        assert!(!sealed.windows(8).any(|part| part == b"1//token"));
        assert_eq!(new.open("1/2/refresh", &sealed).unwrap().expose(), "1//token");
        assert!(new.is_stale(&sealed) && !old.is_stale(&sealed));
        assert!(old.open("1/3/refresh", &sealed).is_none(), "moved to another row");
        assert!(Vault::new(&[key(3)]).unwrap().open("1/2/refresh", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(old.open("1/2/refresh", &damaged).is_none(), "byte {at}");
        }
        assert!(Vault::new(&[Secret::new("short")]).is_err());
        assert!(Vault::new(&[]).unwrap().seal("", &Secret::new("x")).is_err());
    }

    #[test]
    fn a_mac_depends_on_key_name_and_password() {
        let (one, other) = (Seal::new(Cost::LOWEST).unwrap(), Seal::new(Cost::LOWEST).unwrap());
        let mac = |seal: &Seal, name: &str, password: &str| seal.mac(name, &Secret::new(password)).0;
        assert_eq!(mac(&one, "ada", "x"), mac(&one, "ada", "x"));
        let differing =
            [mac(&one, "ada", "x"), mac(&one, "ad", "ax"), mac(&one, "ada", "y"), mac(&other, "ada", "x")];
        assert_eq!(HashSet::from(differing).len(), 4);
    }

    #[test]
    fn s8_random_texts_are_all_different_and_even() {
        let mut seen = HashSet::new();
        let mut letters = [0u32; 32];
        for _ in 0..20_000 {
            let text = random_text().unwrap();
            for letter in text.expose().bytes() {
                letters[ALPHABET.iter().position(|one| *one == letter).unwrap()] += 1;
            }
            assert_eq!(text.expose().len(), RANDOM_LETTERS);
            assert!(seen.insert(text.expose().to_owned()));
        }
        // Chi-square over 32 letters: 31 degrees of freedom, 99.99 % below 68.
        let expected = 20_000.0 * RANDOM_LETTERS as f64 / 32.0;
        let chi: f64 = letters.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!(chi < 68.0, "{chi}");
    }
}
