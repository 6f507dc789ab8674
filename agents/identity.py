"""Which process a pid means: with the moment it was born a pid names one process for ever, on one machine."""

import os
import socket
import subprocess
from functools import lru_cache
from pathlib import Path

PS_SECONDS = 5
_PARENT_FIELD = 1
_START_FIELD = 19
"""Of /proc/PID/stat after the command's name: clock ticks from boot to the process's start (proc(5), field 22)."""


@lru_cache(maxsize=1)
def host() -> str:
    """This machine's name, as facts say where a process ran."""
    return socket.gethostname()


def born(pid: int) -> str | None:
    """When the process `pid` began: `<boot id>/<ticks>` on Linux, else what `ps` says; None if there is none."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in {"Z", "X"} else f"{_boot()}/{fields[_START_FIELD]}"
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=PS_SECONDS
    )
    return done.stdout.strip() or None


def parent_of(pid: int) -> int | None:
    """The process that started `pid`, or who adopted it; None if there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return int(stat.rpartition(")")[2].split()[_PARENT_FIELD])
    done = subprocess.run(
        ["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=PS_SECONDS
    )
    return int(done.stdout) if done.stdout.strip() else None


def is_alive(pid: int, born_at: str, where: str) -> bool | None:
    """Whether the very process that was born then lives; None if it ran on another machine and cannot be asked."""
    return born(pid) == born_at if where == host() else None


def myself() -> tuple[int, str, str]:
    """This process: pid, birth, machine."""
    pid = os.getpid()
    return pid, born(pid) or "", host()


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "boot"
