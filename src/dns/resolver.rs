//! [`Resolver`]: which recursive resolver to ask, as people name it.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::{Server, system};
use crate::caa::Transport;

/// A recursive resolver: one view of the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resolver {
    /// As it was named; the key of its rate and its name in reports.
    pub name: String,
    /// Where to ask: the first one, and the next after a silence. Never empty.
    pub servers: Vec<Server>,
}

/// Why a text names no resolver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolverError {
    /// None of the forms.
    #[error(
        "`{}` is no resolver; expected `system`, an address as `192.0.2.1`, `192.0.2.1:5300` or `[2001:db8::1]:5300`, \
         `tls://HOST` or `https://HOST/dns-query`",
        text.escape_debug()
    )]
    Form {
        /// The text as given.
        text: String,
    },
    /// The operating system names no resolver.
    #[error("the system's resolvers cannot be read: {text}; name one with `--resolver`")]
    System {
        /// What the system said.
        text: String,
    },
}

impl Resolver {
    /// Reads the name of a resolver; `system` reads the configuration of the operating system.
    ///
    /// # Errors
    /// [`ResolverError`] says which forms there are, or why the system's resolvers are not known.
    pub fn parse(text: &str) -> Result<Self, ResolverError> {
        let refused = || ResolverError::Form { text: text.to_owned() };
        let server = if text == "system" {
            return Self::system();
        } else if let Some(host) = text.strip_prefix("tls://") {
            let (host, port) = host_and_port(host, 853).ok_or_else(refused)?;
            Server::Tls(host, port)
        } else if let Some(rest) = text.strip_prefix("https://") {
            let host = rest.split('/').next().unwrap_or_default();
            host_and_port(host, 443).ok_or_else(refused)?;
            if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
                return Err(refused());
            }
            Server::Https(if host.len() == rest.len() { format!("{text}/dns-query") } else { text.to_owned() })
        } else {
            Server::Plain(address(text, 53).ok_or_else(refused)?, Transport::Udp)
        };
        Ok(Self { name: server.to_string(), servers: vec![server] })
    }

    /// The resolvers the operating system uses, as one view.
    fn system() -> Result<Self, ResolverError> {
        let servers = system::servers().map_err(|text| ResolverError::System { text })?;
        let servers = servers.into_iter().map(|address| Server::Plain(address, Transport::Udp)).collect();
        Ok(Self { name: "system".to_owned(), servers })
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn address(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port));
    }
    // A link-local address is one of an interface, named by its number.
    if let Some((ip, zone)) = bare.split_once('%')
        && let (Ok(ip), Ok(scope)) = (ip.parse(), zone.parse())
    {
        return Some(SocketAddrV6::new(ip, port, 0, scope).into());
    }
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

fn host_and_port(text: &str, port: u16) -> Option<(String, u16)> {
    if let Some(address) = address(text, port) {
        return Some((address.ip().to_string(), address.port()));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, port),
    };
    let name = crate::name::DomainName::parse(host).ok()?;
    Some((name.as_str().to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_names_a_server() {
        let plain = |text: &str| Server::Plain(text.parse().unwrap(), Transport::Udp);
        for (text, server, name) in [
            ("192.0.2.1", plain("192.0.2.1:53"), "192.0.2.1"),
            ("192.0.2.1:53", plain("192.0.2.1:53"), "192.0.2.1"),
            ("192.0.2.1:5300", plain("192.0.2.1:5300"), "192.0.2.1:5300"),
            ("2001:db8::1", plain("[2001:db8::1]:53"), "2001:db8::1"),
            ("[2001:db8::1]", plain("[2001:db8::1]:53"), "2001:db8::1"),
            ("[2001:db8::1]:5300", plain("[2001:db8::1]:5300"), "[2001:db8::1]:5300"),
            ("fe80::1%3", plain("[fe80::1%3]:53"), "fe80::1%3"),
            ("[fe80::1%3]:5300", plain("[fe80::1%3]:5300"), "[fe80::1%3]:5300"),
            ("tls://dns.example", Server::Tls("dns.example".into(), 853), "tls://dns.example"),
            ("tls://192.0.2.1:8853", Server::Tls("192.0.2.1".into(), 8853), "tls://192.0.2.1:8853"),
            ("tls://[2001:db8::1]", Server::Tls("2001:db8::1".into(), 853), "tls://2001:db8::1"),
            (
                "https://dns.example",
                Server::Https("https://dns.example/dns-query".into()),
                "https://dns.example/dns-query",
            ),
            (
                "https://dns.example:444/q",
                Server::Https("https://dns.example:444/q".into()),
                "https://dns.example:444/q",
            ),
        ] {
            let resolver = Resolver::parse(text).unwrap();
            assert_eq!((resolver.servers, &*resolver.name), (vec![server], name), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_forms_named() {
        for text in [
            "",
            "dns.example",
            "192.0.2.1:",
            "192.0.2.1:0",
            "192.0.2.1:99999",
            "tls://",
            "tls://:853",
            "http://dns.example/",
            "https://",
            "https:///dns-query",
            "https://a b/",
            "udp://192.0.2.1",
            "192.0.2",
            "192.0.2.1%3",
            "fe80::1%eth0%3",
            "tls://dns.example:x",
            "\u{1b}[31m",
        ] {
            let error = Resolver::parse(text).unwrap_err().to_string();
            assert!(error.contains("tls://HOST") && !error.contains('\u{1b}'), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_resolver_or_refused(text in "(tls://|https://)?.{0,30}") {
            if text != "system" {
                let _ = Resolver::parse(&text);
            }
        }
    }
}
