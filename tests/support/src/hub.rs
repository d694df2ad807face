//! A Hugging Face hub on the loopback interface. It redirects large files to another address, serves ranges,
//! and breaks off connections when told to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A file of the hub, with the response to a request for it.
#[derive(Clone)]
pub struct Served {
    /// Contents of the file.
    pub bytes: Vec<u8>,
    /// ETag of the file: for LFS files, their SHA-256.
    pub tag: String,
    /// Status of every response; `None` for success.
    pub status: Option<u16>,
}

/// State shared by the hub and the test.
#[derive(Default)]
struct HubState {
    files: HashMap<String, Served>,
    /// Number of bytes after which each of the next downloads breaks off.
    cuts: Vec<usize>,
    /// Offset of the first byte of each download.
    starts: Vec<usize>,
}

/// The hub; it runs until the test process exits.
pub struct Hub {
    /// Base URL of the hub.
    pub url: String,
    state: Arc<Mutex<HubState>>,
}

impl Hub {
    /// A hub without files.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(HubState::default()));
        let (shared, base) = (state.clone(), url.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (shared, base) = (shared.clone(), base.clone());
                // A client that disconnects is not an error.
                std::thread::spawn(move || answer(&connection, &shared, &base));
            }
        });
        Self { url, state }
    }

    /// Adds a file to a repository.
    pub fn put(&self, repository: &str, path: &str, file: Served) {
        self.state.lock().expect("no test panicked").files.insert(format!("{repository}/{path}"), file);
    }

    /// Makes the next downloads break off after these numbers of bytes.
    pub fn cut(&self, after: &[usize]) {
        self.state.lock().expect("no test panicked").cuts = after.to_vec();
    }

    /// Offsets of the first byte of the downloads since the last call.
    pub fn starts(&self) -> Vec<usize> {
        std::mem::take(&mut self.state.lock().expect("no test panicked").starts)
    }
}

fn answer(connection: &TcpStream, state: &Mutex<HubState>, base: &str) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let mut writer = connection;
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut range = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        if name.eq_ignore_ascii_case("range") {
            let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
            range = Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()));
        }
    }
    let at_store = path.strip_prefix("/store/");
    let name = match at_store {
        Some(name) => name.to_owned(),
        None => path.strip_prefix('/')?.replacen("/resolve/main/", "/", 1),
    };
    let (file, cut) = {
        let mut state = state.lock().ok()?;
        let file = state.files.get(&name).cloned();
        let mut cut = None;
        if at_store.is_some() && matches!(range, Some((_, None))) {
            state.starts.push(range?.0);
            if !state.cuts.is_empty() {
                cut = Some(state.cuts.remove(0));
            }
        }
        (file, cut)
    };
    let Some(file) = file else {
        return write!(writer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok();
    };
    if let Some(status) = file.status {
        return write!(writer, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    }
    if at_store.is_none() {
        return write!(
            writer,
            "HTTP/1.1 302 Found\r\nLocation: {base}/store/{name}\r\nX-Repo-Commit: 0123abcd\r\nX-Linked-Etag: \"{}\"\r\n\
             ETag: \"other\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            file.tag
        )
        .ok();
    }
    let size = file.bytes.len();
    let (first, last) = range.map_or((0, size - 1), |(first, last)| (first, last.unwrap_or(size - 1)));
    if first >= size {
        return write!(writer, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    }
    let part = &file.bytes[first..=last.min(size - 1)];
    write!(
        writer,
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{}/{size}\r\nContent-Length: {}\r\nETag: \"store\"\r\n\
         Connection: close\r\n\r\n",
        first + part.len() - 1,
        part.len()
    )
    .ok()?;
    writer.write_all(&part[..cut.unwrap_or(part.len()).min(part.len())]).ok()
}
