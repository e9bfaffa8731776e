//! Every `console` block of the README is run, and must print what stands there.

#[test]
fn the_readme_shows_what_the_program_prints() {
    trycmd::TestCases::new().case("README.md").env("CTCLIMB_CONFIG", "/dev/null").env("LC_ALL", "C.UTF-8");
}
