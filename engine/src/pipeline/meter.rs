//! Measures the peak memory use of a stage by polling every few milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use candle_core::Device;

/// The polling interval.
const PAUSE: Duration = Duration::from_millis(5);

/// Polls the memory in use until it is dropped.
pub struct Meter {
    shared: Arc<Shared>,
    device: Device,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    peak: AtomicU64,
}

impl Meter {
    /// A meter for this device's memory; for the CPU, the main memory of this process. `None` if the system does not report it.
    pub fn start(device: &Device) -> Option<Self> {
        used(device)?;
        let shared = Arc::new(Shared::default());
        let (looking, place) = (shared.clone(), device.clone());
        let look = move || {
            while !looking.stop.load(Ordering::Relaxed) {
                looking.peak.fetch_max(used(&place).unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        };
        let thread = std::thread::Builder::new().name("unsample meter".to_owned()).spawn(look).ok()?;
        Some(Self { shared, device: device.clone(), thread: Some(thread) })
    }

    /// The peak in bytes since the last call, or since the start.
    pub fn take(&self) -> u64 {
        let now = used(&self.device).unwrap_or(0);
        self.shared.peak.swap(now, Ordering::Relaxed).max(now)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Bytes in use: on a GPU by all processes, in main memory by this process.
fn used(device: &Device) -> Option<u64> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(cuda) = device {
        cuda.cuda_stream().context().bind_to_thread().ok()?;
        let (free, total) = candle_core::cuda_backend::cudarc::driver::result::mem_get_info().ok()?;
        return Some((total - free) as u64);
    }
    let _ = device;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_large_block_shows_and_is_forgotten() {
        const BLOCK: usize = 512 << 20;
        let meter = Meter::start(&Device::Cpu).unwrap();
        let before = meter.take();
        let block = vec![1u8; BLOCK];
        std::thread::sleep(PAUSE * 20);
        assert_eq!(block.iter().step_by(4096).map(|v| usize::from(*v)).sum::<usize>(), BLOCK / 4096);
        drop(block);
        // Other tests run at the same time, but none of them allocates or frees half of that.
        assert!(meter.take() > before + BLOCK as u64 / 2);
        std::thread::sleep(PAUSE * 4);
        assert!(meter.take() < before + BLOCK as u64 / 2);
    }
}
