"""Prepare this process, then become a server: it dies with its parent, and it is not root if it must not be.

Run as a script (`python -I launch.py [--not-root FOLDER] PARENT_PID COMMAND…`) and not as a `preexec_fn`,
because a parent with threads must not run Python code between fork and exec. It imports nothing of this
project.

PostgreSQL refuses to run as root. `--not-root` gives it another identity while FOLDER stays usable:

- in a user namespace in which root has another number: files stay root's, folders with mode 0700 keep
  working;
- where namespaces are forbidden (most containers): as `nobody`, who gets FOLDER as its own and keeps just the
  one capability that lets it walk through folders which only root may enter.
"""

import ctypes
import os
import pwd
import signal
import struct
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522
_UID_INSIDE = 1000
_NOBODY = 65534

_UNFIT = 125


def become(command: list[str], *, parent: int, not_root: Path | None) -> None:
    """Replace this process by the command. Returns only by raising OSError."""
    if not_root is not None and os.geteuid() == 0:
        if sys.platform == "linux" and _namespace_serves(command[0], not_root):
            _give(not_root, os.getuid(), os.getgid())
            _enter_user_namespace()
        else:
            _become_nobody(not_root)
    _die_with(parent)
    os.execv(command[0], command)  # noqa: S606  that is its purpose


def _libc_call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _die_with(parent: int) -> None:
    # After the change of identity: that clears the setting. SIGINT is PostgreSQL's fast shutdown, and ends
    # the others.
    if sys.platform == "linux":
        _libc_call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that asked for this one is gone")


def _enter_user_namespace() -> None:
    uid, gid = os.getuid(), os.getgid()
    _libc_call("unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_UID_INSIDE} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_UID_INSIDE} {gid} 1", encoding="ascii")


def _namespace_serves(program: str, folder: Path) -> bool:
    """Try it in a child: a process that failed half-way could not come back."""
    if os.environ.get("ROAM_NO_USER_NAMESPACE"):
        return False
    child = os.fork()
    if child == 0:
        try:
            _enter_user_namespace()
            usable = os.access(program, os.X_OK) and os.access(folder.parent, os.X_OK)
            # Entered for real, root's own bypass of file modes is gone: what it may not reach now, it never
            # will.
            os._exit(0 if usable else 1)
        except OSError:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _give(folder: Path, uid: int, gid: int) -> None:
    if folder.stat().st_uid == uid:
        return
    for path in (*folder.rglob("*"), folder):
        os.chown(path, uid, gid, follow_symlinks=False)


def _become_nobody(folder: Path) -> None:
    try:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    except KeyError:
        uid = gid = _NOBODY
    _give(folder, uid, gid)
    keeps_capability = True
    try:
        _libc_call("prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    except OSError:
        keeps_capability = False  # then every folder on the way has to be open to all
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keeps_capability:
        _keep_only(_CAP_DAC_OVERRIDE)


def _keep_only(capability: int) -> None:
    bit = 1 << capability
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    sets = ctypes.create_string_buffer(struct.pack("=6I", bit, bit, bit, 0, 0, 0))
    _libc_call("capset", header, sets)
    _libc_call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def main(arguments: list[str]) -> None:
    not_root = None
    if arguments[0] == "--not-root":
        not_root, arguments = Path(arguments[1]), arguments[2:]
    try:
        become(arguments[1:], parent=int(arguments[0]), not_root=not_root)
    except OSError as error:
        sys.stderr.write(f"{arguments[1]} could not be started: {error}\n")
        sys.exit(_UNFIT)


if __name__ == "__main__":
    main(sys.argv[1:])
