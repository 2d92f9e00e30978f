//! Tells endpoints what happens: signed as Standard Webhooks says, in time, never onwards to where an answer points, and only to those who
//! may be spoken to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use matricula_ports::notifications::{WebhookMessage, WebhookRefusal, WebhookSecret, WebhookSender};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use ring::hmac;
use url::{Host, Url};

use crate::neighborhood::{Neighborhood, tls};

/// How long it may take to look up where a name leads.
const LOOK: Duration = Duration::from_secs(3);

/// Where names lead.
type LookUp = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Looks names up, and forgets what they must not lead to. It is asked for each connection, so a name that led elsewhere a moment ago
/// gains nothing.
#[derive(Clone)]
struct Resolver {
    neighborhood: Neighborhood,
    look_up: LookUp,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (neighborhood, found) = (self.neighborhood, (self.look_up)(name.as_str().to_owned()));
        Box::pin(async move { Ok(Box::new(neighborhood.keep(found.await?)?.into_iter()) as Addrs) })
    }
}

/// Webhooks over HTTP.
#[derive(Clone)]
pub struct HttpWebhooks {
    client: reqwest::Client,
    resolver: Resolver,
}

impl HttpWebhooks {
    /// A sender whose messages take so long at most.
    ///
    /// # Errors
    /// When the machine gives us no client for HTTP.
    pub fn new(neighborhood: Neighborhood, timeout: Duration) -> Result<Self, reqwest::Error> {
        let look_up: LookUp = Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) }));
        Self::over(neighborhood, timeout, look_up)
    }

    fn over(neighborhood: Neighborhood, timeout: Duration, look_up: LookUp) -> Result<Self, reqwest::Error> {
        let resolver = Resolver { neighborhood, look_up };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls())
            .dns_resolver(Arc::new(resolver.clone()))
            .redirect(Policy::none())
            // A proxy would look names up by itself.
            .no_proxy()
            .timeout(timeout)
            // A connection belongs to the thread that made it, and is not kept for another one.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("matricula/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, resolver })
    }
}

