//! Whom we speak to because somebody else says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// Where those may stand who are spoken to because an organization says so: identity providers, webhook endpoints. Without a guard they would be
/// a way into the network that this program stands in (ASVS 1.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighborhood {
    /// In the public internet, over TLS.
    Public,
    /// Anywhere, this machine included, and without TLS: for development, and where all organizations are one house.
    Anywhere,
}

/// Nothing is said to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is said to such an address")]
pub(crate) struct Forbidden;

impl Neighborhood {
    /// Whether an address may be spoken to, as far as it says itself; what its name leads to is the resolver's to look at.
    pub(crate) fn admits(self, url: &Url) -> Result<(), Forbidden> {
        let fine = match (self, url.scheme(), url.host()) {
            (Self::Anywhere, "http" | "https", Some(_)) => true,
            (Self::Public, "https", Some(Host::Domain(name))) => !is_here(name),
            (Self::Public, "https", Some(Host::Ipv4(ip))) => is_public(ip.into()),
            (Self::Public, "https", Some(Host::Ipv6(ip))) => is_public(ip.into()),
            _ => false,
        };
        if fine && url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(Forbidden) }
    }
}

impl Neighborhood {
    /// Of where a name leads, what may be spoken to.
    pub(crate) fn keep(self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        let fine: Vec<_> = found.into_iter().filter(|address| self == Self::Anywhere || is_public(address.ip())).collect();
        if fine.is_empty() { Err(Forbidden) } else { Ok(fine) }
    }
}

/// Looks names up, and forgets what they must not lead to. It is asked for each connection, so a name that led elsewhere a moment ago
/// gains nothing.
impl Resolve for Neighborhood {
    fn resolve(&self, name: Name) -> Resolving {
        let neighborhood = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(neighborhood.keep(found)?.into_iter()) as Addrs)
        })
    }
}

/// The roots that mail is sent with too, and the one provider of cryptography.
pub(crate) fn tls() -> ClientConfig {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.expect("ring speaks what is safe").with_root_certificates(roots).with_no_client_auth()
}

/// Whether a name is that of this machine, whoever is asked (RFC 6761, 6.3).
fn is_here(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is one of the public internet (IANA's registries of special-purpose addresses).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// What is given out is `2000::/3`; everything else (mapped and translated IPv4 among it) leads elsewhere, and so do tunnels.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    (0x2000..=0x3fff).contains(&first) && !matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(neighborhood: Neighborhood, address: &str) -> bool {
        Url::parse(address).is_ok_and(|url| neighborhood.admits(&url).is_ok())
    }

    #[test]
    fn in_public_nothing_leads_back_into_the_house() {
        for address in [
            "http://id.example.es",
            "ftp://id.example.es",
            "https://user@id.example.es",
            "https://:secret@id.example.es",
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0.0.1",
            "https://0177.0.0.1",
            "https://0.0.0.0",
            "https://10.1.2.3",
            "https://100.64.0.1",
            "https://169.254.169.254/latest/meta-data",
            "https://172.16.0.1",
            "https://172.31.255.255",
            "https://192.0.0.8",
            "https://192.0.2.1",
            "https://192.168.1.1",
            "https://198.18.0.1",
            "https://198.51.100.1",
            "https://203.0.113.1",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://[::]",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:8.8.8.8]",
            "https://[64:ff9b::7f00:1]",
            "https://[fe80::1]",
            "https://[fc00::1]",
            "https://[ff02::1]",
            "https://[2001::1]",
            "https://[2001:db8::1]",
            "https://[2002:7f00:1::]",
            "https://[3fff::1]",
        ] {
            assert!(!admits(Neighborhood::Public, address), "{address}");
        }
        for address in ["https://id.example.es", "https://id.example.es:8443/x", "https://8.8.8.8", "https://172.32.0.1", "https://[2606:4700::1111]"]
        {
            assert!(admits(Neighborhood::Public, address), "{address}");
        }
    }

    #[test]
    fn where_it_is_allowed_a_provider_may_stand_next_door() {
        for address in ["http://127.0.0.1:8080", "http://localhost", "https://10.1.2.3", "http://[::1]:1"] {
            assert!(admits(Neighborhood::Anywhere, address), "{address}");
        }
        assert!(!admits(Neighborhood::Anywhere, "file:///etc/passwd") && !admits(Neighborhood::Anywhere, "http://user@localhost"));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_leads_nowhere() {
        let resolve = async |neighborhood: Neighborhood| neighborhood.resolve("localhost".parse().unwrap()).await.map(Iterator::count);
        assert!(resolve(Neighborhood::Public).await.is_err());
        assert!(resolve(Neighborhood::Anywhere).await.unwrap() > 0);
    }
}
