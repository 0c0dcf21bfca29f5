"""Kernels that start in a fraction of a second: forked from a server that has imported the heavy libraries already.

POSIX only; elsewhere, and where the server cannot be started, ordinary kernels do the same work more slowly. Three traps
are handled here: a preloaded `pyplot` loses every figure without an error unless the kernel starts with
`--matplotlib=inline`; a forked kernel outlives a killed runner unless it waits for the runner itself; and no thread of a
numerical library may exist before the fork.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
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
]  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FORK: Any = (
    multiprocessing.get_context("forkserver") if "forkserver" in multiprocessing.get_all_start_methods() else None
)
_started: set[int] = set()  # process groups of this runner's kernels


def start_server() -> bool:
    """Start the fork server, so that its imports overlap with the runner's own. False where there is none."""
    if FORK is None:
        return False
    from multiprocessing.forkserver import ensure_running

    for name in _THREADS:
        os.environ.setdefault(name, "1")
    try:
        FORK.set_forkserver_preload(PRELOAD)
        ensure_running()
    except OSError:
        return False
    return True


def kill_all() -> None:
    """Kill every kernel that this process has started, with its children."""
    for group in list(_started):
        _kill_group(group, signal.SIGKILL)
    _started.clear()


def _kill_group(group: int, signum: int) -> None:
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        _started.discard(group)


def _follow_runner() -> None:
    """End with the runner: wait for it, then kill this kernel's own process group."""
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
        os.killpg(0, signal.SIGKILL)


def _kernel_main(connection_file: str, env: dict[str, str], cwd: str | None) -> None:
    """What runs in the forked process."""
    os.setsid()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    threading.Thread(target=_follow_runner, daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["cxlab-kernel"]
    IPKernelApp.launch_instance(argv=["-f", connection_file, "--matplotlib=inline"], parent_handle=os.getppid())


class ForkProvisioner(KernelProvisionerBase):
    """Starts, watches and ends one forked kernel."""

    process: Any = None

    @property
    def has_process(self) -> bool:
        return self.process is not None

    async def poll(self) -> int | None:
        return 0 if self.process is None else self.process.exitcode

    async def wait(self) -> int | None:
        while self.process is not None and self.process.exitcode is None:
            await asyncio.sleep(0.02)
        code = self.process.exitcode if self.process else 0
        if self.process is not None:
            _started.discard(self.process.pid)
            self.process = None
        return code

    async def send_signal(self, signum: int) -> None:
        if self.process is not None and self.process.exitcode is None and signum:
            _kill_group(self.process.pid, signum)

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
        arguments = (self.parent.connection_file, dict(kwargs.get("env") or {}), kwargs.get("cwd"))  # type: ignore[union-attr]
        self.process = FORK.Process(target=_kernel_main, args=arguments)
        self.process.start()
        _started.add(self.process.pid)
        return self.connection_info


class _RunKernelManager(AsyncKernelManager):
    """A kernel that knows its run: it starts in the project's root with the context's path in its environment."""

    context_file = ""
    root = ""

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        threads = {name: os.environ.get(name, "1") for name in _THREADS}
        kwargs["env"] = {**os.environ, **(kwargs.get("env") or {}), **threads, VARIABLE: self.context_file}
        kwargs["cwd"] = self.root
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel


class _ForkKernelManager(_RunKernelManager):
    @default("transport")
    def _transport(self) -> str:  # no port, and no warning that a kernel listens on one
        return "ipc"

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        if self.provisioner is None:
            self.provisioner = ForkProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel


def manager_class(context_file: Path, root: Path, *, forked: bool) -> type[AsyncKernelManager]:
    """The kernel manager for one notebook of a run, for papermill's `kernel_manager_class`."""
    base = _ForkKernelManager if forked else _RunKernelManager
    return type("RunKernelManager", (base,), {"context_file": str(context_file), "root": str(root)})
