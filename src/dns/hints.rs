//! [`RootHints`]: where a walk starts. The servers of the public root, or those of a file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Servers a file may name.
const MOST: usize = 64;

/// The public root: letter, IPv4 and IPv6 address (IANA, named.root of 2025).
const PUBLIC: [(char, [u8; 4], [u16; 8]); 13] = [
    ('a', [198, 41, 0, 4], [0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30]),
    ('b', [170, 247, 170, 2], [0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb]),
    ('c', [192, 33, 4, 12], [0x2001, 0x500, 2, 0, 0, 0, 0, 0xc]),
    ('d', [199, 7, 91, 13], [0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd]),
    ('e', [192, 203, 230, 10], [0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe]),
    ('f', [192, 5, 5, 241], [0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf]),
    ('g', [192, 112, 36, 4], [0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d]),
    ('h', [198, 97, 190, 53], [0x2001, 0x500, 1, 0, 0, 0, 0, 0x53]),
    ('i', [192, 36, 148, 17], [0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53]),
    ('j', [192, 58, 128, 30], [0x2001, 0x503, 0xc27, 0, 0, 0, 2, 0x30]),
    ('k', [193, 0, 14, 129], [0x2001, 0x7fd, 0, 0, 0, 0, 0, 1]),
    ('l', [199, 7, 83, 42], [0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42]),
    ('m', [202, 12, 27, 33], [0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35]),
];

/// The servers of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootHints {
    /// Host names, lower case without the final dot, each with one address.
    pub(super) servers: Vec<(String, IpAddr)>,
    /// Whether they are those built into the program.
    pub(super) public: bool,
}

/// Why a text holds no root servers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HintsError {
    /// A line that is neither a server nor a comment.
    #[error("`{file}`, line {line}: expected `NAME ADDRESS`, found `{}`", text.escape_debug())]
    Line {
        /// The file as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What stands there, cut after 80 characters.
        text: String,
    },
    /// No address in the whole file.
    #[error("`{file}` names no root server; expected lines of `NAME ADDRESS`")]
    Empty {
        /// The file as it was named.
        file: String,
    },
    /// More than a root can have.
    #[error("`{file}` names more than {MOST} root servers")]
    TooMany {
        /// The file as it was named.
        file: String,
    },
}

impl Default for RootHints {
    fn default() -> Self {
        Self::public()
    }
}

impl RootHints {
    /// The servers of the public root.
    #[must_use]
    pub fn public() -> Self {
        let servers = PUBLIC.iter().flat_map(|(letter, four, six)| {
            let name = format!("{letter}.root-servers.net");
            [(name.clone(), Ipv4Addr::from(*four).into()), (name, Ipv6Addr::from(*six).into())]
        });
        Self { servers: servers.collect(), public: true }
    }

    /// Reads lines of `NAME ADDRESS`, or a hints file in zone form (`NAME TTL A ADDRESS`, with NS lines between).
    ///
    /// A line may hold an address alone. `;` and `#` begin comments. `file` is its name in messages.
    ///
    /// # Errors
    /// [`HintsError`] with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, HintsError> {
        let mut servers: Vec<(String, IpAddr)> = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.split([';', '#']).next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some((last, before)) = words.split_last() else { continue };
            if line.starts_with('$') || before.iter().any(|word| word.eq_ignore_ascii_case("NS")) {
                continue;
            }
            let Ok(address) = last.parse::<IpAddr>() else {
                let text = line.trim().chars().take(80).collect();
                return Err(HintsError::Line { file: file.to_owned(), line: index + 1, text });
            };
            let name = crate::caa::evidence_name::key(before.first().unwrap_or(last));
            if !servers.contains(&(name.clone(), address)) {
                servers.push((name, address));
            }
            if servers.len() > MOST {
                return Err(HintsError::TooMany { file: file.to_owned() });
            }
        }
        if servers.is_empty() {
            return Err(HintsError::Empty { file: file.to_owned() });
        }
        Ok(Self { servers, public: false })
    }
}

/// Whether an address is one that the world's name servers can have: no loopback, private, link-local, shared, documentation
/// or multicast space (IANA special-purpose registries).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            !(four.is_loopback()
                || four.is_private()
                || four.is_link_local()
                || four.is_documentation()
                || four.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || (a == 192 && b == 0 && c == 0))
        }
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(_) => false,
            // Only 2000::/3 is given out, and 2001:db8::/32 of it is for documentation.
            None => {
                six.segments()[0] & 0xe000 == 0x2000 && !(six.segments()[0] == 0x2001 && six.segments()[1] == 0xdb8)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_public_root_has_thirteen_servers_with_two_public_addresses_each() {
        let hints = RootHints::public();
        assert_eq!(hints.servers.len(), 26);
        assert!(hints.servers.iter().all(|(_, address)| is_public(*address)));
        assert!(hints.servers.contains(&("k.root-servers.net".into(), "193.0.14.129".parse().unwrap())));
        assert!(hints.servers.contains(&("m.root-servers.net".into(), "2001:dc3::35".parse().unwrap())));
    }

    #[test]
    fn both_forms_of_a_file_are_read() {
        let expected = vec![("a.root".to_owned(), "127.53.0.1".parse().unwrap())];
        for text in [
            "a.root 127.53.0.1",
            "# ours\nA.Root.   127.53.0.1 ; here\n\n",
            ".\t3600\tIN\tNS\ta.root.\na.root.\t3600\tIN\tA\t127.53.0.1\n",
            "\u{feff}$TTL 60\na.root. A 127.53.0.1\na.root 127.53.0.1",
        ] {
            assert_eq!(RootHints::parse("x", text).unwrap(), RootHints { servers: expected.clone(), public: false });
        }
        assert_eq!(RootHints::parse("x", "::1").unwrap().servers, [("::1".to_owned(), "::1".parse().unwrap())]);
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let error = RootHints::parse("x", "a 192.0.2.1\nb nowhere").unwrap_err();
        assert_eq!(error.to_string(), "`x`, line 2: expected `NAME ADDRESS`, found `b nowhere`");
        assert!(matches!(RootHints::parse("x", "; nothing"), Err(HintsError::Empty { .. })));
    }

    #[test]
    fn special_space_is_told_from_public_space() {
        for (address, expected) in [
            ("192.0.2.1", false),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("100.64.0.1", false),
            ("169.254.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("8.8.8.8", true),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:8.8.8.8", false),
            ("2001:db8::1", false),
            ("2a00::1", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = RootHints::parse("x", &text);
        }
    }
}
