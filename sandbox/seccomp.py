"""The system calls a worker may make, as a classic BPF program for seccomp: an allowlist of what Python
needs to compute and to talk over one descriptor.

Three answers: allowed; refused with EPERM, for the file look-ups that the interpreter itself may try (a
codec, a source line for a traceback) and survive without; everything else kills the process. Reads and
writes are bound to one descriptor, and no page may become executable.

Left out: architectures other than x86-64 and aarch64, for which `program` raises and the sandbox refuses to
start.
"""

import errno
import platform
import struct

LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_GREATER_EQUAL = 0x35
JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
REFUSE = 0x00050000 | errno.EPERM

NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data
PROT_EXEC = 4

# AUDIT_ARCH_*, first number of a foreign calling convention (x32), and call numbers by name.
TABLES: dict[str, tuple[int, int | None, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        0x40000000,
        {
            "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "lseek": 8,
            "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigreturn": 15, "ioctl": 16, "access": 21,
            "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "getcwd": 79, "readlink": 89, "futex": 202,
            "clock_gettime": 228, "exit_group": 231, "openat": 257, "newfstatat": 262, "readlinkat": 267,
            "faccessat": 269, "getrandom": 318, "statx": 332, "openat2": 437, "faccessat2": 439,
        },
    ),
    "aarch64": (
        0xC00000B7,
        None,
        {
            "getcwd": 17, "ioctl": 29, "faccessat": 48, "openat": 56, "close": 57, "lseek": 62, "read": 63,
            "write": 64, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98,
            "clock_gettime": 113, "rt_sigreturn": 139, "getpid": 172, "brk": 214, "munmap": 215, "mremap": 216,
            "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "statx": 291, "openat2": 437,
            "faccessat2": 439,
        },
    ),
}  # fmt: skip

ALLOWED = (
    "munmap",
    "brk",
    "mremap",
    "madvise",
    "futex",
    "rt_sigreturn",
    "clock_gettime",
    "exit",
    "exit_group",
)
ALLOWED_ON_CHANNEL = ("read", "write")
ALLOWED_WITHOUT_EXEC = ("mmap", "mprotect")
REFUSED = (
    "open", "openat", "openat2", "close", "stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getcwd", "lseek", "ioctl", "getrandom", "getpid",
)  # fmt: skip


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int, high: bool = False) -> bytes:
    """Loads one half of a 64-bit argument; both tables are little-endian machines."""
    return _instruction(LOAD_WORD, ARGUMENTS_AT + 8 * index + (4 if high else 0))


def program(descriptor: int, machine: str | None = None) -> bytes:
    """Builds the filter.

    Args:
        descriptor: the only descriptor that may be read and written.
        machine: as `platform.machine()` names it; this machine when None.

    Returns:
        The packed ``struct sock_filter`` array.

    Raises:
        OSError: no table for the machine.
    """
    machine = machine or platform.machine()
    if machine not in TABLES:
        raise OSError(errno.ENOSYS, f"no system call table for {machine}")
    architecture, foreign, numbers = TABLES[machine]
    kill = _instruction(RETURN, KILL_PROCESS)
    code = [_instruction(LOAD_WORD, ARCHITECTURE_AT), _instruction(JUMP_EQUAL, architecture, 1, 0), kill]
    code += [_instruction(LOAD_WORD, NUMBER_AT)]
    if foreign is not None:
        code += [_instruction(JUMP_GREATER_EQUAL, foreign, 0, 1), kill]

    def when(name: str, body: list[bytes]) -> None:
        if name in numbers:
            code.append(_instruction(JUMP_EQUAL, numbers[name], 0, len(body)))
            code.extend(body)

    for name in ALLOWED_ON_CHANNEL:
        when(name, [
            _argument(0), _instruction(JUMP_EQUAL, descriptor, 1, 0), kill,
            _argument(0, high=True), _instruction(JUMP_EQUAL, 0, 1, 0), kill,
            _instruction(RETURN, ALLOW),
        ])  # fmt: skip
    for name in ALLOWED_WITHOUT_EXEC:
        when(name, [
            _argument(2), _instruction(JUMP_ANY_BIT, PROT_EXEC, 0, 1), kill, _instruction(RETURN, ALLOW),
        ])  # fmt: skip
    for name in ALLOWED:
        when(name, [_instruction(RETURN, ALLOW)])
    for name in REFUSED:
        when(name, [_instruction(RETURN, REFUSE)])
    code.append(kill)
    return b"".join(code)
