"""A program that may look and compute, and do nothing to the world.

`preexec` for subprocess: from there on the kernel kills the process with SIGSYS when it begins
another one, opens a socket, opens a file to write, or changes, makes or removes one. A folder that
is to be made is said to be there.
"""
import ctypes
import os
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL, ALLOW, ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EEXIST = 17

# Numbers of the machine; `open` and `openat` with the argument that holds the flags.
CALLS = {
    "x86_64": {
        "arch": 0xC000003E,
        "open": {2: 1, 257: 2},
        "mkdir": [83, 258],
        # socket connect sendto sendmsg bind listen clone fork vfork kill fsync fdatasync truncate
        # ftruncate rename rmdir creat link unlink symlink chmod fchmod chown fchown lchown ptrace
        # mknod and their *at, sendmmsg fallocate renameat2 clone3 openat2 pwrite64
        "deadly": [41, 42, 44, 46, 49, 50, 56, 57, 58, 62, 74, 75, 76, 77, 82, 84, 85, 86, 87, 88,
                   90, 91, 92, 93, 94, 101, 133, 259, 260, 263, 264, 265, 266, 268, 285, 307, 316,
                   435, 437, 18],
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "open": {56: 2},
        "mkdir": [34],
        "deadly": [198, 203, 206, 211, 200, 201, 220, 129, 82, 83, 45, 46, 38, 35, 37, 36, 52, 53,
                   54, 55, 117, 33, 47, 269, 276, 435, 437, 68],
    },
}


def filter_bytes():
    """BPF: load the architecture, the number, and for `open` the flags."""
    calls = CALLS[os.uname().machine]
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, calls["arch"]), (0x06, 0, 0, KILL), (0x20, 0, 0, 0)]
    for number in calls["deadly"]:
        code += [(0x15, 0, 1, number), (0x06, 0, 0, KILL)]
    for number in calls["mkdir"]:
        code += [(0x15, 0, 1, number), (0x06, 0, 0, ERRNO | EEXIST)]
    for number, argument in calls["open"].items():
        code += [(0x15, 0, 4, number), (0x20, 0, 0, 16 + 8 * argument), (0x45, 0, 1, WRITES),
                 (0x06, 0, 0, KILL), (0x06, 0, 0, ALLOW)]
    code.append((0x06, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *one) for one in code), len(code)


CODE, COUNT = filter_bytes() if os.uname().machine in CALLS else (b"", 0)
BUFFER = ctypes.create_string_buffer(CODE, len(CODE))
PROGRAM = struct.pack("@HxxxxxxP", COUNT, ctypes.addressof(BUFFER))
PRCTL = ctypes.CDLL(None, use_errno=True).prctl


def preexec():
    unsigned = ctypes.c_ulong
    if PRCTL(PR_SET_NO_NEW_PRIVS, unsigned(1), unsigned(0), unsigned(0), unsigned(0)) != 0 or \
            PRCTL(PR_SET_SECCOMP, unsigned(SECCOMP_MODE_FILTER), PROGRAM, unsigned(0),
                  unsigned(0)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
