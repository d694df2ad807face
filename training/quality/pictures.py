"""Contact sheets. Only those of drawn clips go into the repository; footage has other owners."""

from pathlib import Path

import cv2
import numpy as np

LIMIT = 1_500_000  # bytes of all committed pictures together
LABEL = 16  # pixels


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
    """[H, W, 3] with a line of text above."""
    bar = np.full((LABEL, picture.shape[1], 3), 24, np.uint8)
    cv2.putText(bar, text, (3, LABEL - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def small(picture: np.ndarray, width: int = 160) -> np.ndarray:
    height = round(picture.shape[0] * width / picture.shape[1])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def sheet(rows: list[list[tuple[str, np.ndarray]]]) -> np.ndarray:
    """Rows of labelled pictures, all of one size."""
    return np.vstack([np.hstack([labelled(small(picture), text) for text, picture in row]) for row in rows])


def save_all(sheets: dict[str, np.ndarray], folder: Path, limit: int = LIMIT) -> list[str]:
    """Writes NAME.jpg, at the highest quality that the size limit allows; returns the names of the files.

    Raises ValueError if they are too large even at the lowest quality.
    """
    for quality in (88, 78, 65, 50):
        coded = {f"{name}.jpg": cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
                 for name, picture in sheets.items()}
        if sum(map(len, coded.values())) < limit:
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in coded.items():
                (folder / name).write_bytes(data)
            return list(coded)
    raise ValueError(f"the pictures come to more than {limit} bytes")
