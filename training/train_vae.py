"""Train the decoder on crops of the drawn stills in all looks; the encoder is the linear code of encode_latents.py."""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from pocket.config import load_config, make_vae
from pocket.linear_code import LinearCode
from pocket.running import Run

# Rows: brightness, then blue and red difference, scaled up so that colour is not learnt last.
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
CHANNEL_GAIN = torch.tensor([1.0, 1.8, 1.8])


def take_crops(rng, stills, count: int, size: int) -> np.ndarray:
    """Random crops [count, size, size, 3] on the patch grid; photos are a third, their colours sometimes exchanged."""
    looks, height, width = stills.shape[1:4]
    crops = np.empty((count, size, size, 3), np.uint8)
    for i in range(count):
        look = 0 if rng.random() < 0.3 else rng.integers(looks)
        y, x = 8 * rng.integers((height - size) // 8 + 1), 8 * rng.integers((width - size) // 8 + 1)
        crop = stills[rng.integers(len(stills)), look, y : y + size, x : x + size]
        if look == 0 and rng.random() < 0.4:
            crop = crop[..., rng.permutation(3)]
        crops[i] = crop
    return crops


def picture_loss(result, target):
    """Absolute and squared error in a colour space with strong chroma, and the error of brightness steps."""
    error = torch.einsum("kc,nchw->nkhw", TO_YCC, result - target) * CHANNEL_GAIN[:, None, None]
    luma = error[:, :1]
    steps = (luma[..., 1:] - luma[..., :-1]).abs().mean() + (luma[..., 1:, :] - luma[..., :-1, :]).abs().mean()
    return 0.5 * error.abs().mean() + 2.0 * error.square().mean() + 0.25 * steps


@torch.no_grad()
def psnr_by_look(vae, stills) -> list[float]:
    """dB per look over whole pictures [S, looks, H, W, 3], without latent noise."""
    values = []
    for look in range(stills.shape[1]):
        pictures = torch.from_numpy(np.ascontiguousarray(stills[:, look])).permute(0, 3, 1, 2).float() / 127.5 - 1
        back = vae.decode(vae.encode(pictures)).clamp(-1, 1)
        error = ((back - pictures) / 2).square().mean(dim=(1, 2, 3))
        values.append(float((-10 * error.log10()).mean()))
    return values


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--config", type=Path, default=Path(__file__).parent / "config.toml")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=2, help="one is faster on a busy machine")
    options = arguments.parse_args()
    config = load_config(options.config)
    settings = config["vae"]
    torch.set_num_threads(options.threads)
    torch.manual_seed(config["seed"])
    stills = np.load(options.data / "stills.npy", mmap_mode="r")
    held_out = stills[-6:]
    stills = stills[: -config["data"]["held_out"]]

    vae = make_vae(config)
    code = LinearCode(**np.load(options.run / "code.npz"))
    code.install(vae)
    vae.statistics.eval()
    decoder = vae.decoder.to(memory_format=torch.channels_last)
    trained = [*decoder.parameters(), *vae.post_quant_conv.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=settings["learning_rate"], betas=(0.9, 0.95), weight_decay=1e-3)
    run = Run(options.run, "vae", settings["minutes"], settings["learning_rate"])
    run.resume(vae=vae, optimizer=optimizer)
    rng = np.random.default_rng([config["seed"], 4, run.step])
    run.log(f"{sum(p.numel() for p in decoder.parameters())} parameters in the decoder")
    last = []
    while run.tick(optimizer) < 1.0:
        finishing = run.progress > 0.8
        size, count = (settings["large_crop"], settings["batch"] // 4) if finishing else (settings["crop"], settings["batch"])
        crops = take_crops(rng, stills, count, size)
        pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        latents = torch.from_numpy(code.encode(crops)).contiguous(memory_format=torch.channels_last)
        noise = settings["latent_noise"] * rng.random() * torch.randn_like(latents)
        result = vae.decode(latents + noise)
        loss = picture_loss(result, pictures)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        last.append(loss.item())
        if run.step % 250 == 0:
            values = " ".join(f"{v:.1f}" for v in psnr_by_look(vae, held_out))
            run.log(f"loss {np.mean(last):.4f}, held-out dB by look {values}")
            last = []
        run.save(120, vae=vae, optimizer=optimizer)
    run.save(vae=vae, optimizer=optimizer)
    values = " ".join(f"{v:.1f}" for v in psnr_by_look(vae, held_out))
    run.log(f"done, held-out dB by look {values}")


if __name__ == "__main__":
    main()
