"""What `shigu deploy` writes: parts of one list, known keys only, for a user who is not root, no secret."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override
from supervisor.options import ServerOptions

from shigu import serving
from shigu.fleet.deploying import environment, writing
from shigu.fleet.deploying.place import BadPlace, Place
from shigu.fleet.deploying.programs import NUMBER, programs
from shigu.fleet.doctor import database
from shigu.fleet.queues import queues
from tests.fleet.keys import supervisor_reads, systemd_knows_not

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    *("SHIGU_SECRET_KEY", "PGPASSWORD", "SHIGU_METRICS_TOKEN", "SHIGU_CONSOLE_PASSWORD"),
    *("FLOWER_BASIC_AUTH", "FLOWER_COOKIE_SECRET"),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A machine with a user of its own who exists everywhere."""
    var = tmp_path / "var"
    return Place(folder=tmp_path / "deploy", root=ROOT, var=var, user="nobody", workers=3)


def command_said(place: Place, *options: str, kind: str = "supervisor") -> str:
    out = StringIO()
    with override("en"):
        call_command("deploy", kind, "--write", str(place.folder), *options, stdout=out)
    return out.getvalue()


def with_passwords(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.read(place.environment_file).items():
        monkeypatch.setenv(name, value)


def test_supervisor_knows_every_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own parser reads the file without a warning and asks for all that stands in it."""
    for one in (place, replace(place, embedded=True), replace(place, user="")):
        writing.write("supervisor", one)
        with_passwords(one, monkeypatch)
        _, unknown = supervisor_reads(one.folder / "supervisord.conf", monkeypatch)
        assert unknown == set()


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("stopwaitsecs=", "stopwaitsec=", "program:beat: stopwaitsec"),
        ("port=", "prt=9\nport=", "inet_http_server: prt"),
        ("logfile_backups=10\nloglevel", "logfile_backup=1\nloglevel", "supervisord: logfile_bac"),
        ("serverurl=", "serveurl=x\nserverurl=", "supervisorctl: serveurl"),
    ],
)
def test_an_unknown_key_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, found: str
) -> None:
    """The control: a misspelled key, which supervisor takes in silence, is named."""
    writing.write("supervisor", place)
    with_passwords(place, monkeypatch)
    path = place.folder / "supervisord.conf"
    path.write_text(path.read_text().replace(right, wrong))
    _, unknown = supervisor_reads(path, monkeypatch)
    assert any(name.startswith(found) for name in unknown)


def test_supervisors_programs_are_as_promised(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker before beat before Flower, sixty seconds to end, logs apart and turned over, not root."""
    writing.write("supervisor", place)
    with_passwords(place, monkeypatch)
    read, _ = supervisor_reads(place.folder / "supervisord.conf", monkeypatch)
    made = [one for group in read.process_group_configs for one in group.process_configs]
    assert len(made) == sum(program.instances for program in programs(place))
    order = {one.name.partition("-")[0]: one.priority for one in made}
    assert order["worker"] < order["beat"] < order["flower"]
    assert [one.name for one in made if one.name.startswith("beat")] == ["beat-1", "beat-2"]
    logs = [log for one in made for log in (one.stdout_logfile, one.stderr_logfile)]
    assert len(set(logs)) == len(logs) == 2 * len(made)
    for one in made:
        assert one.uid == pwd.getpwnam("nobody").pw_uid
        assert (one.stopsignal, one.stopwaitsecs, one.startsecs) == (signal.SIGTERM, 60, 5)
        assert one.autostart
        assert one.autorestart.__name__ == "RestartUnconditionally"
        assert one.killasgroup
        assert min(one.stdout_logfile_maxbytes, one.stderr_logfile_maxbytes) == 20 * 1024 * 1024
        assert min(one.stdout_logfile_backups, one.stderr_logfile_backups) == 10
    (console,) = read.server_configs
    assert (console["host"], console["port"]) == ("127.0.0.1", 9001)
    assert console["password"] == os.environ["SHIGU_CONSOLE_PASSWORD"]
    assert read.user == "nobody"


def test_without_its_password_supervisor_does_not_start(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no password to fall back to."""
    writing.write("supervisor", place)
    monkeypatch.delenv("SHIGU_CONSOLE_PASSWORD", raising=False)
    with pytest.raises(ValueError, match="SHIGU_CONSOLE_PASSWORD"):
        ServerOptions().read_config(str(place.folder / "supervisord.conf"))


def test_systemd_knows_every_key(place: Place) -> None:
    """Our list always; `systemd-analyze verify` as well where this machine has it."""
    for kind in ("supervisor", "systemd"):
        writing.write(kind, replace(place, user="daemon"))
    units = [path for path in place.folder.iterdir() if path.suffix in {".service", ".target"}]
    assert len(units) == len(programs(place)) + 2
    for path in units:
        assert systemd_knows_not(path.read_text()) == set(), path.name
    if shutil.which("systemd-analyze"):
        assert verified(place) == ""


def verified(place: Place) -> str:
    """What systemd has to say about all units, templates as their first instance."""
    names = [
        path.name.replace("@.", "@1.")
        for path in place.folder.iterdir()
        if path.suffix in {".service", ".target"}
    ]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(place.folder / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if done.returncode == 0 and not done.stderr else done.stdout + done.stderr


def test_an_unknown_key_of_a_unit_is_found(place: Place) -> None:
    """The control: by our list, and by systemd itself where it is."""
    writing.write("systemd", replace(place, user="daemon"))
    path = place.folder / "shigu-pages.service"
    path.write_text(path.read_text().replace("UMask=", "UMsk="))
    assert systemd_knows_not(path.read_text()) == {"Service: UMsk"}
    if shutil.which("systemd-analyze"):
        assert "UMsk" in verified(place)


def test_units_start_at_boot_and_end_in_time(place: Place) -> None:
    """The target is wanted at boot and wants every instance; each unit is confined and waits a minute."""
    writing.write("systemd", place)
    target = (place.folder / "shigu.target").read_text()
    assert "WantedBy=multi-user.target" in target
    wants = re.search(r"^Wants=(.*)$", target, re.MULTILINE)
    assert wants is not None
    named = wants[1].split()
    assert {"shigu-beat@1.service", "shigu-beat@2.service"} <= set(named)
    assert len(named) == sum(program.instances for program in programs(place))
    for name in named:
        text = (place.folder / re.sub(r"@\d+", "@", name)).read_text()
        for line in (
            *("User=nobody", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"),
            *("TimeoutStopSec=60", "WantedBy=shigu.target", "PartOf=shigu.target"),
            f"EnvironmentFile={place.environment_file}",
        ):
            assert line in text.splitlines(), (name, line)


def test_supervisor_itself_starts_at_boot(place: Place) -> None:
    """Its unit stays in front, waits longer than any program may take, and is wanted at boot."""
    writing.write("supervisor", place)
    lines = (place.folder / "supervisor.service").read_text().splitlines()
    assert "WantedBy=multi-user.target" in lines
    assert f"TimeoutStopSec={60 * len(programs(place)) + 30}" in lines
    assert "User=nobody" in lines
    assert any("supervisord --nodaemon" in line for line in lines)


def test_every_command_comes_from_the_one_list(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supervisor and systemd start exactly what `shigu.serving` says."""
    for kind in ("supervisor", "systemd"):
        writing.write(kind, place)
    with_passwords(place, monkeypatch)
    read, _ = supervisor_reads(place.folder / "supervisord.conf", monkeypatch)
    spoken = {
        one.name: shlex.split(one.command)
        for group in read.process_group_configs
        for one in group.process_configs
    }
    listed = expected(place)
    assert {name: command for name, command in spoken.items() if not name.endswith("-2")} == listed
    for name, command in listed.items():
        file = re.sub(r"-1$", "@", f"shigu-{name}") + ".service"
        started = re.search(r"^ExecStart=(.*)$", (place.folder / file).read_text(), re.MULTILINE)
        assert started is not None
        assert started[1].replace("%i", "1").replace("%%", "%").split() == command


def expected(place: Place) -> dict[str, list[str]]:
    parts = {
        "pages": serving.pages("127.0.0.1", 8000),
        "events": serving.events("127.0.0.1", 8001),
        "beat-1": serving.beat(),
        "flower": serving.flower("127.0.0.1", 5555),
    }
    for group in ("order", "outside", "sweep"):
        parts[f"worker-{group}-1"] = serving.worker(group, processes=place.workers)
    return {name: list(part.command) for name, part in parts.items()}


def test_one_machine_needs_no_broker(place: Place) -> None:
    """Embedded, the clock stands for workers, beats and Flower, and the broker's setting is empty."""
    embedded = replace(place, embedded=True)
    assert [program.name for program in programs(embedded)] == ["clock", "events", "pages"]
    writing.write("supervisor", embedded)
    assert environment.read(embedded.environment_file)["CELERY_BROKER_URL"] == ""
    assert "celery" not in (embedded.folder / "supervisord.conf").read_text()


def test_connections_of_a_place_add_up(place: Place) -> None:
    """The environment says how many processes have a pool, and how large it is; a usual server has room."""
    usual = replace(place, workers=2)
    for one, processes in ((usual, 9), (replace(usual, embedded=True, folder=place.var), 4)):
        writing.write("environment", one)
        said = environment.read(one.environment_file)
        assert int(said["SHIGU_PROCESSES"]) == processes
        assert int(said["SHIGU_POOL"]) == one.threads
        assert processes * one.threads + database.SPARE <= 100 - 3
        assert bool(said["SHIGU_REDIS_URL"]) is not one.embedded
    assert replace(usual, pages=3, workers=5).pooled == 3 + 15 + 1


def test_passwords_are_made_once_and_kept(place: Place) -> None:
    """Mode 0600 from its first moment, at random, and a second run changes nothing in it."""
    writing.write("supervisor", place)
    path = place.environment_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    said = environment.read(path)
    assert all(len(said[name]) >= 32 for name in SECRETS)
    assert said["FLOWER_BASIC_AUTH"].startswith("shigu:")
    writing.write("systemd", replace(place, embedded=True))
    assert path.read_text() == before
    other = replace(place, folder=place.folder / "other")
    writing.write("environment", other)
    fresh = environment.read(other.environment_file)
    assert all(fresh[name] != said[name] for name in SECRETS)


def test_no_written_file_holds_a_secret(place: Place) -> None:
    """Whatever is in the environment file at random is in no other file, and others may not read it."""
    for kind in writing.KINDS:
        writing.write(kind, place)
    said = environment.read(place.environment_file)
    hidden = {said[name].removeprefix("shigu:") for name in SECRETS}
    others = [path for path in place.folder.iterdir() if path != place.environment_file]
    assert len(others) > 10
    for path in others:
        text = path.read_text()
        assert not any(secret in text for secret in hidden), path.name
    assert all(secret in place.environment_file.read_text() for secret in hidden)


def test_the_command_says_what_is_left_to_do(place: Place) -> None:
    """Fill it in; then that it was kept, may be read by others, and lacks a line."""
    assert "Fill in" in command_said(place, "--user", "nobody")
    path = place.environment_file
    path.write_text(re.sub(r"^FLOWER_BASIC_AUTH=.*\n", "", path.read_text(), flags=re.MULTILINE))
    path.chmod(0o644)
    before = path.read_text()
    said = command_said(place, "--user", "a-stranger", kind="systemd")
    assert "is as it was" in said
    assert f"chmod 600 {path}" in said
    assert "It does not say FLOWER_BASIC_AUTH." in said
    assert "useradd --system" in said
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--user", "root"], "does not run as root"),
        (["--user", "x; y"], "is no user's name"),
        (["--port", "70000"], "between 1 and 65535"),
        (["--port", "5554"], "Ports must differ"),
        (["--host", "a b"], "is no address"),
        (["--workers", "0"], "at least one"),
    ],
)
def test_what_cannot_be_is_refused_in_words(place: Place, options: list[str], why: str) -> None:
    """One sentence, and nothing was written."""
    with pytest.raises(CommandError, match=why):
        command_said(place, *options)
    assert not place.folder.exists()