/// What says that a message is from us: an HMAC-SHA256 of its id, its time and its body under each secret.
fn signatures(id: &str, timestamp: i64, body: &str, secrets: &[WebhookSecret]) -> String {
    let text = format!("{id}.{timestamp}.{body}");
    let sign = |key: &[u8]| format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())));
    secrets.iter().map(|secret| sign(&secret.0)).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl WebhookSender for HttpWebhooks {
    async fn admits(&self, url: &str) -> Result<(), WebhookRefusal> {
        let url = Url::parse(url).map_err(|_| WebhookRefusal::NotPublic)?;
        if self.resolver.neighborhood == Neighborhood::Public && url.scheme() != "https" {
            return Err(WebhookRefusal::NotHttps);
        }
        self.resolver.neighborhood.admits(&url).map_err(|_| WebhookRefusal::NotPublic)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        // A name that nobody knows yet may lead somewhere later; the resolver looks at it then.
        match tokio::time::timeout(LOOK, (self.resolver.look_up)(name.to_owned())).await {
            Ok(Ok(found)) => self.resolver.neighborhood.keep(found).map(|_| ()).map_err(|_| WebhookRefusal::NotPublic),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    async fn send(&self, message: &WebhookMessage) -> Result<u16, &'static str> {
        let url = Url::parse(&message.url).map_err(|_| "no address")?;
        self.resolver.neighborhood.admits(&url).map_err(|_| "nothing is said to such an address")?;
        let (id, timestamp) = (format!("msg_{}", message.id.simple()), message.at.timestamp());
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures(&id, timestamp, &message.body, &message.secrets))
            .body(message.body.clone())
            .send()
            .await;
        match sent {
            // What else is answered is nobody's business, and not read.
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) if error.is_timeout() => Err("no answer in time"),
            Err(error) if error.is_connect() => Err("no connection"),
            Err(_) => Err("no answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use matricula_domain::shared::Instant;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;

    /// A listener on all addresses of this machine that counts who comes.
    async fn canary() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("[::]:0").await.unwrap();
        let (port, came) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        (port, came)
    }

    fn message(url: &str) -> WebhookMessage {
        let at = Instant::from_timestamp(1_772_359_200, 0).unwrap();
        WebhookMessage { url: url.to_owned(), id: Uuid::from_u128(7), at, body: "{}".to_owned(), secrets: vec![WebhookSecret([1; 32])] }
    }

    fn leading(neighborhood: Neighborhood, to: impl Fn(usize) -> Vec<&'static str> + Send + Sync + 'static) -> HttpWebhooks {
        let asked = AtomicUsize::new(0);
        let look_up: LookUp = Arc::new(move |_| {
            let found = to(asked.fetch_add(1, Ordering::Relaxed)).into_iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(found) })
        });
        HttpWebhooks::over(neighborhood, Duration::from_millis(500), look_up).unwrap()
    }

    /// Hosts that lead back into the house, each in as many spellings as there are.
    const HOSTS: [&str; 84] = [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.1.",
        "1\u{ff12}7.0.0.1",
        "\u{2460}27.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "0.0.0.0",
        "0",
        "0.1.2.3",
        "00000000",
        "10.0.0.1",
        "10.255.255.255",
        "012.0.0.1",
        "0xa.0.0.1",
        "167772161",
        "100.64.0.1",
        "100.127.255.255",
        "100.100.100.200",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.1.1",
        "0xc0.0xa8.1.1",
        "3232235777",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2002:a00:1::1]",
        "[2001::1]",
        "[2001:0:7f00:1::]",
        "[2001:db8::1]",
        "[2001:10::1]",
        "[100::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff05::2]",
        "[3fff::1]",
        "localhost",
        "LOCALHOST.",
    ];

    #[tokio::test]
    async fn nothing_that_leads_back_into_the_house_is_spoken_to() {
        let (port, came) = canary().await;
        let sender = HttpWebhooks::new(Neighborhood::Public, Duration::from_millis(500)).unwrap();
        let mut tried = 0;
        let hosts = HOSTS.iter().map(|host| format!("https://{host}:{port}/latest/meta-data"));
        let spellings = [
            format!("http://127.0.0.1:{port}"),
            format!("http://example.es@127.0.0.1:{port}"),
            format!("https://example.es@127.0.0.1:{port}"),
            format!("https://user:secret@example.es:{port}"),
            format!("https://127.0.0.1:{port}#@example.es"),
            format!("https://127.0.0.1:{port}\\@example.es"),
            format!("https:\\\\127.0.0.1:{port}"),
            format!("https:127.0.0.1:{port}"),
            format!("ftp://127.0.0.1:{port}"),
            format!("gopher://127.0.0.1:{port}/_x"),
            "file:///etc/passwd".to_owned(),
            format!("https://[::1%25lo]:{port}"),
        ];
        for url in hosts.chain(spellings) {
            assert!(sender.admits(&url).await.is_err(), "{url}");
            assert!(sender.send(&message(&url)).await.is_err(), "{url}");
            tried += 1;
        }
        assert!(tried >= 80, "{tried}");
        assert_eq!(came.load(Ordering::Relaxed), 0);
        // The canary is alive, and what keeps us from it is where it stands.
        let anywhere = HttpWebhooks::new(Neighborhood::Anywhere, Duration::from_millis(500)).unwrap();
        assert!(anywhere.send(&message(&format!("http://127.0.0.1:{port}"))).await.is_err(), "it never answers");
        assert_eq!(came.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_the_second_time_gains_nothing() {
        let (port, came) = canary().await;
        let url = format!("https://rebinding.example.es:{port}");
        let sender = leading(Neighborhood::Public, |asked| if asked == 0 { vec!["8.8.8.8"] } else { vec!["127.0.0.1", "::1"] });
        assert_eq!(sender.admits(&url).await, Ok(()), "it looked well when it was asked for");
        for _ in 0..5 {
            assert_eq!(sender.send(&message(&url)).await, Err("no connection"));
        }
        for private in ["10.0.0.1", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1"] {
            assert_eq!(leading(Neighborhood::Public, move |_| vec![private]).admits(&url).await, Err(WebhookRefusal::NotPublic), "{private}");
        }
        assert_eq!(came.load(Ordering::Relaxed), 0);
        // Where it may stand next door, the same name gets there.
        let anywhere = leading(Neighborhood::Anywhere, |_| vec!["127.0.0.1"]);
        assert!(anywhere.send(&message(&url)).await.is_err());
        assert_eq!(came.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn where_an_answer_points_nobody_goes() {
        let (port, came) = canary().await;
        let pointing = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", pointing.local_addr().unwrap());
        tokio::spawn(async move {
            for status in [301, 302, 303, 307, 308] {
                let (mut stream, _) = pointing.accept().await.unwrap();
                _ = stream.read(&mut [0; 4096]).await;
                let answer =
                    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let sender = HttpWebhooks::new(Neighborhood::Anywhere, Duration::from_secs(10)).unwrap();
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(sender.send(&message(&url)).await, Ok(status));
        }
        assert_eq!(came.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_message_is_signed_as_standard_webhooks_says() {
        // The example of its specification; its secret is shorter than ours.
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let text = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        assert_eq!(BASE64_STANDARD.encode(signed), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let secret = |n| WebhookSecret([n; 32]);
        let both = signatures("msg_1", 1_614_265_330, "{}", &[secret(1), secret(2)]);
        let one = |n| signatures("msg_1", 1_614_265_330, "{}", &[secret(n)]);
        assert_eq!(both, format!("{} {}", one(1), one(2)));
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), b"msg_1.1614265330.{}");
        assert_eq!(one(1), format!("v1,{}", BASE64_STANDARD.encode(expected)));
    }
}
