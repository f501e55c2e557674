//! ServiceAccount tokens: signature, issuer, audience, times and subject must fit together.

use aviary_types::{EcoString, eco_format};
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use std::time::Duration;

/// How far a token's start may lie ahead of our clock.
const AHEAD_MAX: Duration = Duration::from_mins(1);
const PREFIX: &str = "system:serviceaccount:";

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The ServiceAccount's user name.
    pub(super) subject: EcoString,
    /// The namespace of the ServiceAccount.
    pub(super) namespace: Option<EcoString>,
    /// When it ends.
    pub(super) expires: Timestamp,
}

/// Why a token is not valid. It never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token, or of a kind that we do not take.
    #[error("the token cannot be read")]
    Unreadable,
    /// No key of the cluster signed it.
    #[error("the token's key is not one of the cluster's")]
    UnknownKey,
    /// Signature, issuer or audience do not fit.
    #[error("the token does not fit: {0}")]
    Unfit(EcoString),
    /// Its time is over, or has not begun.
    #[error("the token is not valid now")]
    NotNow,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
}

/// Which key signed a token, if it says so.
pub(super) fn key_id(token: &str) -> Result<Option<String>, TokenError> {
    Ok(decode_header(token)
        .map_err(|_| TokenError::Unreadable)?
        .kid)
}

/// Verifies a token by the keys of one issuer.
pub(super) fn verify(
    token: &str,
    keys: &JwkSet,
    (issuer, audience): (&str, &str),
    now: Timestamp,
) -> Result<Token, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Unreadable)?;
    if matches!(
        header.alg,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    ) {
        return Err(TokenError::Unreadable);
    }
    let mut validation = Validation::new(header.alg);
    // Times are compared with the clock that was handed in.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let candidates = keys
        .keys
        .iter()
        .filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
    let mut why = TokenError::UnknownKey;
    for key in candidates {
        let Ok(key) = DecodingKey::from_jwk(key) else {
            continue;
        };
        match decode::<Claims>(token, &key, &validation) {
            Ok(data) => return timely(data.claims, now),
            Err(error) => why = TokenError::Unfit(eco_format!("{:?}", error.kind())),
        }
    }
    Err(why)
}

fn timely(claims: Claims, now: Timestamp) -> Result<Token, TokenError> {
    let instant = |seconds: f64| {
        let millis = Duration::try_from_secs_f64(seconds).map_err(|_| TokenError::NotNow)?;
        let millis = i64::try_from(millis.as_millis()).map_err(|_| TokenError::NotNow)?;
        Timestamp::from_millisecond(millis).map_err(|_| TokenError::NotNow)
    };
    let expires = instant(claims.exp)?;
    let starts = claims.nbf.map(instant).transpose()?;
    let late = now.checked_add(AHEAD_MAX).unwrap_or(now);
    if expires <= now || starts.is_some_and(|starts| starts > late) {
        return Err(TokenError::NotNow);
    }
    let account = claims.sub.strip_prefix(PREFIX);
    let namespace = account.and_then(|account| account.split_once(':'));
    Ok(Token {
        namespace: namespace.map(|(namespace, _)| namespace.into()),
        subject: claims.sub.into(),
        expires,
    })
}
