"""Which keys a file may have: supervisor's own parser is watched, systemd's are listed.

Supervisor ignores a misspelled key in silence. So its parser reads the file, everything it asked for is
noted down, and what stands there without having been asked for is unknown to it.
"""

from __future__ import annotations

from collections import defaultdict
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ClientOptions, ServerOptions, UnhosedConfigParser

SYSTEMD = {
    "Unit": {"Description", "PartOf", "After", "Wants", "StartLimitIntervalSec"},
    "Service": {
        *("Type", "ExecStart", "ExecReload", "SyslogIdentifier", "WorkingDirectory", "User"),
        *("EnvironmentFile", "UMask", "KillMode", "KillSignal", "TimeoutStopSec", "Restart"),
        *("RestartSec", "LimitNOFILE", "NoNewPrivileges", "ProtectSystem", "ReadWritePaths"),
        *("ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables", "ProtectClock"),
        *("ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectHostname"),
        *("RestrictSUIDSGID", "RestrictRealtime", "RestrictNamespaces", "LockPersonality"),
        *("RestrictAddressFamilies", "CapabilityBoundingSet", "SystemCallArchitectures"),
        *("SystemCallFilter",),
    },
    "Install": {"WantedBy"},
}


def supervisor_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, set[str]]:
    """What supervisord makes of a file, and `section: key` of everything it does not know."""
    asked: dict[str, set[str]] = defaultdict(set)
    plain = UnhosedConfigParser.saneget

    def noted(self: Any, section: str, option: str, *args: Any, **words: Any) -> Any:
        asked[section].add(option)
        return plain(self, section, option, *args, **words)

    monkeypatch.setattr(UnhosedConfigParser, "saneget", noted)
    server, client = ServerOptions(), ClientOptions()
    section = server.read_config(str(path))
    client.read_config(str(path))
    assert not server.parse_warnings
    return section, {
        f"{name}: {key}"
        for name, keys in stated(path).items()
        for key in keys
        if key not in asked[name] and not key.startswith("supervisor.rpcinterface")
    }


def systemd_knows_not(text: str) -> set[str]:
    """`Section: key` of everything that is not in our list."""
    return {
        f"{name}: {key}"
        for name, keys in _sections(text).items()
        for key in keys
        if key not in SYSTEMD.get(name, set())
    }


def stated(path: Path) -> dict[str, list[str]]:
    """Keys by section, as they stand."""
    parser = RawConfigParser(inline_comment_prefixes=(" ;", "\t;"), strict=True)
    parser.read(path)
    return {name: list(parser[name]) for name in parser.sections()}


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            found[name := line.strip("[]")] = []
        elif "=" in line and not line.startswith("#"):
            found[name].append(line.partition("=")[0])
    return found
