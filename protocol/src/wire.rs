//! Wire format: `length of the message, length of the payload, message, payload`.
//!
//! Both lengths are little-endian u32, the message is encoded with postcard, and the payload is raw bytes.
//! Both sides belong to one bundle on one machine, so pictures use the native byte order.

use std::io::{ErrorKind, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use frame::Rgb;

use super::message::{Extent, Hello, Side};

/// Sent first, so that an unrelated program on the other end is detected at once.
const MAGIC: [u8; 8] = *b"UNSAMPLE";

/// Maximum length of a message in bytes. Prompts and keyframed numbers of the longest segments are far below
/// it.
const LONGEST_MESSAGE: usize = 64 << 20;

/// Maximum length of a payload in bytes: enough for a picture of 8192 x 8192 pixels, but not 16384 x 16384.
const LONGEST_PICTURE: usize = 1 << 30;

/// Why nothing can be exchanged with the other side.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side closed the connection between two messages.
    #[error("the connection was closed")]
    Closed,
    /// The connection was closed within a message, or an I/O error occurred.
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// The bytes received are not a valid message.
    #[error("what came is no message: {0}")]
    Nonsense(String),
    /// The message is too long to send.
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
}

/// Writes the magic bytes and the first message.
///
/// # Errors
/// I/O errors of the writer.
pub fn greet(to: &mut impl Write, hello: &Hello) -> Result<(), WireError> {
    to.write_all(&MAGIC)?;
    send(to, hello, &[])
}

/// Reads the magic bytes and the first message, and checks that the sender is `side`.
///
/// # Errors
/// [`WireError`] if anything else is received, or nothing.
pub fn greeted(from: &mut impl Read, side: Side) -> Result<Hello, WireError> {
    let mut magic = [0; MAGIC.len()];
    read_start(from, &mut magic)?;
    if magic != MAGIC {
        return Err(WireError::Nonsense("it begins with other bytes".to_owned()));
    }
    let (hello, _) = receive::<Hello>(from)?;
    if hello.side == side {
        Ok(hello)
    } else {
        Err(WireError::Nonsense("it returns what it is sent".to_owned()))
    }
}

/// Encodes a message with postcard.
///
/// # Errors
/// The message contains a type that postcard cannot encode.
pub fn bytes(message: &impl Serialize) -> Result<Vec<u8>, WireError> {
    postcard::to_stdvec(message).map_err(|e| WireError::Nonsense(e.to_string()))
}

/// Writes a message and its payload.
///
/// # Errors
/// [`WireError::TooLong`], and I/O errors of the writer.
pub fn send(to: &mut impl Write, message: &impl Serialize, follows: &[u8]) -> Result<(), WireError> {
    let bytes = bytes(message)?;
    let short = |length: usize, most: usize| match u32::try_from(length) {
        Ok(short) if length <= most => Ok(short),
        _ => Err(WireError::TooLong(length)),
    };
    let lengths = [short(bytes.len(), LONGEST_MESSAGE)?, short(follows.len(), LONGEST_PICTURE)?];
    for length in lengths {
        to.write_all(&length.to_le_bytes())?;
    }
    to.write_all(&bytes)?;
    to.write_all(follows)?;
    Ok(to.flush()?)
}

/// Reads a message and its payload.
///
/// # Errors
/// [`WireError::Closed`] at the end of the stream, otherwise the cause.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> Result<(T, Vec<u8>), WireError> {
    let mut lengths = [0; 8];
    read_start(from, &mut lengths)?;
    let [first, second] = [0, 4].map(|at| {
        let bytes = [lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]];
        u32::from_le_bytes(bytes) as usize
    });
    if first > LONGEST_MESSAGE || second > LONGEST_PICTURE {
        return Err(WireError::Nonsense(format!("its length would be {first} and {second} bytes")));
    }
    let bytes = read(from, first)?;
    let (message, rest) =
        postcard::take_from_bytes(&bytes).map_err(|e| WireError::Nonsense(e.to_string()))?;
    if !rest.is_empty() {
        return Err(WireError::Nonsense(format!("{} bytes are left over", rest.len())));
    }
    Ok((message, read(from, second)?))
}

