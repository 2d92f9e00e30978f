//! An OpenID provider for tests: discovery, keys, authorization and token endpoint over real HTTP, with messages built by the types of
//! `openidconnect`. It looks at everything that a provider has to look at, and misbehaves in one of the ways in which an attacker would.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use matricula_domain::shared::Instant;
use openidconnect::core::CoreEdDsaPrivateSigningKey as SigningKey;
use openidconnect::core::{
    CoreClientAuthMethod, CoreGenderClaim, CoreHmacKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalClaims, Audience, AuthUrl, AuthenticationMethodReference, ClientId, EmptyAdditionalProviderMetadata, EndUserEmail, EndUserName,
    IdToken, IdTokenClaims, IssuerUrl, JsonWebKeyId, JsonWebKeySetUrl, LocalizedClaim, Nonce, PrivateSigningKey, ResponseTypes, StandardClaims,
    SubjectIdentifier, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// Who a relying party must be at every provider here.
pub const CLIENT: &str = "matricula";
/// And what it must show.
pub const SECRET: &str = "muy secreto: sólo lo sabe ella";

/// How a provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// As it should.
    Proper,
    /// Its token answers another question.
    WrongNonce,
    /// Its token answers no question.
    NoNonce,
    /// Its token is for somebody else.
    WrongAudience,
    /// Its token is for us and for somebody else.
    TwoAudiences,
    /// Its token was given to somebody else.
    WrongParty,
    /// Its token is another provider's.
    WrongIssuer,
    /// Its token says that it needs no signature.
    AlgorithmNone,
    /// Its token is signed with the client's secret.
    SharedSecret,
    /// Its token is signed with a key that it does not publish any more.
    UnknownKey,
    /// Its token was changed after it was signed.
    WrongSignature,
    /// Its token is over.
    Expired,
    /// Its token is not issued yet.
    FromTheFuture,
    /// It gives no identity token.
    NoToken,
    /// It answers what is no JSON.
    Nonsense,
    /// It says more than anybody wants to hear.
    Endless,
    /// It sends whoever asks for a token elsewhere.
    Redirects,
    /// It cannot answer.
    Fails,
    /// It takes its time.
    Slow,
}

/// Somebody whom a provider knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who they are, for ever.
    pub subject: String,
    /// Their address.
    pub email: Option<String>,
    /// Whether it was verified.
    pub email_verified: Option<bool>,
    /// Their groups.
    pub groups: Vec<String>,
    /// How they showed who they are.
    pub methods: Vec<String>,
}

impl Known {
    /// Somebody with a verified address.
    pub fn of(subject: &str, email: &str) -> Self {
        Self { subject: subject.to_owned(), email: Some(email.to_owned()), email_verified: Some(true), groups: Vec::new(), methods: Vec::new() }
    }
}

/// What somebody came with to the authorization endpoint, by the code that they left with.
#[derive(Clone, Debug)]
struct Granted {
    known: Known,
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

struct State {
    conduct: Conduct,
    in_the_body: bool,
    now: Instant,
    keys: u8,
    granted: HashMap<String, Granted>,
    codes: u32,
    asked: Vec<String>,
}

/// The provider. It goes on for as long as its runtime.
#[derive(Clone)]
pub struct OpenProvider {
    /// What it signs its answers as.
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Groups {
    groups: Vec<String>,
}

impl AdditionalClaims for Groups {}

type Token = IdToken<Groups, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// An answer of HTTP: its status, headers beside the usual ones, and its body.
type Response = (u16, &'static str, Vec<u8>);

impl OpenProvider {
    /// A provider that behaves as it should, for which it is this time.
    pub async fn open(now: Instant) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = State { conduct: Conduct::Proper, in_the_body: false, now, keys: 1, granted: HashMap::new(), codes: 0, asked: Vec::new() };
        let provider = Self { issuer, state: Arc::new(Mutex::new(state)) };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let provider = serving.clone();
                // A client that goes away is none of the provider's business.
                tokio::spawn(async move { _ = provider.converse(stream).await });
            }
        });
        provider
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it behaves so.
    pub fn behave(&self, conduct: Conduct) {
        self.state().conduct = conduct;
    }

    /// From now on it wants the client's secret in the body.
    pub fn want_secret_in_the_body(&self) {
        self.state().in_the_body = true;
    }

