"""Runs a command that may not read the memory of other processes: without_cross_memory.py COMMAND [ARGUMENT...]

The system call fails with EPERM, as the usual filter of containers makes it fail.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {"x86_64": (310, 311), "aarch64": (270, 271)}  # process_vm_readv, process_vm_writev

# Of the classic packet filter and of seccomp: linux/bpf_common.h, linux/seccomp.h, linux/prctl.h.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
FAIL, ALLOW = 0x00050000, 0x7FFF0000
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def refuse(numbers):
    """From now on these system calls fail, in this process and in all that it starts."""
    steps = [instruction(LOAD, 0)]  # the number of the call
    for number in numbers:
        steps += [instruction(EQUAL, number, 0, 1), instruction(RETURN, FAIL | errno.EPERM)]
    steps.append(instruction(RETURN, ALLOW))
    program = Program(len(steps), b"".join(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SECCOMP, FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    refuse(NUMBERS[platform.machine()])
    os.execvp(sys.argv[1], sys.argv[1:])
