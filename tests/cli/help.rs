//! The help is the manual.

use super::dripline;

#[test]
fn help_documents_every_option_with_example_and_exit_status() {
    for (command, mentioned) in [
        ("check", "PATH --json"),
        ("render", "TEMPLATE DATA --out --plain --json"),
        (
            "simulate",
            "CAMPAIGN --contacts --days --seed --start --calendar --lead --consent --confirm \
             --open --click --unsubscribe --buy --order --json",
        ),
        ("publish", "PATH --to DRIPLINE_URL --token DRIPLINE_TOKEN --dry-run --json"),
        ("report", "CAMPAIGN --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("journey", "pause resume archive --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        (
            "broadcast",
            "preview start pause resume cancel --to DRIPLINE_URL --token DRIPLINE_TOKEN --json",
        ),
        (
            "explain",
            "CONTACT --journey --segment --broadcast --message --to DRIPLINE_URL --token DRIPLINE_TOKEN --json",
        ),
        ("rejudge", "CAMPAIGN --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("parked", "release CONTACT --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("inspect email", "INPUT --json"),
        ("inspect phone", "INPUT --region --json"),
        ("inspect template", "INPUT --json"),
        ("inspect campaign", "INPUT --json"),
        ("token new", "--name --json"),
        ("token sign-in", "--to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        (
            "token add",
            "NAME --role --member --days --to DRIPLINE_URL --token DRIPLINE_TOKEN --json",
        ),
        ("token list", "--to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("token revoke", "NAME --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("member list", "--to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("member add", "EMAIL --name --role --team --manager --deputy --away-until --to --json"),
        ("member edit", "MEMBER --email --name --role --team --deputy --away-until back --json"),
        ("member end", "MEMBER --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("member link", "MEMBER --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("list", "ls show create add remove delete --name --source"),
        ("audit", "--actor --action --object --since --until --csv --to --token --json"),
        ("search", "WORD --kind --limit --after --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        (
            "import",
            "FILE --kind --map --ignore --set --match --on-match --on-new --run-rules --region --encoding \
             --separator --key --dry-run --rows --refused --undo --stop --all --json",
        ),
        ("export", "KIND --filter --column --consents --jsonl --out --all --to --token"),
        ("session", "end --to DRIPLINE_URL --token DRIPLINE_TOKEN --json"),
        ("token verify", "TOKEN --secret-file SIGNING_SECRET .dev.vars --json"),
    ] {
        let mut args: Vec<&str> = command.split(' ').collect();
        args.push("--help");
        let help = dripline(&args).ended(0).out;
        for word in mentioned.split_whitespace().chain(["dripline ", "Exit status"]) {
            assert!(help.contains(word), "{command} does not mention {word}:\n{help}");
        }
        let undocumented = help
            .lines()
            .zip(help.lines().skip(1))
            .find(|(option, text)| option.trim_start().starts_with("--") && text.trim().is_empty());
        assert_eq!(undocumented, None, "{command}");
    }
    let commands = dripline(&["--help"]).ended(0).out;
    for command in [
        "check", "render", "simulate", "publish", "journey", "broadcast", "report", "explain",
        "parked", "inspect", "token", "session", "member", "audit",
    ] {
        assert!(commands.contains(&format!("\n  {command} ")), "{commands}");
    }
}

#[test]
fn invalid_arguments_are_usage_errors() {
    for args in [
        &["publsh"][..],
        &["publish"],
        &["publish", "--to", "nonsense", "--token", "t"],
        &["publish", "--to", "http://127.0.0.1:1", "--token", "a b"],
        &["publish", "nowhere", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["report", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["report", "../x", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["journey", "pause", "nurture", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["journey", "stop", "a.b", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["parked", "release", "--to", "http://127.0.0.1:1", "--token", "t"],
        &["simulate"],
        &["simulate", "nobody"],
        &["simulate", "spring-webinar", "--contacts", "0"],
        &["simulate", "spring-webinar", "--click", "1.5"],
        &["simulate", "spring-webinar", "--lead", "0"],
        &["simulate", "spring-webinar", "--start", "tomorrow"],
        &["simulate", "spring-webinar", "--order", "12.345"],
        &["simulate", "spring-webinar", "--calendar", "some"],
        &["inspect", "email"],
        &["inspect", "phone", "13800138000", "--region", "XX"],
        &["token", "new", "--name", "A B"],
        &["token", "sign-in", "--to", "http://localhost:8787"],
        &["token", "verify", "1cab.x.y", "--secret-file", "nowhere"],
        &["session", "stop", "--to", "http://127.0.0.1:1", "--token", "t"],
    ] {
        let ran = dripline(args).ended(2);
        assert!(!ran.err.trim().is_empty() && ran.out.is_empty(), "{args:?}");
    }
}
