//! The Unicode form of internationalised names, shown beside the A-labels only where it cannot deceive.
//!
//! Stricter than browsers: one script a label (the Japanese and Korean mixtures aside), no label that could be read as
//! Latin while it is not.

/// The Unicode form of a name, if it has one that is safe to show; the A-label form stays the name.
///
/// `None` for names without internationalised labels too.
#[must_use]
pub fn unicode_form(name: &str) -> Option<String> {
    if !name.split('.').any(|label| label.len() > 4 && label.as_bytes()[..4].eq_ignore_ascii_case(b"xn--")) {
        return None;
    }
    let (unicode, verdict) = idna::domain_to_unicode(name);
    let safe = verdict.is_ok() && unicode != name && unicode.split('.').all(is_safe_label);
    safe.then_some(unicode)
}

fn is_safe_label(label: &str) -> bool {
    if label.is_ascii() {
        // An A-label that was not decoded stays what it is; other ASCII labels hold nothing to decode.
        return label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'));
    }
    let mut seen: Vec<Script> = Vec::new();
    for c in label.chars() {
        if matches!(c, '-' | '_' | '0'..='9') {
            continue;
        }
        let Some(script) = script(c) else { return false };
        if !seen.contains(&script) {
            seen.push(script);
        }
    }
    let among = |allowed: &[Script]| seen.iter().all(|script| allowed.contains(script));
    let one_writing = seen.len() == 1
        || among(&[Script::Han, Script::Hiragana, Script::Katakana])
        || among(&[Script::Han, Script::Hangul]);
    one_writing && !reads_as_latin(label, &seen)
}

/// Whether every letter has a look-alike in ASCII: `сосо` in Cyrillic is not `coco`.
fn reads_as_latin(label: &str, seen: &[Script]) -> bool {
    const CYRILLIC: &str = "асԁеһіјӏорԗԛѕԝхуъьҽпгѵѡ";
    const GREEK: &str = "αικνορτυχγωη";
    let alike = match seen {
        [Script::Cyrillic] => CYRILLIC,
        [Script::Greek] => GREEK,
        _ => return false,
    };
    label.chars().all(|c| c.is_ascii() || alike.contains(c))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Hebrew,
    Arabic,
    Devanagari,
    Thai,
    Georgian,
    Hangul,
    Hiragana,
    Katakana,
    Han,
}

/// The script of a letter as far as names are shown in it; others stay in A-label form.
fn script(c: char) -> Option<Script> {
    if !super::safe::is_plain(c) {
        return None;
    }
    match c {
        // Without dotless i and kra, which read as other letters.
        'a'..='z' | 'ß'..='ö' | 'ø'..='İ' | 'Ĳ'..='ķ' | 'Ĺ'..='ž' => Some(Script::Latin),
        'ά'..='ώ' => Some(Script::Greek),
        'а'..='џ' | 'ґ' | 'ғ' | 'қ' | 'ң' | 'ү' | 'ұ' | 'ә' | 'ө' => Some(Script::Cyrillic),
        'ա'..='ֆ' => Some(Script::Armenian),
        'א'..='ת' => Some(Script::Hebrew),
        '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d3}' => Some(Script::Arabic),
        '\u{904}'..='\u{939}' => Some(Script::Devanagari),
        '\u{e01}'..='\u{e30}' => Some(Script::Thai),
        'ა'..='ჰ' => Some(Script::Georgian),
        '가'..='힣' => Some(Script::Hangul),
        'ぁ'..='ゖ' => Some(Script::Hiragana),
        'ァ'..='ヺ' | 'ー' => Some(Script::Katakana),
        '一'..='鿿' | '々' => Some(Script::Han),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_names_are_shown_in_both_forms() {
        for (name, unicode) in [
            ("xn--bcher-kva.example", "bücher.example"),
            ("www.xn--wgv71a119e.jp", "www.日本語.jp"),
            ("xn--e1afmkfd.xn--p1ai", "пример.рф"),
        ] {
            assert_eq!(unicode_form(name).as_deref(), Some(unicode));
        }
    }

    #[test]
    fn deceiving_or_broken_names_stay_a_labels() {
        for name in [
            "example.net",
            "xn--80ak6aa92e.com", // аррӏе in Cyrillic
            "xn--pple-43d.com",   // Cyrillic а before Latin pple
            "xn--zzzzzzzzzzzzzzz.example",
            "xn--.example",
            "xn--a-ecp.example",
        ] {
            assert_eq!(unicode_form(name), None, "{name}");
        }
    }
}
