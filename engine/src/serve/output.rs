//! All messages of the engine, in a single order, written by a single thread.

use std::io::{BufWriter, Write};

use crossbeam_channel::{Sender, bounded, unbounded};
use protocol::message::{FromEngine, Hello};
use protocol::wire;

enum Item {
    Hello(Hello),
    Message(FromEngine, Vec<u8>),
    Flush(Sender<()>),
}

/// The channel to the plugin. Clones share one writer thread.
#[derive(Clone)]
pub struct Output(Sender<Item>);

impl Output {
    /// Starts the writer thread. If the plugin has closed its end of the pipe, the process exits.
    pub fn start(to: impl Write + Send + 'static) -> Self {
        let (sender, items) = unbounded::<Item>();
        std::thread::spawn(move || {
            let mut to = BufWriter::with_capacity(1 << 16, to);
            for item in items {
                let written = match item {
                    Item::Hello(hello) => wire::greet(&mut to, &hello),
                    Item::Message(message, follows) => wire::send(&mut to, &message, &follows),
                    Item::Flush(done) => {
                        let _ = done.send(());
                        Ok(())
                    }
                };
                if written.is_err() {
                    std::process::exit(0);
                }
            }
        });
        Self(sender)
    }

    /// Sends the greeting, which identifies this build.
    pub fn greet(&self, hello: Hello) {
        let _ = self.0.send(Item::Hello(hello));
    }

    /// Sends a message, with the bytes that follow it.
    pub fn send(&self, message: FromEngine, follows: Vec<u8>) {
        let _ = self.0.send(Item::Message(message, follows));
    }

    /// Waits until everything that was sent before has been written.
    pub fn flush(&self) {
        let (done, written) = bounded(1);
        if self.0.send(Item::Flush(done)).is_ok() {
            let _ = written.recv();
        }
    }
}
