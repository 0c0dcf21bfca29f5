"""Kernels that start in a fraction of a second: forked from a server that has imported the heavy libraries and `cxlab` already.

POSIX only; elsewhere, and where the server cannot be started, ordinary kernels do the same work more slowly. Four traps
are handled here: a preloaded `pyplot` loses every figure without an error unless the kernel starts with
`--matplotlib=inline`; a forked kernel outlives a killed runner unless it waits for the runner itself; no thread of a
numerical library may exist before the fork; and multiprocessing would run the caller's main script again in every kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.localinterfaces import is_local_ip
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import default

from cxlab.context import VARIABLE

PRELOAD = [
    "numpy", "pandas", "scipy.stats", "matplotlib.pyplot", "seaborn", "pyarrow.parquet",
    "IPython", "ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib_inline.backend_inline",
    "pydantic", "ibis", "sklearn.cluster", "sklearn.linear_model", "sklearn.mixture", "sklearn.model_selection",
    "cxlab.charts", "cxlab.exhibits", "cxlab.experience", "cxlab.journeys", "cxlab.losses", "cxlab.value", "cxlab.voice",
]  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FORK: Any = (
    multiprocessing.get_context("forkserver") if "forkserver" in multiprocessing.get_all_start_methods() else None
)
_main_module = threading.Lock()


class Kernels:
    """The kernels of one run. `kill` ends those that are there and refuses those that are still to come.

    `sockets` is a folder with a short path for connection files and sockets.
    """

    def __init__(self, sockets: Path, *, forked: bool) -> None:
        self.sockets, self.forked = sockets, forked
        self._groups: set[int] = set()
        self._closed = False
        self._lock = threading.Lock()

    def started(self, process_group: int) -> None:
        with self._lock:
            self._groups.add(process_group)
            closed = self._closed
        if closed:
            self.kill()

    def ended(self, process_group: int) -> None:
        with self._lock:
            self._groups.discard(process_group)

    def kill(self) -> None:
        """Kill every kernel of the run with its children."""
        with self._lock:
            self._closed = True
            groups = list(self._groups)
        for group in groups:
            _signal_group(group, signal.SIGKILL)

    def check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the run has been ended")

    def manager_class(self, context_file: Path, root: Path) -> type[AsyncKernelManager]:
        """The kernel manager for one notebook of this run, for papermill's `kernel_manager_class`."""
        base = _ForkKernelManager if self.forked else _RunKernelManager
        about = {"kernels": self, "context_file": str(context_file), "root": str(root)}
        return type("RunKernelManager", (base,), about)


def start_server() -> bool:
    """Start the fork server, so that its imports overlap with the runner's own. False where there is none."""
    if FORK is None:
        return False
    from multiprocessing.forkserver import ensure_running

    try:
        FORK.set_forkserver_preload(PRELOAD)
        with _single_threaded():
            ensure_running()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """One thread for each numerical library in processes that start now, unless the caller has said otherwise."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _signal_group(group: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)


def _follow_runner() -> None:
    """End with the runner: wait for it, then kill this kernel's own process group."""
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
        os.killpg(0, signal.SIGKILL)


def _kernel_main(connection_file: str, env: dict[str, str], cwd: str, stage: str) -> None:
    """What runs in the forked process."""
    os.setsid()
    os.environ.update(env)
    os.chdir(cwd)
    log = os.open(Path(stage, "kernel.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    threading.Thread(target=_follow_runner, daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["cxlab-kernel"]
    app: Any = IPKernelApp.instance(parent_handle=os.getppid())
    app.initialize(["-f", connection_file, "--matplotlib=inline"])
    app.shell.events.register("post_run_cell", lambda _: _take_stock(Path(stage)))
    app.start()


def _take_stock(stage: Path) -> None:
    """After each cell: CPU seconds so far, and pictures that are still open because no output has shown them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    used = os.times()
    stock = {
        "cpu_seconds": round(used.user + used.system + used.children_user + used.children_system, 2),
        "lost_figures": len(pyplot.get_fignums()) if pyplot else 0,
    }
    (stage / "kernel.json").write_text(json.dumps(stock), "utf-8")


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the caller's main script while a kernel is launched: multiprocessing would import it in every kernel."""
    with _main_module:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


class ForkProvisioner(KernelProvisionerBase):
    """Starts, watches and ends one forked kernel."""

    process: Any = None
    pgid: int | None = None

    @property
    def has_process(self) -> bool:
        return self.process is not None

    async def poll(self) -> int | None:
        return 0 if self.process is None else self.process.exitcode

    async def wait(self) -> int | None:
        while self.process is not None and self.process.exitcode is None:
            await asyncio.sleep(0.02)
        code = self.process.exitcode if self.process else 0
        self.process = None
        return code

    async def send_signal(self, signum: int) -> None:
        if self.process is not None and self.process.exitcode is None and signum:
            _signal_group(self.process.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left to clean."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager: Any = self.parent
        if manager.transport == "tcp" and not is_local_ip(manager.ip):
            raise RuntimeError(f"a forked kernel is local, got ip {manager.ip}")
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=["forked"], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        manager: Any = self.parent
        stage = str(Path(manager.context_file).parent)
        arguments = (manager.connection_file, dict(kwargs.get("env") or {}), manager.root, stage)
        self.process = FORK.Process(target=_kernel_main, args=arguments)
        with _without_main_module():
            self.process.start()
        self.pgid = self.process.pid
        return self.connection_info


class _RunKernelManager(AsyncKernelManager):
    """A kernel that knows its run: it starts in the project's root with the context's path in its environment."""

    kernels: Kernels
    context_file = ""
    root = ""
    process_group: int | None = None

    @default("connection_file")
    def _connection_file(self) -> str:
        return str(self.kernels.sockets / f"{self.kernel_id[:8]}.json")

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        self.kernels.check_open()
        threads = {name: os.environ.get(name, "1") for name in _THREADS}
        kwargs["env"] = {**os.environ, **(kwargs.get("env") or {}), **threads, VARIABLE: self.context_file}
        kwargs["cwd"] = self.root
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel

    async def _async_post_start_kernel(self, **kwargs: Any) -> None:
        self.process_group = getattr(self.provisioner, "pgid", None)
        if self.process_group is not None:
            self.kernels.started(self.process_group)
        await super()._async_post_start_kernel(**kwargs)

    post_start_kernel = _async_post_start_kernel

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if self.process_group is not None:
            self.kernels.ended(self.process_group)

    cleanup_resources = _async_cleanup_resources


class _ForkKernelManager(_RunKernelManager):
    @default("transport")
    def _transport(self) -> str:  # no port, and no warning that a kernel listens on one
        return "ipc"

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        if self.provisioner is None:
            self.provisioner = ForkProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel
