//! Files that are no tables as text, recognised by their first bytes.

use super::problem::OtherFile;

/// Returns what a file with this beginning really is; `None` if it may be a table.
pub(super) fn other_file(head: &[u8]) -> Option<OtherFile> {
    let begins = |signs: &[u8]| head.starts_with(signs);
    if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
        let has = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
        return Some(match has(b"xl/") || has(b"[Content_Types].xml") {
            true => OtherFile::Workbook,
            false => OtherFile::Archive,
        });
    }
    if begins(b"\xD0\xCF\x11\xE0") {
        return Some(OtherFile::Workbook);
    }
    let archives: [&[u8]; 4] = [b"\x1F\x8B", b"7z\xBC\xAF", b"Rar!\x1A", b"BZh"];
    if archives.iter().any(|sign| begins(sign)) {
        return Some(OtherFile::Archive);
    }
    let others: [&[u8]; 6] =
        [b"%PDF-", b"\x89PNG", b"\xFF\xD8\xFF", b"GIF8", b"{\\rtf", b"SQLite format 3\0"];
    if others.iter().any(|sign| begins(sign)) {
        return Some(OtherFile::Document);
    }
    if begins(b"\xFF\xFE\0\0") || begins(b"\0\0\xFE\xFF") {
        return Some(OtherFile::Utf32);
    }
    markup_or_json(head)
}

fn markup_or_json(head: &[u8]) -> Option<OtherFile> {
    // In UTF-16, every other byte of these signs is zero.
    let head = &head[..head.len().min(1024)];
    let text: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    let mut text = text.as_slice();
    for mark in [b"\xEF\xBB\xBF".as_slice(), b"\xFF\xFE", b"\xFE\xFF"] {
        text = text.strip_prefix(mark).unwrap_or(text);
    }
    let text = text.trim_ascii_start();
    let names: [&[u8]; 8] =
        [b"<!", b"<?xml", b"<html", b"<head", b"<meta", b"<body", b"<table", b"<style"];
    let is = |name: &[u8]| text.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
    if names.iter().any(|name| is(name)) {
        return Some(OtherFile::Markup);
    }
    let inner = text.strip_prefix(b"[")?.trim_ascii_start();
    inner.starts_with(b"{").then_some(OtherFile::JsonList)
}
