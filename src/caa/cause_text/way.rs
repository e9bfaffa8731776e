//! What to do where a resolver finds no way to the answer: silence, hosts that are not found, referrals that are not given.

use super::{Blame, Code, Flavour, Words};

impl Words<'_> {
    pub(super) fn silence(&self, flavour: Flavour) -> Option<String> {
        let Blame { zone, level, code, .. } = self.blame;
        let others = if code == Code::ServerPartlyUnreachable { ", other servers of the zone do" } else { "" };
        Some(match flavour {
            Flavour::StaleGlue => format!(
                "The delegation of {zone} in {} gives an address that the name server no longer has ({}): nothing answers there. Correct the glue record.",
                self.parent(),
                self.blame.servers.join(", ")
            ),
            Flavour::NoAddress => format!(
                "The NS records of {zone} name hosts that have no address a resolver can use: {}. Give the hosts public addresses that can be found without asking the hosts themselves, or take them out of the NS records of {zone} and of its delegation.",
                self.blame.servers.join(", ")
            ),
            Flavour::NoGlue => format!(
                "The delegation of {zone} in {} names hosts within {zone} and gives no address for them ({}), and nobody else can tell it. Have the addresses added there as glue (RFC 9471), or name hosts in another zone.",
                self.parent(),
                self.hosts()
            ),
            Flavour::AliasHost => format!(
                "The NS records of {zone} name hosts that are aliases: {}. They must name hosts with addresses of their own (RFC 2181 section 10.3): some resolvers follow the alias, others, as BIND, pass the host over. Put the name that the alias leads to into the NS records.",
                self.hosts()
            ),
            Flavour::ThisName => format!(
                "{} questions about {zone}, and none about {level}{others}. Look for filters by name or depth in the software or a firewall in front: each name must be answered, with NXDOMAIN if it does not exist.",
                self.they("answer", "answers")
            ),
            Flavour::UdpOnly => format!(
                "{} about {level} over TCP, and over UDP nothing arrives from the address that was asked. Let UDP port 53 pass in both directions, and let replies leave from the address that the question came to: resolvers ask over UDP and take no reply from elsewhere.",
                self.they("answer", "answers")
            ),
            _ => return None,
        })
    }

    /// The hosts concerned, without their addresses.
    fn hosts(&self) -> String {
        let hosts: Vec<&str> = self.blame.servers.iter().filter_map(|server| server.split(' ').next()).collect();
        hosts.join(", ")
    }

    /// Questions with the CD bit get no proper answer.
    pub(super) fn without_cd(&self) -> String {
        let (said, how) = match self.blame.code {
            Code::EdnsDropped => (self.they("leave", "leaves"), "without any answer"),
            _ => (self.they("answer", "answers"), "with an error"),
        };
        format!(
            "{said} questions with the CD bit (RFC 4035 section 3.2.2) {how}, and the same without it properly. {} pass over the bit, which is for resolvers and not for name servers; look at the firewall or load balancer in front. Unbound, which Let's Encrypt uses, sets the bit in what it asks name servers, and fails; BIND does not.",
            self.must()
        )
    }

    /// No referral to the zones below when CAA is asked for.
    pub(super) fn no_referral(&self) -> String {
        let zone = self.blame.zone;
        let done = match self.blame.code {
            Code::CaaDropped => "without any answer",
            Code::CaaNxdomain => "with NXDOMAIN",
            _ => "with an error",
        };
        format!(
            "{} CAA (type 257) questions for names in zones that {zone} delegates {done} and not with the referral to their servers: a resolver that sends the whole question down from the root, without QNAME minimisation (RFC 9156), gets no further. {} refer whatever type is asked for (RFC 1034 section 4.3.2, RFC 8906 section 3.1.2); look at the software and at filters in front.",
            self.they(
                if self.blame.code == Code::CaaDropped { "leave" } else { "answer" },
                if self.blame.code == Code::CaaDropped { "leaves" } else { "answers" }
            ),
            self.must()
        )
    }
}
