//! What the search services answer: status, type and body at the fuzzer's will, until the source has no more to ask.

#![no_main]

use ctclimb::name::DomainName;
use ctclimb::source::live::{CertSpotter, Crtsh, CrtshPg, Reading, Reply, Settled, Source};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Requests that a run may make; a source may always want more.
const REQUESTS: usize = 40;
const STATUS: [u16; 8] = [200, 200, 200, 403, 404, 429, 502, 503];
const TYPES: [Option<&str>; 4] = [Some("application/json"), Some("text/html"), Some("text/plain"), None];

fuzz_target!(|data: &[u8]| {
    let Some((&[which, odd], body)) = data.split_first_chunk::<2>() else { return };
    let domain = DomainName::parse("a.example").expect("a domain name");
    let mut source: Box<dyn Source> = match which % 3 {
        0 => Box::new(Crtsh::new(domain, false)),
        1 => Box::new(CertSpotter::new(domain, false)),
        _ => Box::new(CrtshPg::new(domain, false, Timestamp::UNIX_EPOCH)),
    };
    let reply = Reply {
        status: STATUS[usize::from(odd) % 8],
        content_type: TYPES[usize::from(odd / 8) % 4].map(str::to_owned),
        retry_after: (odd >= 128).then(|| String::from_utf8_lossy(body).into_owned()),
        body: body.to_vec(),
        asked_at: Timestamp::UNIX_EPOCH,
    };
    for _ in 0..REQUESTS {
        let Some(request) = source.next() else { break };
        assert_eq!(source.next().as_ref(), Some(&request), "the same until it is settled");
        let settled = match source.read(&reply) {
            Reading::Page(facts) => {
                let mut records = 0;
                source.records(&request, body, &mut |_| records += 1);
                assert_eq!(records, facts.records, "what was counted is handed out");
                Settled::Page(Box::new(facts))
            }
            Reading::TooBig { why } | Reading::Slow { why } => Settled::TooBig(why),
            Reading::Transient { why, .. } | Reading::RateLimited { why, .. } | Reading::Refused { why } => {
                Settled::GivenUp(why)
            }
        };
        source.settle(&settled);
    }
    let _ = (source.completeness(), source.cursor());
});