    /// From now on it is this time for it.
    pub fn it_is(&self, now: Instant) {
        self.state().now = now;
    }

    /// From now on it has another key, and the old one no more.
    pub fn rotate(&self) {
        self.state().keys += 1;
    }

    /// The paths that it was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// Somebody signs in at the authorization endpoint, as a browser comes there; what the browser brings back.
    pub fn authorize(&self, address: &str, known: &Known) -> HashMap<String, String> {
        let url = Url::parse(address).unwrap();
        assert_eq!(format!("{}/authorize", self.issuer), address.split('?').next().unwrap());
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str(), asked["code_challenge_method"].as_str()), ("code", CLIENT, "S256"));
        assert_eq!(asked["scope"], "openid email profile");
        let (nonce, challenge, redirect_uri) = (asked["nonce"].clone(), asked["code_challenge"].clone(), asked["redirect_uri"].clone());
        let mut state = self.state();
        state.codes += 1;
        let code = format!("code-{}", state.codes);
        state.granted.insert(code.clone(), Granted { known: known.clone(), nonce, challenge, redirect_uri });
        [("state".to_owned(), asked["state"].clone()), ("code".to_owned(), code), ("iss".to_owned(), self.issuer.clone())].into()
    }

    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        let (mut first, mut length, mut authorization) = (String::new(), 0, None);
        lines.read_line(&mut first).await?;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "authorization" => authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).await?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        self.state().asked.push(path.clone());
        let conduct = self.state().conduct;
        if conduct == Conduct::Slow {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let (status, headers, body) = match (conduct, path.as_str()) {
            (Conduct::Fails, _) => (500, "", b"{}".to_vec()),
            (_, "/.well-known/openid-configuration") => (200, "", self.metadata()),
            (_, "/keys") => (200, "", self.keys()),
            (_, "/token") => self.token(&body, authorization.as_deref()),
            _ => (404, "", b"{}".to_vec()),
        };
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        write.write_all(head.as_bytes()).await?;
        write.write_all(&body).await
    }

    fn metadata(&self) -> Vec<u8> {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let methods = if self.state().in_the_body { CoreClientAuthMethod::ClientSecretPost } else { CoreClientAuthMethod::ClientSecretBasic };
        let metadata = CoreProviderMetadata::new(
            IssuerUrl::new(self.issuer.clone()).unwrap(),
            AuthUrl::new(at("/authorize")).unwrap(),
            JsonWebKeySetUrl::new(at("/keys")).unwrap(),
            vec![ResponseTypes::new(vec![CoreResponseType::Code])],
            vec![CoreSubjectIdentifierType::Public],
            // It claims to sign in every way: what is accepted is for us to say.
            vec![CoreJwsSigningAlgorithm::EdDsa, CoreJwsSigningAlgorithm::HmacSha256, CoreJwsSigningAlgorithm::None],
            EmptyAdditionalProviderMetadata {},
        );
        let metadata = metadata.set_token_endpoint(Some(TokenUrl::new(at("/token")).unwrap()));
        serde_json::to_vec(&metadata.set_token_endpoint_auth_methods_supported(Some(vec![methods]))).unwrap()
    }

    fn keys(&self) -> Vec<u8> {
        serde_json::to_vec(&CoreJsonWebKeySet::new(vec![key(self.state().keys).as_verification_key()])).unwrap()
    }

    /// The token endpoint (RFC 6749, 4.1.3; RFC 7636, 4.6): who asks, whether they may, and whether it is they who began.
    fn token(&self, body: &[u8], authorization: Option<&str>) -> Response {
        let asked: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let said = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", BASE64.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)).as_bytes()));
        let believed = if self.state().in_the_body {
            authorization.is_none() && said("client_id") == CLIENT && said("client_secret") == SECRET
        } else {
            authorization == Some(basic.as_str()) && !asked.contains_key("client_secret")
        };
        if !believed {
            return (401, "", br#"{"error": "invalid_client"}"#.to_vec());
        }
        // A code is gone once it was shown, to whomever.
        let granted = self.state().granted.remove(said("code"));
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(said("code_verifier").as_bytes()));
        let fits = |granted: &Granted| granted.challenge == challenge && granted.redirect_uri == said("redirect_uri");
        match granted.filter(fits).filter(|_| said("grant_type") == "authorization_code") {
            Some(granted) => self.answer(&granted),
            None => (400, "", br#"{"error": "invalid_grant"}"#.to_vec()),
        }
    }

    fn answer(&self, granted: &Granted) -> Response {
        let conduct = self.state().conduct;
        match conduct {
            Conduct::Nonsense => return (200, "", b"<html>".to_vec()),
            Conduct::Endless => return (200, "", vec![b' '; 10_000_000]),
            Conduct::Redirects => return (307, "Location: /elsewhere\r\n", b"{}".to_vec()),
            Conduct::NoToken => return (200, "", json!({"access_token": "x", "token_type": "Bearer"}).to_string().into_bytes()),
            _ => {}
        }
        let token = self.signed(conduct, self.claims(conduct, granted));
        (200, "", json!({"access_token": "x", "token_type": "Bearer", "id_token": token}).to_string().into_bytes())
    }

    fn claims(&self, conduct: Conduct, granted: &Granted) -> IdTokenClaims<Groups, CoreGenderClaim> {
        let now = self.state().now;
        let known = &granted.known;
        let mut begins = now;
        let mut ends = now + TimeDelta::minutes(5);
        match conduct {
            // Beyond what clocks may differ.
            Conduct::Expired => ends = now - TimeDelta::seconds(61),
            Conduct::FromTheFuture => begins = now + TimeDelta::seconds(61),
            _ => {}
        }
        let issuer = if conduct == Conduct::WrongIssuer { "https://otro.example.es" } else { &self.issuer };
        let audiences: &[&str] = match conduct {
            Conduct::WrongAudience => &["otra"],
            Conduct::TwoAudiences => &[CLIENT, "otra"],
            _ => &[CLIENT],
        };
        let mut name = LocalizedClaim::new();
        name.insert(None, EndUserName::new(format!("Quien es {}", known.subject)));
        let standard = StandardClaims::new(SubjectIdentifier::new(known.subject.clone()))
            .set_email(known.email.clone().map(EndUserEmail::new))
            .set_email_verified(known.email_verified)
            .set_name(Some(name));
        let audiences = audiences.iter().map(|audience| Audience::new((*audience).to_owned())).collect();
        let issuer = IssuerUrl::new(issuer.to_owned()).unwrap();
        let methods = known.methods.iter().map(|method| AuthenticationMethodReference::new(method.clone())).collect();
        let nonce = match conduct {
            Conduct::WrongNonce => Some("de otra vez".to_owned()),
            Conduct::NoNonce => None,
            _ => Some(granted.nonce.clone()),
        };
        IdTokenClaims::new(issuer, audiences, ends, begins, standard, Groups { groups: known.groups.clone() })
            .set_nonce(nonce.map(Nonce::new))
            .set_auth_method_refs(Some(methods))
            .set_authorized_party((conduct == Conduct::WrongParty).then(|| ClientId::new("otra".to_owned())))
    }

    fn signed(&self, conduct: Conduct, claims: IdTokenClaims<Groups, CoreGenderClaim>) -> String {
        let keys = self.state().keys;
        let key = key(if conduct == Conduct::UnknownKey { keys - 1 } else { keys });
        let token = match conduct {
            Conduct::SharedSecret => Token::new(claims, &CoreHmacKey::new(SECRET), CoreJwsSigningAlgorithm::HmacSha256, None, None),
            _ => Token::new(claims, &key, CoreJwsSigningAlgorithm::EdDsa, None, None),
        };
        let token = token.unwrap().to_string();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        match conduct {
            Conduct::AlgorithmNone => format!("{}.{payload}.", BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#)),
            Conduct::WrongSignature => {
                let claims = String::from_utf8(BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
                let changed = claims.replace("Quien es", "Quien no es");
                assert_ne!(claims, changed);
                format!("{header}.{}.{signature}", BASE64URL_NOPAD.encode(changed.as_bytes()))
            }
            _ => token,
        }
    }
}

/// The key of this number, in the form of RFC 8410.
fn key(number: u8) -> SigningKey {
    let der = [&[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20][..], &[number; 32]].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(&der));
    SigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(format!("key-{number}")))).unwrap()
}
