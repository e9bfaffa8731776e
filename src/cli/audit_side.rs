//! Where a code host finds the files that an audit's findings are about.

use std::path::Path;

use crate::audit::output::uri_of;

/// Where a code host finds a file: relative to the directory we are in, which is where its repository begins; absolute for
/// what is elsewhere.
pub fn artifact(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let relative = Path::new(path).strip_prefix(&here).ok().and_then(Path::to_str).unwrap_or(path);
    match relative.strip_prefix("./").unwrap_or(relative) {
        absolute if absolute.starts_with('/') => format!("file://{}", uri_of(absolute)),
        relative => uri_of(relative),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_host_finds_a_file_from_the_root_of_its_repository() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(artifact("lists/my domains.txt"), "lists/my%20domains.txt");
        assert_eq!(artifact("./list.txt"), "list.txt");
        assert_eq!(artifact(here.join("list.txt").to_str().unwrap()), "list.txt");
        assert_eq!(artifact("/nowhere/list.txt"), "file:///nowhere/list.txt");
    }
}
