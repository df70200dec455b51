"""What is said about machines on which something is missing: faked ones, and this one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.jail.frames import Closed
from grader.sandbox import doctor
from grader.sandbox.doctor import Finding, examine
from grader.sandbox.stage import Stage, stage
from tests.grader.sandbox.looking import descriptors, not_here

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are jails on Linux only")

TROUBLES = {
    "uid map": "bwrap: setting up uid map: Permission denied",
    "no permissions": "bwrap: No permissions to create new namespace, likely because the kernel says so",
    "no network": "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
    "proc": "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    "namespaces": "bwrap: Creating new namespace failed: No space left on device",
    "old": "bwrap: Unknown option --perms",
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Stage:
    return stage(tmp_path_factory.mktemp("run") / "stage")


@pytest.fixture
def kernel(tmp_path, staged, monkeypatch) -> Path:
    """Settings of a kernel that has none of those that matter, outside of any container."""
    monkeypatch.setattr(doctor, "stage", lambda _: staged)  # made anew it takes half a second
    monkeypatch.setattr(doctor, "_SYSCTL", tmp_path / "sys")
    monkeypatch.setattr(doctor, "_CONTAINERS", (tmp_path / "dockerenv",))
    return tmp_path / "sys"


def fake_bwrap(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "bin").mkdir()
    program = folder / "bin" / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def by_name(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    assert len({finding.what for finding in findings}) == len(findings)
    for finding in findings:
        assert "\n" not in finding.said
        assert finding.said
        assert finding.ok or finding.do, finding
        assert "Traceback" not in finding.said
    return {finding.what: finding for finding in findings}


def failed(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {what: finding for what, finding in by_name(findings).items() if not finding.ok}


@pytest.mark.jail
def test_on_a_machine_that_can_grade_all_is_well_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.tempfile, "tempdir", str(tmp_path))
    before = descriptors()
    findings = by_name(examine())
    if not findings.get("a jail starts", Finding("", False, True, "")).ok:
        not_here("; ".join(finding.said for finding in findings.values() if not finding.ok))
    # A control group of one's own is more than most machines give.
    wrong = {what for what, finding in findings.items() if not finding.ok}
    assert wrong <= {"memory is bounded by the kernel"}
    assert len(findings) == 19
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


@pytest.mark.parametrize("said", TROUBLES.values(), ids=TROUBLES)
def test_what_bubblewrap_says_is_repeated(said, kernel, tmp_path, monkeypatch):
    fake_bwrap(tmp_path, monkeypatch, f'echo "{said}" >&2; exit 1')
    found = failed(examine())
    assert set(found) == {"a jail starts"}
    assert said.removeprefix("bwrap: ") in found["a jail starts"].said


@pytest.mark.parametrize(
    ("setting", "value", "roots_too", "do"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            False,
            "profile bwrap /usr/bin/bwrap flags=(unconfined)",
        ),
        ("user/max_user_namespaces", "0", True, "sysctl user.max_user_namespaces="),
        ("kernel/unprivileged_userns_clone", "0", False, "sysctl kernel.unprivileged_userns_clone=1"),
    ],
)
@pytest.mark.parametrize("user", [0, 1000])
def test_settings_that_are_known_to_be_in_the_way_are_named(
    user, setting, value, roots_too, do, kernel, monkeypatch
):
    (kernel / setting).parent.mkdir(parents=True)
    (kernel / setting).write_text(f"{value}\n")
    monkeypatch.setattr(doctor.os, "geteuid", lambda: user)
    said = doctor._causes("setting up uid map: Permission denied")
    assert (do in said) == (user != 0 or roots_too)


def test_settings_of_a_machine_that_works_are_not(kernel):
    for name in ("kernel/apparmor_restrict_unprivileged_userns", "user/max_user_namespaces"):
        (kernel / name).parent.mkdir(parents=True, exist_ok=True)
        (kernel / name).write_text("0\n" if "apparmor" in name else "1000\n")
    assert doctor._causes("setting up uid map: Permission denied") == ""


def test_in_a_container_its_filter_is_named(kernel, tmp_path, monkeypatch):
    (tmp_path / "dockerenv").touch()
    fake_bwrap(tmp_path, monkeypatch, f"echo '{TROUBLES['no permissions']}' >&2; exit 1")
    told = failed(examine())["a jail starts"].do
    assert "--security-opt seccomp=unconfined" in " ".join(told.split())


def test_an_old_bubblewrap_is_named(kernel, tmp_path, monkeypatch):
    fake_bwrap(tmp_path, monkeypatch, f"echo '{TROUBLES['old']}' >&2; exit 1")
    assert "too old" in failed(examine())["a jail starts"].do


def test_without_bubblewrap_it_is_said_how_to_get_it_and_no_jail_is_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    found = by_name(examine())
    assert "apt install bubblewrap" in found["bubblewrap"].do
    assert "a jail starts" not in found


def test_root_needs_setpriv(tmp_path, monkeypatch):
    fake_bwrap(tmp_path, monkeypatch, "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 0)
    assert "util-linux" in failed(examine())["setpriv"].do
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    assert by_name(examine())["setpriv"].ok


def test_elsewhere_than_on_linux_that_is_all_that_is_said(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    (finding,) = examine()
    assert (finding.what, finding.ok, finding.needed) == ("Linux", False, True)
    assert "WSL2" in finding.do


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python_is_said(version, monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", version)
    with pytest.raises(doctor._Failed, match=r"3\.11 to 3\.13 are supported"):
        doctor._python()


def test_a_machine_whose_processes_cannot_be_watched_is_said(monkeypatch):
    monkeypatch.setattr(doctor.watch, "lacking", lambda: "there is no /proc of Linux")
    found = failed(examine())
    assert found["memory of processes can be watched"].said == "there is no /proc of Linux"


def test_a_program_that_is_nothing_like_bubblewrap_is_a_finding(kernel, tmp_path, monkeypatch):
    fake_bwrap(tmp_path, monkeypatch, "exit 0")
    assert set(failed(examine())) == {"a jail starts"}


def a_bwrap_that(does: str) -> str:
    """One that tells the number of a process as its jail's first, and then does something else."""
    return f"""
while [ $# -gt 0 ]; do [ "$1" = --info-fd ] && fd=$2; shift; done
eval "printf '{{\\"child-pid\\": %s}}' $$ >&$fd; exec $fd>&-"
{does}"""


