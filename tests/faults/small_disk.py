"""A folder on a small disk of its own, which can be filled, freed and made read-only.

As root it is a tmpfs whose size is changed while files lie on it. Where nothing may be mounted, a full disk is played by RLIMIT_FSIZE (no
file may grow beyond what is left) and a read-only folder by its permissions, which bind everybody but root.
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOMY = 1 << 30
PAGE = 4096
SHRINKS = 20


class Disk:
    """`folder` on a disk of its own; `how` says by what."""

    def __init__(self, folder: Path, mode: int = 0o755) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.how = "tmpfs" if _mount("-t", "tmpfs", "-o", f"size={ROOMY},mode={mode:o}", "trueorder-test", str(folder)) else "limit"

    @property
    def can_be_read_only(self) -> bool:
        """Permissions do not bind root."""
        return self.how == "tmpfs" or os.geteuid() != 0

    def used(self) -> int:
        """Bytes taken."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    @contextmanager
    def full(self, left: int) -> Iterator[None]:
        """`left` bytes free while the block lasts; without a disk of its own, files of at most so many bytes."""
        if self.how == "tmpfs":
            self._shrink(left)
            try:
                yield
            finally:
                self._remount(f"size={ROOMY}")
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(left, PAGE), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def _shrink(self, left: int) -> None:
        """A server may write a page between the look at what is used and the new size, which then is too small to be had."""
        for _ in range(SHRINKS):
            if _mount("-o", f"remount,size={max(PAGE, self.used() + left // PAGE * PAGE)}", str(self.folder)):
                return
        raise AssertionError(f"{self.folder} could not be made smaller")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing on it can be written while the block lasts."""
        gc.collect()  # whoever still holds a file open for writing
        if self.how == "tmpfs":
            self._remount("ro")
        else:
            self.folder.chmod(0o555)
        try:
            yield
        finally:
            if self.how == "tmpfs":
                self._remount("rw")
            else:
                self.folder.chmod(0o755)

    def _remount(self, option: str) -> None:
        assert _mount("-o", f"remount,{option}", str(self.folder)), f"{self.folder} could not be remounted {option}"

    def close(self) -> None:
        """Take it away with all that lies on it."""
        if self.how == "tmpfs":
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)


def can_mount() -> bool:
    """Whether this process may mount a disk: root, in a container that lets it."""
    with tempfile.TemporaryDirectory() as place:
        disk = Disk(Path(place) / "disk")
        disk.close()
        return disk.how == "tmpfs"


def _mount(*words: str) -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0
