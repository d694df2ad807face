"""Write caption_tokens.json: the CLIP byte-pair ids of every caption word.

The vocabulary file (bpe_simple_vocab_16e6.txt, one merge a line after the first) is not part of the project; the
Rust crate instant-clip-tokenizer carries a copy. All caption words are lower-case ASCII, so bytes are letters.
"""

import argparse
import json
from pathlib import Path

from pocket.captions import all_words
from pocket.tokens import TABLE

MERGES = 49152 - 256 - 2


def byte_letters() -> list[str]:
    """The 256 symbols of the byte alphabet in CLIP's order: printable ones first, the rest from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]


def load(path: Path):
    """-> (id of every symbol, rank of every merge)."""
    lines = path.read_text(encoding="utf-8").split("\n")[1 : MERGES + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = byte_letters()
    symbols = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    return {s: i for i, s in enumerate(symbols)}, {pair: rank for rank, pair in enumerate(merges)}


def encode(word: str, ids, ranks) -> list[int]:
    parts = [*word[:-1], word[-1] + "</w>"]
    while len(parts) > 1:
        rank, at = min((ranks.get((a, b), len(ranks)), i) for i, (a, b) in enumerate(zip(parts, parts[1:])))
        if rank == len(ranks):
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return [ids[part] for part in parts]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("vocabulary", type=Path)
    ids, ranks = load(arguments.parse_args().vocabulary)
    table = {word: encode(word, ids, ranks) for word in sorted(all_words())}
    TABLE.write_text(json.dumps(table, indent=0) + "\n")
    print(f"{len(table)} words, {len({t for v in table.values() for t in v})} tokens")


if __name__ == "__main__":
    main()
