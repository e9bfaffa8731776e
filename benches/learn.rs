//! Grouping of one million generated names: the summary, the learning, and both.

use ctclimb::pattern::{Observation, Settings, Summary, learn};

fn main() {
    divan::main();
}

const NAMES: usize = 1_000_000;

/// One million names under a few hundred domains: ids, counters, addresses, tenants.
fn names() -> Vec<String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % bound
    };
    let text = |alphabet: &[u8], len: usize, next: &mut dyn FnMut(u64) -> u64| -> String {
        (0..len).map(|_| char::from(alphabet[usize::try_from(next(alphabet.len() as u64)).unwrap_or(0)])).collect()
    };
    let syllables = ["al", "ber", "cor", "dan", "fin", "gar", "hol", "kes", "lan", "mor"];
    (0..NAMES)
        .map(|at| {
            let root = format!("tenant{}.example", at % 300);
            match at % 7 {
                0 => format!("{}.xnw6x.{root}", text(b"abcdefghijklmnopqrstuvwxyz234567", 52, &mut next)),
                1 => format!("{}.direct.{root}", text(b"0123456789abcdef", 32, &mut next)),
                2 => format!("node-{}.eu-west-{}.{root}", next(100_000), 1 + next(3)),
                3 => format!("{}-{}-{}-{}.static.{root}", next(255), next(255), next(255), next(255)),
                4 => format!("app-{}.run.{root}", text(b"abcdefghijklmnopqrstuvwxyz0123456789", 9, &mut next)),
                5 => format!("job-{}.batch.{root}", 1_600_000_000 + next(100_000_000)),
                _ => {
                    let word = |next: &mut dyn FnMut(u64) -> u64| syllables[usize::try_from(next(10)).unwrap_or(0)];
                    let brand: String = (0..4).map(|_| word(&mut next)).collect();
                    format!("{brand}{}.shop.{root}", next(1000))
                }
            }
        })
        .collect()
}

fn summary(names: &[String]) -> Summary {
    let mut summary = Summary::new();
    for name in names {
        summary.add(&Observation::of_name(name, false));
    }
    summary
}

#[divan::bench(sample_count = 5, counters = [divan::counter::ItemsCount::new(NAMES)])]
fn summarise(bencher: divan::Bencher<'_, '_>) {
    let names = names();
    bencher.bench_local(|| summary(&names));
}

#[divan::bench(sample_count = 5, counters = [divan::counter::ItemsCount::new(NAMES)])]
fn group(bencher: divan::Bencher<'_, '_>) {
    let summary = summary(&names());
    bencher.bench_local(|| learn(&summary, &Settings::default()));
}
