"""The launcher: the small, stable parent of a node's jobs.

The agent talks to it in JSON lines, one message a line, orders on stdin and events on stdout:

    {"op":"start","id":…,"argv":[…],"env":{…},"cwd":…,"dir":…,"exe":…}
    {"op":"kill","id":…,"grace_ms":N}
    {"op":"exit"}
    {"ev":"ready","pid":…,"version":1,"python":…}
    {"ev":"started","id":…,"pid":…,"at":ms}
    {"ev":"failed","id":…,"errno":"ENOENT","what":"exec","message":…}
    {"ev":"exited","id":…,"code":0,"signal":null,"at":ms,"max_rss":bytes,"cpu_ms":…,"stdout":bytes,"stderr":bytes}

`env` is what differs from the launcher's own; null takes a variable away. `exe` is the file to run where that
is not argv[0]. `kill` sends TERM to the group, and KILL after the grace. `what` is cwd, output or exec.

Each job gets a session of its own, so its process group is its pid. When the leader has ended, what is left
of the group is killed and only then `exited` is said. The end of stdin means that the agent is gone: every
group is killed.

Why a process of its own: Node's spawn blocks its event loop for longer the more memory it has. Why
posix_spawn: 170 µs of this process a start, where subprocess.Popen took 930 µs on the same machine. One
thread, so that changing the working directory before a spawn harms nobody (posix_spawn cannot do it for the
child).
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # Not imported: the typing module alone costs 1 MB of memory.
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
READ_BYTES = 1 << 16
# While a long batch of starts is worked off, ended jobs are reaped and told about at least this often.
FLUSH_S = 0.004
# Members of a group that do not vanish after SIGKILL hang in the kernel, or wait for a parent outside of the
# group. `exited` is then said all the same.
DRAIN_S = 2.0
DRAIN_STEP_S = 0.002
PR_SET_CHILD_SUBREAPER = 36
# Python ignores these; a job must find them as the system made them.
DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ]


class Job:
    """A started job. `pid` is its leader and names its group; SIGKILL is due at `kill_at` (monotonic)."""

    __slots__: tuple[str, ...] = ("dir", "id", "kill_at", "pid")

    def __init__(self, id: str, pid: int, dir: str) -> None:
        self.id: str = id
        self.pid: int = pid
        self.dir: str = dir
        self.kill_at: float | None = None


class Draining:
    """An ended leader whose group still has members: `message` is told when they are gone."""

    __slots__: tuple[str, ...] = ("job", "message", "until")

    def __init__(self, job: Job, message: dict[str, Any], until: float) -> None:
        self.job: Job = job
        self.message: dict[str, Any] = message
        self.until: float = until


class StepError(Exception):
    """Which step of a start failed (`cwd`, `output` or `exec`) and with which error."""

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(what)
        self.what: str = what
        code = error.errno if isinstance(error, OSError) else errno.EINVAL
        self.errno: str = errno.errorcode.get(code or 0, "EINVAL")
        self.message: str = error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def open_output(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def spawn(order: dict[str, Any], base: dict[str, str], null: int) -> int:
    """Starts the job of a start message and answers its pid. Raises StepError."""
    cwd: str = order["cwd"]
    try:
        try:
            os.chdir(cwd)
        except FileNotFoundError:
            os.makedirs(cwd, 0o700, exist_ok=True)
            os.chdir(cwd)
    except (OSError, ValueError) as error:
        raise StepError("cwd", error) from None
    fds: list[int] = []
    try:
        try:
            os.makedirs(order["dir"], 0o700, exist_ok=True)
            fds.append(open_output(order["dir"] + "/stdout"))
            fds.append(open_output(order["dir"] + "/stderr"))
        except (OSError, ValueError) as error:
            raise StepError("output", error) from None
        argv: list[str] = order["argv"]
        env = {name: value for name, value in {**base, **order["env"]}.items() if value is not None}
        actions = [(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate([null, *fds])]
        path: str = order.get("exe") or argv[0]
        try:
            return posix_spawn(path, argv, env, actions)
        except (OSError, ValueError) as error:
            raise StepError("exec", error) from None
    finally:
        for fd in fds:
            os.close(fd)
        os.chdir("/")


def posix_spawn(path: str, argv: list[str], env: dict[str, str], actions: list[tuple[int, int, int]]) -> int:
    try:
        return os.posix_spawn(
            path, argv, env, file_actions=actions, setsid=True, setsigdef=DEFAULT_SIGNALS, setsigmask=[]
        )
    except NotImplementedError:  # An older macOS: no new session, but a group that can be killed as a whole.
        return os.posix_spawn(
            path, argv, env, file_actions=actions, setpgroup=0, setsigdef=DEFAULT_SIGNALS, setsigmask=[]
        )


def signal_group(pid: int, number: int) -> bool:
    """False when the group has no members any more."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # Members there are, but changed to another user: no right to signal them.
        return True
    return True


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # A real-time signal has no name.
        return f"SIG{number}"


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Launcher:
    """The jobs by id and by pid, and what is still to be told to the agent."""

    def __init__(self, out: int) -> None:
        self.out: int = out
        self.base: dict[str, str] = dict(os.environ)
        self.null: int = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.by_id: dict[str, Job] = {}
        self.by_pid: dict[int, Job] = {}
        self.draining: list[Draining] = []
        self.unsent: bytearray = bytearray()
        self.ending: bool = False

    def tell(self, message: dict[str, Any]) -> None:
        self.unsent += json.dumps(message, separators=(",", ":")).encode()
        self.unsent += b"\n"

    def flush(self) -> None:
        """Writes what the agent can take now; the rest waits, so that a slow agent delays no kill."""
        while self.unsent:
            try:
                del self.unsent[: os.write(self.out, self.unsent)]
            except BlockingIOError:
                return
            except OSError:
                self.ending = True
                return

    def obey(self, line: bytes) -> None:
        order: dict[str, Any] = json.loads(line)
        op: str = order["op"]
        if op == "start":
            self.start(order)
        elif op == "kill":
            self.kill(order["id"], order["grace_ms"] / 1000)
        elif op == "exit":
            self.ending = True

    def start(self, order: dict[str, Any]) -> None:
        id: str = order["id"]
        if id in self.by_id:
            return
        try:
            pid = spawn(order, self.base, self.null)
        except StepError as error:
            said = {"errno": error.errno, "what": error.what, "message": error.message}
            self.tell({"ev": "failed", "id": id, **said})
            return
        job = Job(id, pid, order["dir"])
        self.by_id[id] = job
        self.by_pid[pid] = job
        self.tell({"ev": "started", "id": id, "pid": pid, "at": now_ms()})

    def kill(self, id: str, grace_s: float) -> None:
        """A repeated order can only bring the deadly signal forward."""
        job = self.by_id.get(id)
        if job is None:
            return
        due = time.monotonic() + grace_s
        if job.kill_at is None:
            signal_group(job.pid, signal.SIGTERM)
            signal_group(job.pid, signal.SIGCONT)  # A stopped process does not see TERM until it goes on.
        job.kill_at = due if job.kill_at is None else min(job.kill_at, due)

    def reap(self) -> None:
        """Collects ended leaders, each only looked at first: its pid names the group until it is reaped."""
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if seen is None:
                return
            job = self.by_pid.pop(seen.si_pid, None)
            if job is not None:
                signal_group(job.pid, signal.SIGKILL)
            _, status, usage = os.wait4(seen.si_pid, 0)
            if job is not None:
                self.ended(job, status, usage)

    def ended(self, job: Job, status: int, usage: Any) -> None:
        by_signal = os.WIFSIGNALED(status)
        message: dict[str, Any] = {
            "ev": "exited",
            "id": job.id,
            "code": None if by_signal else os.WEXITSTATUS(status),
            "signal": signal_name(os.WTERMSIG(status)) if by_signal else None,
            "at": now_ms(),
            # Kilobytes everywhere but on macOS.
            "max_rss": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000),
        }
        if signal_group(job.pid, 0):
            self.draining.append(Draining(job, message, time.monotonic() + DRAIN_S))
        else:
            self.gone(job, message)

    def gone(self, job: Job, message: dict[str, Any]) -> None:
        del self.by_id[job.id]
        message["stdout"] = size_of(job.dir + "/stdout")
        message["stderr"] = size_of(job.dir + "/stderr")
        self.tell(message)

    def work_off_timers(self) -> float | None:
        """Sends the kills that are due, looks after draining groups; answers when to look again (seconds)."""
        now = time.monotonic()
        for draining in self.draining[:]:
            if now >= draining.until or not signal_group(draining.job.pid, signal.SIGKILL):
                self.draining.remove(draining)
                self.gone(draining.job, draining.message)
        next_at: float | None = now + DRAIN_STEP_S if self.draining else None
        for job in self.by_pid.values():
            if job.kill_at is None:
                continue
            if job.kill_at <= now:
                signal_group(job.pid, signal.SIGKILL)
                # Again in a while: a member that forked at that very moment may have slipped through.
                job.kill_at = now + 0.1
            next_at = job.kill_at if next_at is None else min(next_at, job.kill_at)
        return None if next_at is None else max(0.0, next_at - time.monotonic())

    def kill_all(self) -> None:
        for job in self.by_pid.values():
            signal_group(job.pid, signal.SIGKILL)
        for draining in self.draining:
            signal_group(draining.job.pid, signal.SIGKILL)