/// Reads bytes at a message boundary, where the stream may end.
fn read_start(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), WireError> {
    let mut filled = 0;
    while filled < bytes.len() {
        match from.read(&mut bytes[filled..]) {
            Ok(0) if filled == 0 => return Err(WireError::Closed),
            Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads `length` bytes. Memory is allocated as they arrive, so that an invalid length does not allocate it.
fn read(from: &mut impl Read, length: usize) -> Result<Vec<u8>, WireError> {
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// Values of a picture as bytes, and its size.
pub fn picture_bytes(picture: &Rgb) -> (Extent, Vec<u8>) {
    let extent = Extent { width: picture.width, height: picture.height };
    (extent, picture.data.iter().flat_map(|value| value.to_ne_bytes()).collect())
}

/// Converts bytes to a picture of this size.
///
/// # Errors
/// The number of bytes does not match the size.
pub fn picture(extent: Extent, bytes: &[u8]) -> Result<Rgb, WireError> {
    let Extent { width, height } = extent;
    let (values, rest) = bytes.as_chunks::<4>();
    let wanted = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
    if wanted != Some(values.len()) || !rest.is_empty() {
        return Err(WireError::Nonsense(format!(
            "{} bytes came for a picture of {width} x {height} pixels",
            bytes.len()
        )));
    }
    Ok(Rgb { width, height, data: values.iter().map(|value| f32::from_ne_bytes(*value)).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::message::FromEngine;
    use super::*;
    use proptest::prelude::*;

    fn sent() -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, &FromEngine::Cleared(7, 9, 0), b"abc").unwrap();
        bytes
    }

    #[test]
    fn messages_come_as_they_were_sent_until_the_end() {
        let mut bytes = sent();
        send(&mut bytes, &FromEngine::Progress(7, 0.5, "Decoding".to_owned()), &[]).unwrap();
        let from = &mut &bytes[..];
        let (first, follows) = receive::<FromEngine>(from).unwrap();
        assert_eq!((first, &follows[..]), (FromEngine::Cleared(7, 9, 0), &b"abc"[..]));
        let (second, follows) = receive::<FromEngine>(from).unwrap();
        assert_eq!(second, FromEngine::Progress(7, 0.5, "Decoding".to_owned()));
        assert!(follows.is_empty());
        assert!(matches!(receive::<FromEngine>(from), Err(WireError::Closed)));
    }

    #[test]
    fn what_is_cut_off_is_no_end() {
        let bytes = sent();
        for length in 1..bytes.len() {
            let result = receive::<FromEngine>(&mut &bytes[..length]);
            assert!(matches!(result, Err(WireError::Broken(_))), "{length}: {result:?}");
        }
    }

    #[test]
    fn a_length_beyond_all_measure_takes_no_memory() {
        let bytes = [u32::MAX.to_le_bytes(), [0; 4]].concat();
        assert!(matches!(receive::<FromEngine>(&mut &bytes[..]), Err(WireError::Nonsense(_))));
        let large = [8u32.to_le_bytes(), (LONGEST_PICTURE as u32).to_le_bytes()].concat();
        assert!(matches!(receive::<FromEngine>(&mut &large[..]), Err(WireError::Broken(_))));
    }

    #[test]
    fn a_greeting_is_told_from_other_programs() {
        let mut bytes = Vec::new();
        let hello = Hello { side: Side::Engine, build: "1.0 abc".to_owned() };
        greet(&mut bytes, &hello).unwrap();
        assert_eq!(greeted(&mut &bytes[..], Side::Engine).unwrap(), hello);
        assert!(matches!(greeted(&mut &bytes[..], Side::Plugin), Err(WireError::Nonsense(_))));
        assert!(matches!(greeted(&mut &b"Usage: program"[..], Side::Engine), Err(WireError::Nonsense(_))));
        assert!(matches!(greeted(&mut &b""[..], Side::Engine), Err(WireError::Closed)));
    }

    #[test]
    fn pictures_keep_every_bit() {
        let data = (0..18).map(|i| if i == 7 { f32::NAN } else { i as f32 / 7.0 }).collect();
        let original = Rgb { width: 3, height: 2, data };
        let (extent, bytes) = picture_bytes(&original);
        let bits = |picture: &Rgb| picture.data.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&picture(extent, &bytes).unwrap()), bits(&original));
        assert!(picture(extent, &bytes[1..]).is_err());
        assert!(picture(Extent { width: usize::MAX, height: 2 }, &bytes).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_are_more_than_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = receive::<super::super::message::ToEngine>(&mut &bytes[..]);
            let _ = greeted(&mut &bytes[..], Side::Engine);
        }
    }
}
