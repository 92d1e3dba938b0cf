"""Whether a file would lie on a network share, where SQLite must not be."""

from __future__ import annotations

import re
from pathlib import Path

SHARES = re.compile(
    r"nfs4?|cifs|smb[23]?|smbfs|afs|ncpfs|9p|virtiofs|vboxsf|prl_fs|vmhgfs|ceph|glusterfs|lustre|"
    r"gpfs|beegfs(_nodev)?|pvfs2|orangefs|gfs2|ocfs2|davfs2?|coda"
)
"""File systems that other machines write to at the same time; SQLite's manual, "How To Corrupt An
SQLite Database File", section 2.1: their locks are not to be trusted."""
LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuseblk", "fusectl"})
"""Every other fuse.* (sshfs, s3fs, rclone, ...) may be remote and counts as a share."""
MOUNTS = Path("/proc/mounts")


def share_of(file: Path, mounts: Path | None = None) -> str | None:
    """The kind of network share that ``file`` would lie on, None for a disk of this machine.

    Links are followed; a file that does not exist lies where its folder does. Where the table of
    mounts cannot be read (not Linux), nothing is known and None is the answer.
    """
    try:
        table = (mounts or MOUNTS).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    place = file.resolve()
    best, kind = -1, ""
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_plain(fields[1]))
        # A later mount on the same point lies over the earlier one.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind if _is_share(kind) else None


def _is_share(kind: str) -> bool:
    return SHARES.fullmatch(kind) is not None or (
        kind.startswith("fuse") and kind not in LOCAL_FUSE
    )


def _plain(field: str) -> str:
    r"""Blanks stand in the table as octal escapes (``\040``)."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
