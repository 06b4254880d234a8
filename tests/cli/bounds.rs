//! What belongs to a project on disk: no link may lead out of it, and no file may be endless.

use super::{Project, Ran, dripline};
use dripline::native::clock::Stopwatch;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PAGE: &str = "templates/pages/webinar-guide.hbs";

/// Checks the campaigns of a project; it must be fast whatever the folder contains.
fn check(project: &Project) -> Ran {
    let began = Stopwatch::start();
    let ran = dripline(&["check", project.join("campaigns").to_str().unwrap()]);
    assert!(began.elapsed() < Duration::from_secs(20), "it walked through more than the project");
    ran
}

/// `check` refuses the project with these words and prints nothing of `SECRET`.
fn refused(project: &Project, words: &[&str]) {
    let ran = check(project);
    let said = format!("{}{}", ran.out, ran.err);
    assert_ne!(ran.status, 0, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(!said.contains(SECRET), "{said}");
}

const SECRET: &str = "what-only-this-machine-knows";

/// A file outside the project.
fn outside(project: &Project) -> std::path::PathBuf {
    let file = project.0.with_extension("secret");
    fs::write(&file, SECRET).unwrap();
    file
}

fn replace_by_link(project: &Project, path: &str, target: impl AsRef<Path>) {
    let path = project.join(path);
    let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    symlink(target, path).unwrap();
}

#[test]
fn symlink_out_of_templates_is_refused_and_named() {
    let project = Project::copied("links-out");
    let kept = outside(&project);
    check(&project).ended(0);
    for (path, target) in [
        (PAGE, kept.clone()),
        (PAGE, "/etc/hostname".into()),
        ("templates/pages/unused.hbs", kept.clone()),
        ("templates/partials/unused.hbs", kept.clone()),
        ("templates/layouts/larkspan.mjml.hbs", kept.clone()),
        ("templates/emails/webinar-nudge/subject.hbs", kept.clone()),
        ("templates/emails/webinar-nudge/text.hbs", kept.clone()),
        ("templates/sms/webinar-reminder.hbs", kept.clone()),
        // Inside the project, but not a template.
        (PAGE, "../../.dev.vars".into()),
        ("templates/pages/dangling.hbs", "nowhere".into()),
    ] {
        let project = Project::copied("links-out-one");
        fs::write(project.join(".dev.vars"), SECRET).unwrap();
        replace_by_link(&project, path, &target);
        refused(&project, &[path, "is a link"]);
    }
    fs::remove_file(kept).unwrap();
}

#[test]
fn symlink_to_disk_root_or_cycle_is_not_walked() {
    for (path, target) in [
        ("templates/pages/disk", "/"),
        ("templates/partials/disk", "/"),
        ("templates/emails/disk", "/"),
        ("templates/emails", "/"),
        ("templates/layouts", "/usr"),
        ("templates", "/"),
        ("templates/pages/up", ".."),
        ("templates/pages/here", "."),
        ("templates/emails/webinar-nudge/self", "../webinar-nudge"),
    ] {
        let project = Project::copied("links-to-disk");
        replace_by_link(&project, path, target);
        refused(&project, &[path, "is a link"]);
    }
}

#[test]
fn symlink_within_templates_is_followed() {
    let project = Project::copied("links-in");
    fs::rename(project.join(PAGE), project.join("templates/pages/real.hbs")).unwrap();
    replace_by_link(&project, PAGE, "real.hbs");
    fs::rename(
        project.join("templates/emails/webinar-nudge"),
        project.join("templates/emails/kept"),
    )
    .unwrap();
    replace_by_link(&project, "templates/emails/webinar-nudge", "kept");
    // Lock files that an editor leaves while a file is open.
    replace_by_link(&project, "templates/pages/.#webinar-guide.hbs", "ann@laptop.123:456");
    replace_by_link(&project, "campaigns/.#spring-webinar.toml", "ann@laptop.123:456");
    check(&project).ended(0);
}

#[test]
fn symlinked_campaign_outside_project_is_refused() {
    let project = Project::copied("campaign-links");
    let kept = outside(&project);
    replace_by_link(&project, "campaigns/spring-webinar.toml", &kept);
    refused(&project, &["campaigns/spring-webinar.toml", "is a link"]);
    let named = project.join("campaigns/spring-webinar.toml");
    let ran = dripline(&["check", named.to_str().unwrap()]).ended(1);
    assert!(ran.out.contains("is a link") && !ran.out.contains(SECRET), "{}", ran.out);
    fs::remove_file(kept).unwrap();
    replace_by_link(&project, "campaigns", "/");
    refused(&project, &["campaigns", "is a link"]);
}

#[test]
fn pipes_and_devices_are_refused_without_blocking() {
    for path in [
        PAGE,
        "templates/partials/pipe.hbs",
        "templates/emails/webinar-nudge/text.hbs",
        "campaigns/pipe.toml",
    ] {
        let project = Project::copied("pipes");
        let _ = fs::remove_file(project.join(path));
        assert!(Command::new("mkfifo").arg(project.join(path)).status().unwrap().success());
        refused(&project, &[path, "a pipe or a device, not a file"]);
    }
    let project = Project::copied("devices");
    replace_by_link(&project, PAGE, "/dev/zero");
    refused(&project, &[PAGE, "is a link"]);
    let _ = fs::remove_file(project.join(PAGE));
    fs::create_dir(project.join(PAGE)).unwrap();
    refused(&project, &["webinar"]);
}

#[test]
fn oversized_file_is_refused_unread() {
    let project = Project::copied("huge");
    // 1 TB, but sparse: it takes no space on the disk.
    let file = fs::File::create(project.join(PAGE)).unwrap();
    file.set_len(1 << 40).unwrap();
    refused(&project, &[PAGE, "1099511627776 bytes; the limit is"]);
}

#[test]
fn names_that_differ_only_in_case_are_refused() {
    let project = Project::copied("capitals");
    fs::copy(project.join(PAGE), project.join("templates/pages/Webinar-guide.hbs")).unwrap();
    refused(&project, &["`pages/Webinar-guide` and `pages/webinar-guide` differ only in capitals"]);
    let project = Project::copied("capitals-campaign");
    let campaign = project.join("campaigns/spring-webinar.toml");
    fs::copy(campaign, project.join("campaigns/Spring-Webinar.toml")).unwrap();
    refused(&project, &["Spring-Webinar.toml", "differ only in capitals"]);
}

#[test]
fn template_name_outside_its_folder_is_refused() {
    for name in ["../../etc/hostname", "pages/../../.dev.vars", "/etc/hostname", "pages/./webinar"]
    {
        let project = Project::copied("dots");
        fs::write(project.join(".dev.vars.hbs"), SECRET).unwrap();
        let campaign = project.join("campaigns/spring-webinar.toml");
        let text = fs::read_to_string(&campaign).unwrap();
        let changed = text.replacen(
            "template = \"pages/webinar-guide\"",
            &format!("template = \"{name}\""),
            1,
        );
        assert_ne!(text, changed);
        fs::write(campaign, changed).unwrap();
        refused(&project, &[name]);
    }
}
