"""Packs reference data of the tests into compressed JSON: names and shapes of the tensors of published weight files, tables
of equivalent tensor names, and number lists of the reference workflow.

    python3 tests/golden/pack.py MANIFESTS VECTORS

MANIFESTS contains a JSON file for each layout with a member `tensors`, and in maps/ the tables of names; VECTORS contains
sigmas.json, vectors.json and windows.json. Only names and numbers are kept. docs/building.md says when to do this.
"""

import gzip
import json
import pathlib
import sys


def write(name, content):
    """Writes without a time stamp, so that the same data gives the same file."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    path = pathlib.Path(__file__).parent / name
    path.write_bytes(gzip.compress(text, 9, mtime=0))
    print(path, len(text), "bytes,", path.stat().st_size, "packed")


def main(manifests, vectors):
    packed = {}
    for path in sorted(manifests.glob("*.json")):
        # The order of a file's tensors is part of the data, too.
        packed[path.name] = {"tensors": list(json.loads(path.read_text())["tensors"].items())}
    for path in sorted((manifests / "maps").glob("*.json")):
        table = json.loads(path.read_text())
        if "rules" in table:
            table = {"rules": [rule[:2] for rule in table["rules"]]}
        else:
            table = {name: {"lora_names": entry["lora_names"]} for name, entry in table.items() if "lora_names" in entry}
        packed["maps/" + path.name] = table
    write("manifests.json.gz", packed)
    write("vectors.json.gz", {name: json.loads((vectors / name).read_text()) for name in ("sigmas.json", "vectors.json", "windows.json")})


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
