//! Compiles each `*.mjml` of a folder to an `*.html` of another, for `bench/mjml.mjs`, which
//! compares how Chromium renders it with how it renders mjml's output.

use dripline::domain::template::compile_mjml;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let [from, to] = &folders[..] else { return Err("name two folders".into()) };
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(stem) = name.strip_suffix(".mjml") else { continue };
        match compile_mjml(&fs::read_to_string(&path)?) {
            Ok(html) => fs::write(Path::new(to).join(format!("{stem}.html")), html)?,
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(())
}
