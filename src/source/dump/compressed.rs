//! `.gz` and `.zst` by their first octets, opened on a thread of their own, so that reading and unpacking overlap.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// Octets of an unpacked block.
const BLOCK: usize = 1 << 18;
/// Blocks that wait for the reader.
const WAITING: usize = 8;
/// Unpacked octets for each packed one, above which input is taken for a bomb: DEFLATE cannot exceed 1,032, and lists of
/// certificates stay below 100.
const MAX_RATIO: u64 = 2_000;
/// Unpacked octets that are free of that test.
const SMALL: u64 = 256 << 20;
/// Window of a zstd stream, as a power of two: 128 MiB, what `zstd` itself opens without being told.
const ZSTD_WINDOW: u32 = 27;

/// The input itself, or what it unpacks to. One layer is unpacked.
pub(super) fn open(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    (&mut input).take(4).read_to_end(&mut magic)?;
    let packed = Arc::new(AtomicU64::new(0));
    let whole = Counted { octets: packed.clone(), inner: Cursor::new(magic.clone()).chain(input) };
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => {
            unpack(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BLOCK, whole)), packed)
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut decoder = zstd::stream::read::Decoder::new(whole)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            unpack(decoder, packed)
        }
        _ => Box::new(whole.inner),
    })
}

/// A reader that counts.
struct Counted<R> {
    inner: R,
    octets: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.inner.read(buffer)?;
        self.octets.fetch_add(octets as u64, Ordering::Relaxed);
        Ok(octets)
    }
}

/// Unpacks on a thread of its own; the reader sees the blocks in order, and the error that ended them.
fn unpack(mut decoder: impl Read + Send + 'static, packed: Arc<AtomicU64>) -> Box<dyn Read + Send> {
    let (send, blocks) = sync_channel::<io::Result<Vec<u8>>>(WAITING);
    std::thread::spawn(move || {
        let mut unpacked = 0;
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            let result = (&mut decoder).take(BLOCK as u64).read_to_end(&mut block);
            unpacked += block.len() as u64;
            let bomb = unpacked > SMALL && unpacked / packed.load(Ordering::Relaxed).max(1) > MAX_RATIO;
            let (ended, fault) = match result {
                Ok(octets) => {
                    (octets == 0, bomb.then(|| io::Error::other("it unpacks to 2,000 times its size and more")))
                }
                Err(error) => (false, Some(error)),
            };
            // A reader that went away wants no more. What was unpacked before a fault is good.
            let gone = !block.is_empty() && send.send(Ok(block)).is_err();
            if let Some(fault) = fault {
                let _ = send.send(Err(fault));
                return;
            }
            if gone || ended {
                return;
            }
        }
    });
    Box::new(Blocks { blocks, block: Cursor::default() })
}

struct Blocks {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Cursor<Vec<u8>>,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let octets = self.block.read(buffer)?;
            if octets > 0 {
                return Ok(octets);
            }
            match self.blocks.recv() {
                Ok(block) => self.block = Cursor::new(block?),
                Err(_) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn read_all(packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        open(Cursor::new(packed))?.read_to_end(&mut out).map(|_| out)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_gzip_and_zstd_read_alike() {
        let text = b"a.example\n".repeat(200_000);
        let two_members = [gzip(&text[..1000]), gzip(&text[1000..])].concat();
        for packed in [text.clone(), gzip(&text), two_members, zstd::encode_all(&text[..], 3).unwrap()] {
            assert!(read_all(packed).unwrap() == text);
        }
        assert_eq!(read_all(b"ab".to_vec()).unwrap(), b"ab");
    }

    #[test]
    fn a_cut_file_gives_what_was_whole_and_then_its_error() {
        let text = b"a.example\n".repeat(200_000);
        let packed = gzip(&text);
        let mut out = Vec::new();
        let result = open(Cursor::new(packed[..packed.len() / 2].to_vec())).unwrap().read_to_end(&mut out);
        assert!(result.is_err() && !out.is_empty() && text.starts_with(&out));
    }

    #[test]
    fn a_bomb_is_stopped() {
        let bomb = zstd::encode_all(io::repeat(b'[').take(1 << 30), 3).unwrap();
        assert!(bomb.len() < 1 << 20);
        let result = io::copy(&mut open(Cursor::new(bomb)).unwrap(), &mut io::sink());
        assert!(result.unwrap_err().to_string().contains("2,000 times"));
    }
}