def test_an_interpreter_that_cannot_be_read_is_said_in_its_own_words(kernel, tmp_path, monkeypatch):
    said = "setpriv: failed to execute /jail/venv/bin/python: Permission denied"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "bwrap"
    # Not sh: dash knows descriptors of one digit only.
    program.write_text(f"#!/bin/bash\n{a_bwrap_that(f'echo {said!r} >&2; exit 127')}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    found = failed(examine())
    assert set(found) == {"the interpreter can be read in it"}
    assert found["the interpreter can be read in it"].said == f"its process did not start: {said}"
    assert "uv" in found["the interpreter can be read in it"].do


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), ValueError("a\nb"), GraderError("x", hint="y"), Closed("z")]
)
def test_whatever_is_raised_is_a_finding(error, monkeypatch):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(doctor, "stage", fail)
    found = failed(examine())
    assert set(found) == {"what goes into a jail"}


# What a jail that is no jail says


class Faked(doctor._Patient):
    """A jail whose cells found something that they should not."""

    def __init__(self, **found: object) -> None:
        super().__init__(lambda module, theirs: pytest.fail("nothing is started"))
        self.found = found

    def _found(self, name: str) -> object:
        return self.found[name]


STATUS = "Uid:\t61900\t61900\nCapEff:\t0000\nNoNewPrivs:\t1\nSeccomp:\t2\n"


@pytest.mark.parametrize(
    ("step", "found", "said"),
    [
        ("rights", {"status": STATUS.replace("61900", "0")}, "user 0"),
        ("rights", {"status": STATUS.replace("0000", "00ff")}, "CapEff"),
        ("rights", {"status": STATUS.replace("Privs:\t1", "Privs:\t0")}, "NoNewPrivs 0"),
        ("filter", {"status": STATUS.replace("Seccomp:\t2", "Seccomp:\t0")}, "without its filter"),
        ("room", {"room": [1, 2]}, r"\[1, 2\] bytes"),
        ("limits", {"in_force": [-1, -1]}, "-1 processes"),
        ("reaches", {"reached": ["the internet"]}, "reaches the internet"),
    ],
)
def test_a_jail_that_is_open_somewhere_is_said(step, found, said):
    patient = Faked(**found)
    try:
        with pytest.raises(doctor._Failed, match=said) as told:
            getattr(patient, step)()
        assert told.value.do
    finally:
        patient.end()


def test_limits_that_could_not_be_set_and_a_filter_that_is_not_there_are_said():
    patient = Faked()
    patient._lacking = ("processes",)
    with pytest.raises(doctor._Failed, match="not set: processes"):
        patient.limits()
    patient._missing = ("a filter of system calls for riscv64",)
    with pytest.raises(doctor._Failed, match="riscv64"):
        patient.filter()
    patient._took = 2 * doctor.SLOW
    with pytest.raises(doctor._Failed, match="s until its first cell"):
        patient.quick()
    patient.end()
