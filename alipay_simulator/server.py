"""The process: one event loop with the web application and the courier in it, ended by SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket

from granian.constants import Interfaces
from granian.server.embed import Server

from alipay_simulator.app import build
from alipay_simulator.courier import Courier
from alipay_simulator.desk import open_desk
from alipay_simulator.settings import Refused, Settings

log = logging.getLogger("alipay_simulator")


def serve(settings: Settings) -> None:
    _free(settings)
    asyncio.run(_serve(settings))


def _free(settings: Settings) -> None:
    """Say plainly that the port is taken, before any file is touched."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as problem:
            raise Refused(f"port {settings.port} cannot be used: {problem.strerror}") from problem


async def _serve(settings: Settings) -> None:
    desk = open_desk(settings)
    courier = Courier(desk)
    server = Server(
        build(desk, courier),
        settings.host,
        settings.port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    work = asyncio.create_task(_kept_running(courier))
    try:
        await server.serve()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await courier.stop()
        desk.store.close()


async def _kept_running(courier: Courier) -> None:
    """A courier that stumbles is told of and gets up again."""
    while True:
        try:
            await courier.run()
        except Exception:
            log.exception("the courier stumbled")
            await asyncio.sleep(0.5)
