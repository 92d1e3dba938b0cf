"""A slide that comes into a watched folder piece by piece: whole there, or nothing of it.

It is written into a hidden folder, which no look into the watched folder sees, read as a slide when
it is whole, and only then linked to its name. Nothing of a name leads anywhere.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Final

from pathology.errors import OutputError, UploadRefused
from pathology.pipeline.watched_folder import TEMPORARY
from pathology.slides.find import SCAN_SUFFIXES, files_of, is_side_picture
from pathology.slides.open import examine
from pathology.slides.single_file import HEAD_BYTES, kind_of

ASIDE: Final = ".uploading-"
FORGOTTEN_S: Final = 6 * 3600.0
"""What a killed server left behind is taken away after so long without a change."""
LONGEST_NAME_BYTES: Final = 180
STRANGE: Final = re.compile(r"[^\w.()+-]+")
MANY_FILES: Final = frozenset({".mrxs", ".vms", ".vmu"})
KEPT_SUFFIXES: Final = (SCAN_SUFFIXES - MANY_FILES) | {".tif", ".tiff"}
PICTURE: Final = "field"
SUFFIX_OF: Final = {"aperio-svs": ".svs", "tiled-tiff": ".tif", "ome-tiff": ".ome.tif"}


def safe_name(name: str) -> str:
    """A file's name as it may stand in the folder: its words stay, so that they can be compared.

    Raises
    ------
    UploadRefused
        "name": nothing is left, it is too long, or a look into the folder would pass it over.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    safe = STRANGE.sub("_", shown).lstrip("._-~").rstrip("._-~")
    fit = 0 < len(safe.encode()) <= LONGEST_NAME_BYTES
    if not fit or TEMPORARY.fullmatch(safe) or is_side_picture(Path(safe)):
        raise UploadRefused("upload", "name")
    return safe


def check_head(head: bytes, name: str) -> None:
    """Refuse what is no slide in one file by its first bytes; UploadRefused says why.

    A name alone refuses only where it promises further files, which are not in the one at hand.
    """
    kind = kind_of(head[:HEAD_BYTES])
    if kind == "many-files" or Path(name).suffix.lower() in MANY_FILES:
        raise UploadRefused("upload", "many-files")
    if kind != "one-file":
        raise UploadRefused("upload", "picture" if kind == "picture" else "kind")


class IncomingFile:
    """One slide on its way. One thread writes at a time."""

    def __init__(self, root: Path, folder: str, name: str, size: int) -> None:
        self._root, self._folder, self._size = root, folder, size
        self._name, self._written = safe_name(name), 0
        self._digest = hashlib.sha256()
        if self._target(self._name).exists():
            raise UploadRefused("upload", "there")
        self._aside = root / f"{ASIDE}{secrets.token_hex(16)}"
        try:
            self._aside.mkdir(mode=0o700)
            self._file = (self._aside / self._name).open("xb")
        except OSError as cause:
            self.drop()
            raise _not_written(cause) from cause

    @property
    def left(self) -> int:
        """Bytes that have not come yet."""
        return self._size - self._written

    @property
    def sha256(self) -> str:
        """Of what has come."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """The next bytes; UploadRefused "cut" for more than were announced."""
        if len(data) > self.left:
            raise UploadRefused("upload", "cut")
        try:
            self._file.write(data)
        except OSError as cause:
            raise _not_written(cause) from cause
        self._digest.update(data)
        self._written += len(data)

    def keep(self) -> tuple[Path, str]:
        """Read it as a slide and put it in its place; where it is, and its format.

        Raises
        ------
        SlideUnreadable
            It is no slide, or damaged.
        UploadRefused
            It did not come whole, has further files, is a plain picture, or its name is taken.
        OutputError
            It cannot be put there.
        """
        try:
            if self.left:
                raise UploadRefused("upload", "cut")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            path = self._aside / self._name
            facts = examine(path, slide_id="upload")
            if facts.backend == PICTURE:
                raise UploadRefused("upload", "picture")
            if facts.files != (path,) or files_of(path) != (path,):
                raise UploadRefused("upload", "many-files")
            return self._placed(path, facts.format), facts.format
        except OSError as cause:
            raise _not_written(cause) from cause
        finally:
            self.drop()

    def drop(self) -> None:
        """Leave nothing behind but what was kept."""
        file = getattr(self, "_file", None)
        if file is not None:
            with suppress(OSError):  # its last bytes found no room: they are thrown away anyway
                file.close()
        shutil.rmtree(self._aside, ignore_errors=True)

    def _placed(self, path: Path, form: str) -> Path:
        name = self._name
        if path.suffix.lower() not in KEPT_SUFFIXES:  # a look into the folder goes by suffixes
            if form not in SUFFIX_OF:
                raise UploadRefused("upload", "name")
            name += SUFFIX_OF[form]
        target = self._target(name)
        target.parent.mkdir(exist_ok=True)
        try:
            target.hardlink_to(path)  # unlike a rename, never over another
        except FileExistsError as cause:
            raise UploadRefused("upload", "there") from cause
        except OSError:
            if target.exists():
                raise UploadRefused("upload", "there") from None
            path.rename(target)  # a share that knows no links
        return target.resolve()

    def _target(self, name: str) -> Path:
        return self._root / self._folder / name


def sweep(root: Path) -> None:
    """Take away what uploads of a killed server left in a watched folder."""
    for path in root.glob(f"{ASIDE}*"):
        try:
            newest = max(p.stat().st_mtime for p in (path, *path.iterdir()))
        except OSError:
            continue
        if time.time() - newest > FORGOTTEN_S and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _not_written(cause: OSError) -> OutputError:
    return OutputError(f"the watched folder takes no slide ({cause.strerror or 'error'})")
