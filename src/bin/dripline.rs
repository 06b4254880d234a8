//! The command line.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
mod cli {
    use clap::Parser;
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    use dripline::native::cli::{
        Exit, Terminal, audit, broadcast, campaign, check, consents, dead_letters, erase, explain,
        export, import, inspect, journey, kind, list, member, merge, parked, publish, record,
        rejudge, render, report, restore, search, send_test, session, simulate, suppressions,
        token, unpublish,
    };
    use std::io::{self, Write};
    use std::process::ExitCode;

    /// Marketing automation at the edge: landing pages, forms, journeys and their return
    ///
    /// A campaign is a file in campaigns/, its pages and messages are files in templates/.
    /// Check them, look at them, publish them; every command explains itself with --help.
    #[derive(Parser)]
    #[command(name = "dripline", version, arg_required_else_help = true)]
    #[command(after_help = "\
Exit status of every command: 0 it is right, 1 what was asked about is wrong, 2 usage.")]
    enum Cli {
        Check(check::Args),
        Render(render::Args),
        Simulate(simulate::Args),
        SendTest(send_test::Args),
        Publish(publish::Args),
        Unpublish(unpublish::Args),
        Journey(journey::Args),
        Campaign(campaign::Args),
        Broadcast(broadcast::Args),
        Report(report::Args),
        Explain(explain::Args),
        Parked(parked::Args),
        DeadLetters(dead_letters::Args),
        Rejudge(rejudge::Args),
        Consents(consents::Args),
        Suppressions(suppressions::Args),
        Erase(erase::Args),
        Restore(restore::Args),
        Merge(merge::Args),
        Kind(kind::Args),
        Record(record::Args),
        Search(search::Args),
        List(list::Args),
        Import(Box<import::Args>),
        Export(export::Args),
        Inspect(inspect::Args),
        Token(token::Args),
        Session(session::Args),
        Member(member::Args),
        Audit(audit::Args),
    }

    /// Adds to an error about a missing server or token where to set them.
    fn with_tip(mut error: clap::Error) -> clap::Error {
        let missing = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(names)) => names.as_slice(),
            _ => &[],
        };
        // The prefix of both `--to` and `--token`.
        let is_about_server = error.kind() == ErrorKind::MissingRequiredArgument
            && missing.iter().any(|name| name.starts_with("--to"));
        if is_about_server {
            let tip = "set DRIPLINE_URL and DRIPLINE_TOKEN, or give --to and --token";
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        error
    }

    pub fn main() -> ExitCode {
        let cli = Cli::try_parse().unwrap_or_else(|error| with_tip(error).exit());
        let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
        let mut terminal =
            Terminal { input: &mut input, out: &mut out, err: &mut io::stderr().lock() };
        let exit = match &cli {
            Cli::Check(args) => check::run(args, &mut terminal),
            Cli::Publish(args) => publish::run(args, &mut terminal),
            Cli::Unpublish(args) => unpublish::run(args, &mut terminal),
            Cli::Render(args) => render::run(args, &mut terminal),
            Cli::SendTest(args) => send_test::run(args, &mut terminal),
            Cli::Simulate(args) => simulate::run(args, &mut terminal),
            Cli::Journey(args) => journey::run(args, &mut terminal),
            Cli::Broadcast(args) => broadcast::run(args, &mut terminal),
            Cli::Explain(args) => explain::run(args, &mut terminal),
            Cli::Consents(args) => consents::run(args, &mut terminal),
            Cli::Suppressions(args) => suppressions::run(args, &mut terminal),
            Cli::Merge(args) => merge::run(args, &mut terminal),
            Cli::Kind(args) => kind::run(args, &mut terminal),
            Cli::List(args) => list::run(args, &mut terminal),
            Cli::Record(args) => record::run(args, &mut terminal),
            Cli::Search(args) => search::run(args, &mut terminal),
            Cli::Import(args) => import::run(args, &mut terminal),
            Cli::Export(args) => export::run(args, &mut terminal),
            Cli::Restore(args) => restore::run(args, &mut terminal),
            Cli::Erase(args) => erase::run(args, &mut terminal),
            Cli::DeadLetters(args) => dead_letters::run(args, &mut terminal),
            Cli::Parked(args) => parked::run(args, &mut terminal),
            Cli::Rejudge(args) => rejudge::run(args, &mut terminal),
            Cli::Campaign(args) => campaign::run(args, &mut terminal),
            Cli::Report(args) => report::run(args, &mut terminal),
            Cli::Token(args) => token::run(args, &mut terminal),
            Cli::Session(args) => session::run(args, &mut terminal),
            Cli::Member(args) => member::run(args, &mut terminal),
            Cli::Audit(args) => audit::run(args, &mut terminal),
            Cli::Inspect(args) => inspect::run(args, &mut terminal),
        };
        match exit.and_then(|exit| out.flush().map(|()| exit)) {
            Ok(exit) => exit.into(),
            // The reader of our output has closed the pipe.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok.into(),
            Err(error) => {
                eprintln!("dripline: {error}");
                Exit::Usage.into()
            }
        }
    }
}