def test_a_path_that_files_would_misread_is_refused(tmp_path: Path) -> None:
    """Blanks and percent signs mean something to supervisor and systemd."""
    for name in ("my shop", "100%", "a;b", "$HOME"):
        with override("en"), pytest.raises(CommandError, match="blanks or signs"):
            call_command("deploy", "supervisor", "--write", str(tmp_path / name), "--user", "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file in the way is named; no traceback."""
    (tmp_path / "file").write_text("")
    with override("en"), pytest.raises(CommandError, match="cannot be written"):
        call_command("deploy", "systemd", "--write", str(tmp_path / "file"), "--user", "")


def test_a_place_refuses_itself(place: Place) -> None:
    """What the command refuses, a program's own place refuses as well."""
    place.refuse()
    with pytest.raises(BadPlace):
        replace(place, python="/opt/my python").refuse()


def test_a_command_runs_with_the_environment(place: Place) -> None:
    """The file's words reach it; what is set already wins; quotes are taken off; nonsense is named."""
    writing.write("environment", place)
    path = place.environment_file
    path.write_text('A_NAME="a b"\n\n# more\nHOME=/nowhere\n')
    python = [sys.executable, "-m", "shigu.fleet.deploying.within", str(path)]
    show = "import os; print(os.environ['A_NAME'], os.environ['HOME'])"
    run = [*python, sys.executable, "-c", show]
    kept = os.environ | {"HOME": "/somewhere"}
    done = subprocess.run(run, capture_output=True, text=True, env=kept, cwd=ROOT, check=True)
    assert done.stdout.split() == ["a", "b", "/somewhere"]
    path.write_text("nonsense\n")
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "line 1 is not NAME=value" in done.stderr


def test_numbers_are_spelled_for_each_reader(place: Place) -> None:
    """A percent sign of ours survives both; the number of an instance is each one's own."""
    order = next(one for one in programs(place) if one.name == "worker-order")
    assert f"order-{NUMBER}@%h" in order.command
    made = {kind: writing.files(kind, place) for kind in ("supervisor", "systemd")}
    assert "-n order-%(process_num)d@%%h" in made["supervisor"]["supervisord.conf"]
    assert "-n order-%i@%%h" in made["systemd"]["shigu-worker-order@.service"]


def test_what_root_makes_belongs_to_who_runs_it(place: Place) -> None:
    """Environment, var and logs are the user's where root made them, and else whoever made them."""
    writing.write("supervisor", place)
    owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    for path in (place.environment_file, place.var, place.logs):
        assert path.stat().st_uid == owner
    assert (place.folder / "supervisord.conf").stat().st_uid == os.geteuid()


def test_every_queue_has_its_workers() -> None:
    """The groups share out all queues there are, each to one of them."""
    shared = [queue for group in serving.QUEUES.values() for queue in group]
    assert sorted(shared) == sorted(queue.name for queue in queues("redis://nowhere"))
