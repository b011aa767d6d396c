//! Signed tokens (RS256): the id tokens the fake gives out, the assertions of service accounts it takes. One key for
//! both, in the open: `key.pem` protects nothing.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{self, RsaPublicKeyComponents},
};
use serde_json::{Value, json};

use crate::opaque;

const KEY: &str = include_str!("key.pem");
const KEY_ID: &str = "fake-key-1";

fn pair() -> Option<KeyPair> {
    let text: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    KeyPair::from_pkcs8(&BASE64_STANDARD.decode(text).ok()?).ok()
}

fn components() -> Option<PublicKeyComponents<Vec<u8>>> {
    pair().map(|pair| PublicKeyComponents::from(pair.public()))
}

/// Empty when the key cannot be read: whoever checks the token sees it.
pub fn signed(claims: &Value) -> String {
    let head = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" });
    let text = format!("{}.{}", opaque::token(&head), opaque::token(claims));
    let Some(pair) = pair() else { return String::new() };
    let mut mark = vec![0; pair.public().modulus_len()];
    match pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut mark) {
        Ok(()) => format!("{text}.{}", opaque::base64(&mark)),
        Err(_) => String::new(),
    }
}

/// The claims, if the signature is that of a service account's key.
pub fn verified(token: &str) -> Option<Value> {
    let (text, mark) = token.rsplit_once('.')?;
    let (head, claims) = text.split_once('.')?;
    let head: Value = opaque::from_token(head)?;
    if head.get("alg").and_then(Value::as_str) != Some("RS256") {
        return None;
    }
    let PublicKeyComponents { n, e } = components()?;
    let key = RsaPublicKeyComponents { n, e };
    let mark = opaque::from_base64(mark)?;
    key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &mark).ok()?;
    opaque::from_token(claims)
}

/// The public key as a JWK.
pub fn public() -> Value {
    let Some(PublicKeyComponents { n, e }) = components() else { return Value::Null };
    let (n, e) = (opaque::base64(&n), opaque::base64(&e));
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e })
}

/// A service account's key file, in Google's form.
pub fn key_file(email: &str, token_uri: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "fake", "private_key_id": KEY_ID, "private_key": KEY,
        "client_email": email, "client_id": "100000000000000000001", "token_uri": token_uri,
    })
}
