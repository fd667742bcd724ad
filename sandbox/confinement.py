"""Layer 2: what a forked worker gives up before it sees any authored source, through the kernel's own
measures.

Each measure is a function that raises OSError where the kernel cannot enforce it. `confine` applies them in
order; the first failure stops the worker, unless the user asked for `unsafe`, and then what can be applied
still is.

Left out: namespaces and cgroups, which need root or a set-up of their own.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox import seccomp

CHANNEL = 3  # the one descriptor a worker keeps

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_RESTRICT = 444, 446  # the same on all architectures
LANDLOCK_CREATE_RULESET_VERSION = 1
CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Setting:
    """What the measures need to know.

    Attributes:
        address_space: bytes the process may map in all.
        parent: the process whose death must be this one's.
    """

    address_space: int
    parent: int


_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, *values: object) -> None:
    filled = [value if not isinstance(value, int) else ctypes.c_ulong(value) for value in values]
    filled += [ctypes.c_ulong(0)] * (4 - len(filled))
    if _libc.prctl(ctypes.c_int(option), *filled) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _pack(layout: str, *values: int) -> ctypes.Array[ctypes.c_char]:
    packed = struct.pack(layout, *values)
    return ctypes.create_string_buffer(packed, len(packed))


def close_descriptors(setting: Setting) -> None:
    """Closes everything but the channel. `os.closerange` ignores descriptors that are not open."""
    os.closerange(0, CHANNEL)
    highest = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024)
    number = 436  # close_range, the same on all architectures
    try:
        _syscall(number, ctypes.c_uint(CHANNEL + 1), ctypes.c_uint(0xFFFFFFFF), ctypes.c_uint(0))
    except OSError:
        os.closerange(CHANNEL + 1, min(highest, 2**20))


def drop_capabilities(setting: Setting) -> None:
    """A worker started by root keeps none of root's capabilities."""
    machine = platform.machine()
    if machine not in SYS_CAPSET:
        raise OSError(errno.ENOSYS, f"no capset number for {machine}")
    _syscall(SYS_CAPSET[machine], _pack("=Ii", CAPABILITY_VERSION_3, 0), _pack("=6I", *([0] * 6)))


def die_with_parent(setting: Setting) -> None:
    """After the capabilities, for the kernel forgets the death signal when credentials change."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != setting.parent:
        raise OSError(errno.ESRCH, "the parent died before it could be waited for")


def hide_memory(setting: Setting) -> None:
    """Not dumpable: no core file, no ptrace, and /proc entries belong to root."""
    _prctl(PR_SET_DUMPABLE, 0)


def limit_resources(setting: Setting) -> None:
    """Hard limits, which an unprivileged process cannot raise again."""
    for kind, most in (
        (resource.RLIMIT_AS, setting.address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def forbid_privileges(setting: Setting) -> None:
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def deny_files_and_network(setting: Setting) -> None:
    """A Landlock ruleset that handles every right this kernel knows, and grants none."""
    version = _syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(LANDLOCK_CREATE_RULESET_VERSION))
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = _pack("=3Q", files, network, scoped)
    ruleset = _syscall(SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint(0))
    try:
        _syscall(SYS_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)


def filter_system_calls(setting: Setting) -> None:
    """Last, for it forbids the calls that the other measures need."""
    code = seccomp.program(CHANNEL)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = _pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.cast(header, ctypes.c_void_p))


MEASURES: dict[str, Callable[[Setting], None]] = {
    "descriptors": close_descriptors,
    "capabilities": drop_capabilities,
    "parent": die_with_parent,
    "dumpable": hide_memory,
    "no_new_privs": forbid_privileges,
    "landlock": deny_files_and_network,
    "limits": limit_resources,
    "seccomp": filter_system_calls,
}


def confine(measures: Sequence[str], memory_bytes: int, unsafe: bool, parent: int) -> str | None:
    """Applies the named measures to this process.

    The order matters: limits forbid new descriptors, so what opens one comes before.

    Args:
        measures: names out of `MEASURES`.
        memory_bytes: what the process may add to the address space it has now.
        unsafe: go on where the kernel refuses a measure.
        parent: the fork server's process id.

    Returns:
        None when all hold, else what failed and why. With `unsafe` failures are passed over.
    """
    with open("/proc/self/statm", "rb") as statm:
        mapped = int(statm.read().split()[0]) * resource.getpagesize()
    setting = Setting(mapped + memory_bytes, parent)
    for name, measure in MEASURES.items():
        if name not in measures:
            continue
        try:
            measure(setting)
        except (OSError, ValueError) as error:
            if not unsafe:
                return f"{name}: {error}"
    return None
