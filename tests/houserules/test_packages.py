"""`bin/test` on a bare Debian: packages come without their servers starting, and nothing of it stays behind.

Debian's programs are played by scripts that write down how they were called, and what the policy file said.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

APT = """#!/bin/sh
if [ -e {home}/policy ]; then sh {home}/policy; said=$?; else said=none; fi
echo "apt-get $1, policy $said" >> {home}/log
[ "$1" = install ] || exit 0
touch {home}/units/drum.service {home}/units/gong.socket
exit {status}
"""
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >> {home}/log
"""
ASKED = "need_server drumd drum 'the drum tests' drum.service gong.socket"


class Machine:
    """A folder that the scripts take for Debian."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "units").mkdir()
        (home / "programs").mkdir()
        self.play("systemctl", SYSTEMCTL)
        self.play("apt-get", APT)

    def play(self, name: str, text: str, status: int = 0) -> None:
        program = self.home / "programs" / name
        program.write_text(text.format(home=self.home, status=status))
        program.chmod(0o755)

    def ask(self, *, may: bool = True) -> tuple[list[str], str]:
        """What was called, and what was said."""
        lines = [
            "set -euo pipefail",
            'say() { echo "$*"; }',
            f"may_install() {{ {'true' if may else 'false'}; }}",
            f". {settings.BASE_DIR}/bin/_debian",
            f"policy_rc={self.home}/policy unit_folder={self.home}/units",
            ASKED,
        ]
        path = f"{self.home}/programs:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)],
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        log = self.home / "log"
        return log.read_text().splitlines() if log.exists() else [], done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_server_is_installed_and_not_started(machine: Machine) -> None:
    """While it is installed the policy says no; afterwards that is gone, and its units do not start at boot."""
    called, _ = machine.ask()
    assert called == [
        "apt-get update, policy 101",
        "apt-get install, policy 101",
        "systemctl disable --now drum.service",
        "systemctl disable --now gong.socket",
    ]
    assert not (machine.home / "policy").exists()


def test_what_was_here_before_is_left_alone(machine: Machine) -> None:
    """Somebody's own policy file stays as it is, and a unit of theirs goes on starting at boot."""
    (machine.home / "policy").write_text("exit 104\n")
    (machine.home / "units" / "gong.socket").touch()
    called, _ = machine.ask()
    assert called[1:] == ["apt-get install, policy 104", "systemctl disable --now drum.service"]
    assert (machine.home / "policy").read_text() == "exit 104\n"


def test_one_that_cannot_be_installed_leaves_nothing(machine: Machine) -> None:
    """The package fails: it is said, the policy file is gone, and the other rooms go on."""
    machine.play("apt-get", APT, status=100)
    _, said = machine.ask()
    assert "the drum tests will count as failed" in said
    assert not (machine.home / "policy").exists()


def test_who_may_not_install_is_told_what_to_do(machine: Machine) -> None:
    """Nothing is called; the sentence has the command."""
    called, said = machine.ask(may=False)
    assert called == []
    assert "sudo apt-get install drum" in said


def test_one_that_is_there_is_not_touched(machine: Machine) -> None:
    """No package, no unit."""
    machine.play("drumd", SYSTEMCTL)
    assert machine.ask() == ([], "")
