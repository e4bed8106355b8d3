"""`python -m alipay_simulator [init] --data DIR [--port 8003] [--speed 60]`: make the keys, then serve."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from alipay_simulator.keyring import open_keyring
from alipay_simulator.server import serve
from alipay_simulator.settings import DAY, Refused, Settings, check


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alipay_simulator", description="An Alipay gateway for this machine only."
    )
    parser.add_argument("command", nargs="?", choices=["serve", "init"], default="serve")
    parser.add_argument(
        "--data", type=Path, required=True, help="keys, app.json and the simulator's memory"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="a loopback address; nothing else is accepted"
    )
    parser.add_argument("--port", type=int, default=8003)
    parser.add_argument(
        "--speed", type=float, default=1.0, help="how much faster notifies are repeated"
    )
    parser.add_argument(
        "--notify-timeout", type=float, default=5.0, help="seconds a merchant may take"
    )
    parser.add_argument(
        "--refund-window-days", type=float, default=90.0, help="then TRADE_FINISHED"
    )
    parser.add_argument(
        "--timestamp-tolerance", type=float, default=600.0, help="seconds a request may be off"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], help="one more host for notify and return"
    )
    parser.add_argument("--app-id", default="")
    parser.add_argument("--seller-id", default="")
    parser.add_argument(
        "--merchant-key", type=Path, help="the merchant's public key (PEM or base64)"
    )
    return parser


def settings_of(given: argparse.Namespace) -> Settings:
    return Settings(
        data=given.data,
        host=given.host,
        port=given.port,
        speed=given.speed,
        notify_timeout=given.notify_timeout,
        refund_window=given.refund_window_days * DAY,
        timestamp_tolerance=given.timestamp_tolerance,
        allowed_hosts=frozenset(given.allow_host),
        app_id=given.app_id,
        seller_id=given.seller_id,
        merchant_key=given.merchant_key,
    )


def main() -> int:
    given = arguments().parse_args()
    settings = settings_of(given)
    try:
        check(settings)
        if given.command == "init":
            open_keyring(settings)
            print(f"keys and app.json are in {settings.data}")
            return 0
        print(f"Alipay simulator, no money moves: {settings.origin}/", flush=True)
        serve(settings)
    except Refused as why:
        print(f"refused: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
