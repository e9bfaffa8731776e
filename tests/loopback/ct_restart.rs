//! The real program, killed at random moments and started again: nothing lost, nothing asked twice, the same result.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::ct_resume::world;
use super::ct_service::CtService;

/// How often the program is killed.
const KILLS: usize = 20;

fn program(service: &CtService, case: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctclimb"));
    command.args(["fetch", "example.com", "-q", "--source", "crtsh", "--source", "certspotter", "--case"]).arg(case);
    command.args(["--rate", "crtsh=500/s", "--rate", "certspotter=500/s"]);
    command.env("CTCLIMB_CRTSH_URL", service.url()).env("CTCLIMB_CERTSPOTTER_URL", service.url());
    command.env("XDG_CONFIG_HOME", case.with_extension("no-config")).stdin(Stdio::null());
    command
}

fn finish(mut command: Command) -> Output {
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_twenty_random_moments_it_ends_with_the_same_result() {
    let directory = tempfile::tempdir().unwrap();
    let whole_service = CtService::start(world()).await;
    let whole = finish(program(&whole_service, &directory.path().join("whole.ctclimb")));
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    let mut expected = whole_service.targets();
    expected.sort();
    let (mut killed, mut round, mut random) = (0, 0, 0x2545_f491_4f6c_dd1d_u64);
    while killed < KILLS {
        round += 1;
        assert!(round < 200, "the program ends before it can be killed");
        let case = directory.path().join(format!("{round}.ctclimb"));
        let service = CtService::start(world()).await;
        let mut kills = 0;
        // Kill it again and again until it gets through: each case file sees several interruptions.
        let last = loop {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut child = program(&service, &case).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            if killed < KILLS {
                std::thread::sleep(Duration::from_millis(20 + random % 300));
                // On Unix this is kill -9.
                let _ = child.kill();
            }
            let output = child.wait_with_output().unwrap();
            if output.status.code().is_some() {
                break output;
            }
            kills += 1;
            killed += 1;
        };
        assert_eq!(last.status.code(), Some(0), "{}", String::from_utf8_lossy(&last.stderr));
        assert_eq!(last.stdout, whole.stdout, "after {kills} kills");
        let mut asked = service.targets();
        let all = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked, expected);
        // Each kill may lose the request in flight to each service; all else is asked once.
        assert!(all <= expected.len() + 2 * kills, "{all} requests after {kills} kills");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_on_the_same_case_file_is_told_who_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let case = directory.path().join("x.ctclimb");
    let service = CtService::start(|_| vec![super::ct_service::Act::Hang]).await;
    let mut first = program(&service, &case).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while service.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = finish(program(&service, &case));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_ne!(second.status.code(), Some(0));
    assert!(text.contains(&format!("process {}", first.id())), "{text}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_more_can_be_written_it_stops_cleanly_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let whole_service = CtService::start(world()).await;
    let whole = finish(program(&whole_service, &directory.path().join("whole.ctclimb")));
    let case = directory.path().join("case.ctclimb");
    let service = CtService::start(world()).await;
    let program = program(&service, &case);
    // The limit of file sizes, in blocks of 512 or 1024 octets: more than an empty case file, less than a whole one.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 140; exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    limited.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let stopped = finish(limited);
    let text = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert_eq!(stopped.status.code(), Some(4), "{text}");
    assert!(text.contains("the same command goes on from there"), "{text}");
    let before = service.targets();
    assert!(!before.is_empty() && before.len() < whole_service.targets().len(), "{before:#?}");
    let resumed = finish(program);
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(resumed.stdout, whole.stdout);
    // What could not be stored is asked again, and nothing else.
    let (all, whole) = (service.targets().len(), whole_service.targets().len());
    assert!(all <= whole + 2, "{all} requests instead of {whole}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_files_are_inputs_like_dumps() {
    let directory = tempfile::tempdir().unwrap();
    let (case, second) = (directory.path().join("x.ctclimb"), directory.path().join("y.ctclimb"));
    let service = CtService::start(world()).await;
    let fetched = finish(program(&service, &case));
    std::fs::copy(&case, &second).unwrap();
    let lines = directory.path().join("fetched.ndjson");
    std::fs::write(&lines, &fetched.stdout).unwrap();
    let asked = service.asked().len();
    let run = |command: &str, inputs: &[&Path]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ctclimb"));
        let program = program.arg(command).args(inputs).env("XDG_CONFIG_HOME", directory.path()).stdin(Stdio::null());
        let output = program.output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        output
    };
    let sorted = |output: &Output| {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let mut names: Vec<_> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    let names = sorted(&run("names", &[&lines]));
    assert_eq!(names.len(), 350 + 8);
    assert_eq!(sorted(&run("names", &[&case])), names);
    assert_eq!(sorted(&run("names", &[&case, &second, &lines])), names, "each name once");
    assert_eq!(run("patterns", &[&case]).stdout, run("patterns", &[&lines]).stdout);
    let both = run("analyze", &[&case, &second]);
    let text = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(text.contains("358 certificates"), "{text}");
    assert_eq!(service.asked().len(), asked, "nothing was sent");
    let stream = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["names", "-"])
        .stdin(std::fs::File::open(&case).unwrap())
        .output()
        .unwrap();
    assert_eq!(stream.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&stream.stderr).contains("give the file itself"));
}
