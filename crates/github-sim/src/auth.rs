//! From an `Authorization` header to [`Who`]: personal tokens, installation tokens, App JWTs.
//!
//! Never logs a credential.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::Value;

use crate::access::Who;
use crate::error::{Outcome, Refusal};
use crate::state::State;
use crate::state::apps::Token;

/// The secret in an `Authorization` header, whatever its scheme.
pub(crate) fn secret_of(headers: &HeaderMap) -> Outcome<Option<String>> {
    let Some(value) = headers.get(http::header::AUTHORIZATION) else {
        return Ok(None);
    };
    let bad = || Refusal::new(401, "Bad credentials");
    let text = value.to_str().map_err(|_| bad())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(bad)?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Ok(Some(rest.trim().to_owned())),
        "basic" => {
            let bytes = STANDARD.decode(rest.trim()).map_err(|_| bad())?;
            let pair = String::from_utf8(bytes).map_err(|_| bad())?;
            let (user, password) = pair.split_once(':').ok_or_else(bad)?;
            let secret = if password.is_empty() || password == "x-oauth-basic" { user } else { password };
            Ok(Some(secret.to_owned()))
        }
        _ => Err(bad()),
    }
}

/// Who a request comes from.
///
/// # Errors
/// 401 for a credential that is wrong, expired or revoked; 404 for the JWT of an unknown App.
pub(crate) fn identify(st: &State, headers: &HeaderMap) -> Outcome<Who> {
    let Some(secret) = secret_of(headers)? else {
        return Ok(Who::Nobody);
    };
    if secret.starts_with("eyJ") && secret.matches('.').count() == 2 {
        return app_of(st, &secret).map(Who::App);
    }
    match st.tokens.get(&secret) {
        Some(Token::Person(person)) => Ok(Who::User(*person)),
        Some(Token::Installation { installation, .. }) if st.is_suspended(*installation) => {
            Err(Refusal::new(403, "This installation has been suspended"))
        }
        Some(Token::Installation { .. }) => st
            .access_of(&secret)
            .map(|access| Who::Installation(Box::new(access)))
            .ok_or_else(|| Refusal::new(401, "Bad credentials")),
        None => Err(Refusal::new(401, "Bad credentials")),
    }
}

/// Checks an App's JWT as GitHub does: RS256, `iat` not ahead, `exp` ahead by ten minutes at most.
fn app_of(st: &State, jwt: &str) -> Outcome<u64> {
    let garbled = || Refusal::new(401, "A JSON web token could not be decoded");
    let mut parts = jwt.split('.');
    let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(garbled());
    };
    let parse = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let head = parse(header).ok_or_else(garbled)?;
    if head["alg"] != "RS256" {
        return Err(garbled());
    }
    let body = parse(claims).ok_or_else(garbled)?;
    let issuer = match &body["iss"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let app = st
        .apps
        .values()
        .find(|app| app.id.to_string() == issuer || format!("Iv1.{:016x}", app.id) == issuer)
        .ok_or_else(|| Refusal::new(404, "Integration not found"))?;
    let signed = &jwt[..header.len() + 1 + claims.len()];
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| garbled())?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| garbled())?;
    check_times(&body, st.now().as_second())?;
    Ok(app.id)
}

fn check_times(claims: &Value, now: i64) -> Outcome<()> {
    let number = |key: &str| claims[key].as_i64();
    match number("iat") {
        Some(iat) if iat <= now => {}
        Some(_) | None => {
            return Err(Refusal::new(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the \
                 assertion was issued",
            ));
        }
    }
    match number("exp") {
        Some(exp) if exp > now + 600 => {
            Err(Refusal::new(401, "'Expiration time' claim ('exp') is too far in the future"))
        }
        Some(exp) if exp > now => Ok(()),
        Some(_) | None => Err(Refusal::new(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time \
             at which the assertion expires",
        )),
    }
}