def adopt_orphans() -> None:
    """Makes this process the parent of its jobs' orphans.

    They are then reaped at once; left to the machine's first process, which in many containers reaps late or
    never, a killed group would seem to be there still. Costs 0.6 MB of memory; only Linux has it.
    """
    if sys.platform != "linux":
        return
    try:
        import ctypes

        _ = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def read_all(fd: int, rest: bytearray) -> bool:
    """Moves what is there into `rest`; False at the end of the input."""
    try:
        data = os.read(fd, READ_BYTES)
    except BlockingIOError:
        return True
    rest += data
    return bool(data)


def serve(launcher: Launcher, orders: int, wakeup: int) -> None:
    """Runs until the agent is gone or says exit."""
    rest = bytearray()
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    while not launcher.ending:
        wait_s = launcher.work_off_timers()
        launcher.flush()
        if launcher.unsent:
            poll.register(launcher.out, select.POLLOUT)
        # Rounded up: a timer that is due in half a millisecond must not spin.
        ready = poll.poll(None if wait_s is None else int(wait_s * 1000) + 1)
        if launcher.unsent:
            poll.unregister(launcher.out)
        fds = {fd for fd, _ in ready}
        if wakeup in fds:
            read_all(wakeup, bytearray())
            launcher.reap()
        if orders in fds:
            if not read_all(orders, rest):
                return
            *lines, tail = bytes(rest).split(b"\n")
            rest[:] = tail
            flush_at = time.monotonic() + FLUSH_S
            for line in lines:
                launcher.obey(line)
                if time.monotonic() >= flush_at:
                    launcher.reap()
                    launcher.flush()
                    flush_at = time.monotonic() + FLUSH_S


def main() -> None:
    if sys.version_info < (3, 10):  # noqa: UP036 - said in words rather than by a traceback
        sys.exit(f"the launcher needs Python 3.10 or newer; {sys.executable} is {sys.version.split()[0]}")
    # Moved away from 0 and 1, so that nothing but the protocol can get in there.
    orders, out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    os.set_blocking(orders, False)
    os.set_blocking(out, False)
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    adopt_orphans()
    launcher = Launcher(out)

    def end(_number: int, _frame: object) -> None:
        launcher.ending = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    launcher.tell({"ev": "ready", "pid": os.getpid(), "version": VERSION, "python": sys.executable})
    try:
        serve(launcher, orders, wakeup)
    finally:
        launcher.kill_all()


if __name__ == "__main__":
    main()
