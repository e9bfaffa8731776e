//! gzip and zstd, recognised by their first octets and decompressed on a thread of their own, under limits.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::read::MultiGzDecoder;

/// Octets handed over at a time, and how many such blocks are under way: half a MiB each way.
const BLOCK: usize = 128 << 10;
const BLOCKS: usize = 4;
/// Octets asked of a decoder at a time: where it finds a fault it keeps to itself what it had for that call.
const PIECE: usize = 4 << 10;
/// Windows of zstd up to 128 MiB, as the zstd program allows without being asked.
const WINDOW_LOG: u32 = 27;
/// Octets that may come out in any case; beyond them the ratio counts.
const FREE: u64 = 256 << 20;
/// Octets that may come out for each that went in: dumps of CT data reach 20 to 60, bombs 1000 and more.
const RATIO: u64 = 250;
/// Octets that may come out in all.
const MAX_OUTPUT: u64 = 1 << 40;

/// The input as it is, or decompressed if it starts like gzip or zstd.
///
/// # Errors
/// Its first octets cannot be read, or no thread can be started.
pub fn open(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read>> {
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first)?;
    let whole = Counted { input: Cursor::new(first.clone()).chain(input), octets: Shared::default() };
    let octets = whole.octets.clone();
    match first.as_slice() {
        [0x1f, 0x8b, ..] => spawn(move || Ok(MultiGzDecoder::new(whole)), octets),
        // A frame, or one to skip, as pzstd writes before each (RFC 8878 §3.1.2).
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let decoder = move || {
                let mut decoder = zstd::stream::read::Decoder::new(whole)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Ok(decoder)
            };
            spawn(decoder, octets)
        }
        _ => Ok(Box::new(whole)),
    }
}

type Shared = std::sync::Arc<std::sync::atomic::AtomicU64>;

/// Counts what was taken of the compressed input.
struct Counted<R> {
    input: R,
    octets: Shared,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.input.read(buffer)?;
        self.octets.fetch_add(octets as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(octets)
    }
}

fn spawn<R: Read + 'static>(
    decoder: impl FnOnce() -> io::Result<R> + Send + 'static,
    taken: Shared,
) -> io::Result<Box<dyn Read>> {
    let (blocks, received) = sync_channel(BLOCKS);
    let (back, used) = sync_channel(BLOCKS + 2);
    thread::Builder::new().name("decompress".to_owned()).spawn(move || match decoder() {
        Ok(decoder) => pump(decoder, &taken, &blocks, &used),
        Err(error) => drop(blocks.send(Err(error))),
    })?;
    Ok(Box::new(Decompressed { received, back, block: Vec::new(), at: 0 }))
}

/// Decompresses until the end, a fault, a bound, or until nobody listens any more. What came before a fault is good.
fn pump(mut decoder: impl Read, taken: &Shared, blocks: &SyncSender<io::Result<Vec<u8>>>, used: &Receiver<Vec<u8>>) {
    let mut out = 0_u64;
    loop {
        let mut block = used.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        let (octets, mut fault) = fill(&mut decoder, &mut block);
        block.truncate(octets);
        out += octets as u64;
        let ratio = out / taken.load(std::sync::atomic::Ordering::Relaxed).max(1);
        if out > MAX_OUTPUT || (out > FREE && ratio > RATIO) {
            let message = format!("a decompression bomb: {out} octets came out at {ratio} for 1");
            fault = Some(io::Error::other(message));
            block.clear();
        }
        let end = octets == 0 || fault.is_some();
        if blocks.send(Ok(block)).is_err() {
            return;
        }
        if end {
            // Whoever stopped listening needs no reason.
            drop(fault.map(|fault| blocks.send(Err(fault))));
            return;
        }
    }
}

/// As much as fits, and the fault that kept it from being more.
fn fill(decoder: &mut impl Read, block: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < block.len() {
        let end = block.len().min(filled + PIECE);
        match decoder.read(&mut block[filled..end]) {
            Ok(0) => break,
            Ok(octets) => filled += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// The listening end.
struct Decompressed {
    received: Receiver<io::Result<Vec<u8>>>,
    back: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            // A closed channel is the end.
            let Ok(next) = self.received.recv() else { return Ok(0) };
            let used = std::mem::replace(&mut self.block, next?);
            drop(self.back.try_send(used));
            self.at = 0;
        }
        let octets = (self.block.len() - self.at).min(buffer.len());
        buffer[..octets].copy_from_slice(&self.block[self.at..self.at + octets]);
        self.at += octets;
        Ok(octets)
    }
}
