//! What to do where DNSSEC fails, as far as a code alone does not tell.

use super::{Code, Flavour, Words, lower_first};

impl Words<'_> {
    /// Where the variety of a DNSSEC fault asks for other words than its code.
    pub(super) fn of_dnssec(&self) -> Option<String> {
        let super::Blame { zone, level, code, .. } = self.blame;
        let parent = self.parent();
        Some(match (code, self.blame.flavour) {
            (Code::DnssecBadSignature, Flavour::Unsigned) => format!(
                "{} records of {zone} without the signatures that belong to them, although the parent has a DS record. Serve the signed zone with software that does DNSSEC, and look at devices on the way that remove records; or remove the DS record.",
                self.they("give", "gives")
            ),
            (Code::DnssecBadSignature, Flavour::UnknownKey) => format!(
                "{} signatures of {zone} by a key that the zone does not publish. Publish the key until every signature by it is gone (RFC 6781 section 4.1), or sign the zone again with a key that is published.",
                self.they("give", "gives")
            ),
            (Code::DnssecBadSignature, Flavour::KeysUnsigned) => format!(
                "{} DNSKEY records of {zone} that are not signed by the key that the DS record in {parent} is for. Sign them with that key, or replace the DS record by one for the key that signs them.",
                self.they("give", "gives")
            ),
            (Code::DnssecBadSignature, Flavour::TooManySignatures) => format!(
                "{} more signatures over one set than resolvers try, and the first of them do not verify. Leave out the signatures of keys that are gone, and sign {zone} again.",
                self.they("give", "gives")
            ),
            (Code::DnssecNoDnskey, Flavour::Keys) => format!(
                "The parent has a DS record for {zone}, and {}. Let questions for DNSKEY (type 48) be answered; without the keys validating resolvers fail.",
                lower_first(&self.they_do_not("give a usable answer to questions for DNSKEY"))
            ),
            (Code::DnssecNoDnskey, _) if self.blame.partial => format!(
                "{} {zone} without DNSKEY records, other servers of the zone have them. Bring the signed zone to every server; look at the zone transfer.",
                self.they("serve", "serves")
            ),
            (Code::DnssecDsMismatch, _) if self.blame.partial => format!(
                "{} {zone} with other keys than the DS record in {parent} is for; other servers of the zone have the right ones. Bring every server to the same zone.",
                self.they("serve", "serves")
            ),
            (Code::DnssecBadDenial, Flavour::ParentDs) => format!(
                "{} DS questions for a zone below in a way that proves nothing, so validating resolvers cannot know whether that zone is signed. Answer them with the DS records, or with NSEC or NSEC3 records that deny them, signed.",
                self.they("answer", "answers")
            ),
            (_, Flavour::Bitmap) => format!(
                "{} denial records at {level} that leave out a type which is there: resolvers that answer from such records by themselves (RFC 8198) deny it. Sign the zone again; every version of it must have the same types.",
                self.they("give", "gives")
            ),
            (Code::DnssecBadSignature, Flavour::OtherZone) => format!(
                "{} the SOA record of another zone, which no signature of {zone} covers, so validating resolvers refuse the answer. Give the SOA record of {zone}.",
                self.they("give", "gives")
            ),
            (_, Flavour::ParentDs) => format!(
                "{} what {zone} says of the DS of a zone below with a signature that does not hold. Sign {zone} again.",
                self.they("give", "gives")
            ),
            (Code::DnssecExpired, Flavour::TooEarly) => format!(
                "{} signatures of {zone} that begin in the future. Set the clock of the signer right and sign the zone again.",
                self.they("give", "gives")
            ),
            _ => return None,
        })
    }
}
