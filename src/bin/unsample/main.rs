//! The command line.
mod host;
mod io;
fn main() {
    let mut args = std::env::args().skip(1).map(std::path::PathBuf::from);
    let source = io::open(&args.next().unwrap()).unwrap();
    let info = source.info().clone();
    println!("{info:?}");
    let out = args.next().unwrap();
    let mut sink = io::create(&out, &io::Target { frames: info.frames, info: info.clone() }).unwrap();
    for n in 1..=info.frames {
        sink.write(n, &source.frame(n).unwrap()).unwrap();
    }
    sink.finish().unwrap();
}
