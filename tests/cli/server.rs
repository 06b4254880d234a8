//! A minimal server that gives scripted answers, one per connection.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::{JoinHandle, spawn};

/// A request as received.
pub struct Request {
    /// `POST /path`.
    pub line: String,
    /// The headers in lower case.
    pub headers: String,
    pub body: String,
}

/// Answers one request per given answer. Returns the server's address and the requests it got.
pub fn serve(answers: Vec<(u16, String)>) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = spawn(move || {
        let answer = |(status, body): (u16, String)| {
            let (stream, _) = listener.accept().unwrap();
            let request = read(BufReader::new(&stream));
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            (&stream).write_all(format!("{head}{body}").as_bytes()).unwrap();
            request
        };
        answers.into_iter().map(answer).collect()
    });
    (url, requests)
}

/// The address of a port where nothing listens.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn read(mut from: impl BufRead) -> Request {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    let mut headers = String::new();
    while from.read_line(&mut headers).unwrap() > 2 {}
    let headers = headers.to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    from.read_exact(&mut body).unwrap();
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Request { line, headers, body: String::from_utf8(body).unwrap() }
}
