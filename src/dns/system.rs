//! The resolvers the operating system is configured with.
//!
//! `resolv.conf` is read here: what it says of search lists and options is no concern of lookups by full name, and one odd
//! line of these must not cost the servers.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// Servers that are used; the C library uses as many.
const MOST: usize = 3;
/// Where it is.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
const PATH: &str = "/etc/resolv.conf";

/// The servers of this system, in the order they are asked.
///
/// # Errors
/// Why none is known, in one clause.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
pub(super) fn servers() -> Result<Vec<SocketAddr>, String> {
    let text = std::fs::read(PATH).map_err(|error| format!("`{PATH}` cannot be read: {error}"))?;
    let found = read(&String::from_utf8_lossy(&text), interface_index);
    if found.is_empty() { Err(format!("`{PATH}` names no server")) } else { Ok(found) }
}

/// The servers of this system, in the order they are asked.
///
/// # Errors
/// Why none is known, in one clause.
#[cfg(not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))))]
pub(super) fn servers() -> Result<Vec<SocketAddr>, String> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|error| error.to_string())?;
    let address = |server: &hickory_resolver::config::NameServerConfig| {
        SocketAddr::new(server.ip, server.connections.first().map_or(53, |connection| connection.port))
    };
    let found: Vec<_> = config.name_servers().iter().map(address).collect();
    if found.is_empty() { Err("none is configured".to_owned()) } else { Ok(found) }
}

/// The servers that a `resolv.conf` names (resolv.conf(5)): one a `nameserver` line, comments behind `#` or `;`.
///
/// `index` gives the number of an interface, which link-local addresses need. Lines that name no address are passed over, as
/// the C library does.
#[cfg_attr(
    not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))),
    allow(dead_code, reason = "read on some systems only")
)]
fn read(text: &str, index: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let server = words.next().and_then(|address| server(address, &index));
        if let Some(server) = server.filter(|server| !found.contains(server)) {
            found.push(server);
        }
    }
    found.truncate(MOST);
    found
}

fn server(text: &str, index: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((address, zone)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53));
    };
    let scope = zone.parse().ok().or_else(|| index(zone))?;
    Some(SocketAddrV6::new(address.parse().ok()?, 53, 0, scope).into())
}

/// The number of a network interface, where the system tells it as a file.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn interface_index(name: &str) -> Option<u32> {
    // The name comes from a file of the system's administrator, and still must not lead elsewhere.
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        return None;
    }
    std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn servers_of(text: &str) -> Vec<String> {
        let index = |name: &str| (name == "eth0").then_some(7);
        read(text, index).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_are_found_among_everything_else() {
        let text = "# made by hand\n; or not\nsearch example.net  a..b --  .\noptions ndots:5 timeout:x bogus\n\
                    \tnameserver\t192.0.2.1 # the first\nnameserver 2001:db8::1;behind\n domain bad domain\n\
                    nameserver\nnameserver not-an-address\nNAMESERVER 192.0.2.9\nnameservers 192.0.2.8\n\
                    sortlist 130.155.160.0/255.255.240.0\r\nnameserver 192.0.2.1\r\n";
        assert_eq!(servers_of(text), ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }

    #[test]
    fn a_zone_of_a_link_local_address_is_kept() {
        assert_eq!(servers_of("nameserver fe80::1%eth0"), ["[fe80::1%7]:53"]);
        assert_eq!(servers_of("nameserver fe80::1%3\nnameserver fe80::1%nosuch"), ["[fe80::1%3]:53"]);
        assert!(servers_of("nameserver 192.0.2.1%eth0").is_empty());
    }

    #[test]
    fn no_more_are_used_than_the_c_library_uses() {
        let text: String = (1..9).map(|n| format!("nameserver 192.0.2.{n}\n")).collect();
        assert_eq!(servers_of(&text), ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"]);
        assert!(servers_of("").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(nameserver |[#;%:.a-f0-9\\n \\t]){0,60}", odd in any::<String>()) {
            prop_assert!(servers_of(&text).len() <= MOST && servers_of(&odd).len() <= MOST);
        }
    }
}
