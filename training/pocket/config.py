"""The configuration file and the networks it describes."""

import tomllib
from pathlib import Path

from .control import ControlNet
from .motion import MotionModule
from .text import TextModel
from .unet import UNet, UNetShape
from .vae import Autoencoder, VaeShape


ROUNDS = ("coupling", "coupling_again", "coupling_steady")  # of train_coupling.py: sections of the configuration, names of the checkpoints


def load_config(path: Path) -> dict:
    return tomllib.loads(Path(path).read_text())


def make_vae(config) -> Autoencoder:
    model = config["model"]
    return Autoencoder(VaeShape(tuple(model["vae_widths"]), model["latent_channels"]))


def make_text(config) -> TextModel:
    return TextModel(config["model"]["text_width"], config["model"]["text_layers"])


def make_unet(config) -> UNet:
    model = config["model"]
    return UNet(UNetShape(model["latent_channels"], tuple(model["unet_widths"]), model["text_width"]))


def make_motion(config) -> MotionModule:
    return MotionModule(config["model"]["unet_widths"], length=config["model"]["motion_length"])


def make_control(unet: UNet) -> ControlNet:
    return ControlNet(unet)
