//! A server that gives one scripted reply per connection, and a client that finds it behind every
//! provider's URL.

use dripline::flows::ports::Http;
use dripline::native::http::Client;
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long the client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(400);

/// What the server does with a request.
pub enum Reply {
    /// Answers with a status, further headers and a body.
    Answer(u16, Vec<String>, String),
    /// Stays silent for longer than any client waits.
    Silence,
    /// Answers with something that is not HTTP.
    Garbage,
    /// Closes the connection after half of the body.
    Half,
}

impl Reply {
    /// Reads `429 retry-after=7 {…}`, or `silence`, `garbage`, `half`.
    pub fn read(text: &str) -> Self {
        match text {
            "silence" => return Self::Silence,
            "garbage" => return Self::Garbage,
            "half" => return Self::Half,
            _ => {}
        }
        let (status, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut headers = Vec::new();
        while let Some((word, more)) = rest.split_once(' ')
            && let Some((name, value)) = word.split_once('=')
            && !word.starts_with(['{', '[', '<'])
        {
            headers.push(format!("{name}: {value}"));
            rest = more;
        }
        Self::Answer(status.parse().unwrap(), headers, rest.to_owned())
    }
}

/// A server that runs until it has given all its replies.
pub struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts to listen.
    pub fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let seen = received.clone();
        thread::spawn(move || {
            for reply in replies {
                let Ok((stream, _)) = listener.accept() else { return };
                serve(stream, reply, &seen);
            }
        });
        Self { address, received }
    }

    /// A client that sends every request to this server.
    pub fn client(&self) -> Redirected {
        Redirected { client: Client::new(PATIENCE), address: self.address }
    }

    /// The latest request, as received.
    pub fn received(&self) -> String {
        self.received.lock().unwrap().last().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, reply: Reply, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    seen.lock().unwrap().push(head + &String::from_utf8(body).unwrap());
    let text = match reply {
        Reply::Answer(status, headers, body) => {
            let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
            let length = body.len();
            format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            )
        }
        Reply::Garbage => "EHLO what is this\r\n".to_owned(),
        Reply::Half => "HTTP/1.1 200 X\r\ncontent-length: 900\r\n\r\n{\"id\": ".to_owned(),
        Reply::Silence => {
            thread::sleep(PATIENCE * 2);
            return;
        }
    };
    // A client that timed out does not read any more.
    let _ = stream.write_all(text.as_bytes());
}

/// A client that sends every request to one server.
pub struct Redirected {
    client: Client,
    address: SocketAddr,
}

impl Http for Redirected {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (_, rest) = request.url.split_once("://").unwrap();
        let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
        request.url = format!("http://{}{path}", self.address);
        let answer = self.client.send(request).await;
        // The error message contains the port, which differs each time.
        answer.map_err(|error| match error {
            HttpError::Network(_) => HttpError::Network("broken connection".to_owned()),
            timed_out => timed_out,
        })
    }
}
