"""Token ids of captions, from a small table of whole words (made by make_token_table.py from CLIP's vocabulary)."""

import json
from pathlib import Path

import torch

from .text import END, POSITIONS, START

TABLE = Path(__file__).parent.parent / "caption_tokens.json"


class CaptionTokens:
    """Knows the words of the captions and no others."""

    def __init__(self, table: Path = TABLE):
        self.ids: dict[str, list[int]] = json.loads(table.read_text())

    def used(self) -> set[int]:
        return {START, END} | {token for tokens in self.ids.values() for token in tokens}

    def encode(self, captions: list[str]) -> torch.Tensor:
        """-> [N, 77] int64: start, words, end, padded with end."""
        rows = []
        for caption in captions:
            tokens = [START]
            for word in caption.lower().replace(",", " , ").split():
                tokens += self.ids[word]
            rows.append(tokens + [END] * (POSITIONS - len(tokens)))
        return torch.tensor(rows)
