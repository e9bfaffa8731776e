//! `--rate [WHAT=]N[/s|/m|/h]`: what was typed becomes [`Rates`].

use std::time::Duration;

use anyhow::bail;

use crate::limit::{Rate, Rates};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Crtsh,
    Certspotter,
    Resolver,
    Server,
}

/// The defaults changed by `--rate` texts in order. A rate without a target applies to every target it may.
///
/// # Errors
/// A text that is no rate, a rate of 0, `unlimited` for a search service.
pub fn parse(texts: &[String]) -> anyhow::Result<Rates> {
    let mut rates = Rates::default();
    for text in texts {
        let (named, limit) = parse_one(text)?;
        for (slot, target) in [
            (&mut rates.crtsh, Target::Crtsh),
            (&mut rates.certspotter, Target::Certspotter),
            (&mut rates.resolver, Target::Resolver),
            (&mut rates.server, Target::Server),
        ] {
            let search_service = matches!(target, Target::Crtsh | Target::Certspotter);
            if named.is_some_and(|named| named != target) {
                continue;
            }
            match limit {
                Some((count, period)) => {
                    let burst = match *slot {
                        Rate::Per { burst, .. } => burst,
                        Rate::Unlimited => 1,
                    };
                    *slot = Rate::Per { count, period, burst };
                }
                None if !search_service => *slot = Rate::Unlimited,
                None if named.is_some() => bail!(
                    "`--rate {text}`: the search services are other people's machines; `unlimited` is for resolver and server"
                ),
                None => {}
            }
        }
    }
    Ok(rates)
}

/// Rates as they are asked for: `crtsh=12/m`.
pub fn texts(rates: &Rates) -> Vec<String> {
    let text = |(target, rate): (&str, Rate)| match rate {
        Rate::Unlimited => format!("{target}=unlimited"),
        Rate::Per { count, period, .. } => match period.as_secs() {
            3600 => format!("{target}={count}/h"),
            60 => format!("{target}={count}/m"),
            _ => format!("{target}={count}/s"),
        },
    };
    let all = [
        ("crtsh", rates.crtsh),
        ("certspotter", rates.certspotter),
        ("resolver", rates.resolver),
        ("server", rates.server),
    ];
    all.into_iter().map(text).collect()
}

/// The target and the count in a period; `None` for `unlimited`.
type Parsed = (Option<Target>, Option<(u32, Duration)>);

fn parse_one(text: &str) -> anyhow::Result<Parsed> {
    let (target, limit) = match text.split_once('=') {
        None => (None, text),
        Some(("crtsh", rest)) => (Some(Target::Crtsh), rest),
        Some(("certspotter", rest)) => (Some(Target::Certspotter), rest),
        Some(("resolver", rest)) => (Some(Target::Resolver), rest),
        Some(("server", rest)) => (Some(Target::Server), rest),
        Some((other, _)) => {
            let hint = super::settings::nearest(other, &["crtsh", "certspotter", "resolver", "server"]);
            bail!("`--rate {}=...`: known are crtsh, certspotter, resolver and server{hint}", other.escape_debug())
        }
    };
    if limit == "unlimited" {
        return Ok((target, None));
    }
    let (count, unit) = limit.split_once('/').unwrap_or((limit, "s"));
    let period = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    match (count.parse::<u32>(), period) {
        (Ok(count), Some(seconds)) if count > 0 => Ok((target, Some((count, Duration::from_secs(seconds))))),
        _ => bail!("`--rate {}`: write a rate as 5/s, 12/m, 100/h or unlimited", text.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per(rate: Rate) -> (u32, u64) {
        match rate {
            Rate::Per { count, period, .. } => (count, period.as_secs()),
            Rate::Unlimited => (0, 0),
        }
    }

    #[test]
    fn rates_are_read_with_their_targets() {
        let rates = parse(&["crtsh=5/m".into(), "resolver=unlimited".into(), "server=200".into()]).unwrap();
        assert_eq!(per(rates.crtsh), (5, 60));
        assert_eq!(rates.resolver, Rate::Unlimited);
        assert_eq!(per(rates.server), (200, 1));
        assert_eq!(rates.certspotter, Rates::default().certspotter);
    }

    #[test]
    fn a_rate_without_a_target_is_for_all_it_may_be_for() {
        let rates = parse(&["3/m".into()]).unwrap();
        assert_eq!([per(rates.crtsh), per(rates.server)], [(3, 60), (3, 60)]);
        let rates = parse(&["unlimited".into()]).unwrap();
        assert_eq!([rates.resolver, rates.server], [Rate::Unlimited; 2]);
        assert_eq!(rates.crtsh, Rates::default().crtsh);
    }

    #[test]
    fn the_defaults_are_told_as_they_could_be_asked_for() {
        let told = texts(&Rates::default());
        assert_eq!(told, ["crtsh=12/m", "certspotter=10/h", "resolver=50/s", "server=10/s"]);
        let again = parse(&told).unwrap();
        assert_eq!((again.crtsh, again.server), (Rates::default().crtsh, Rates::default().server));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "0/s", "x", "5/d", "crtsh=unlimited", "nobody=5/s", "-1/s", "5/s/s"] {
            assert!(parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
