"""Nobody but this machine, nothing but its own pages, and no junk that makes it stumble."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from alipay_simulator.control import Simulator, SimulatorError, free_port
from alipay_simulator.settings import Refused, Settings, check
from tests.simulator.merchant import Merchant

ROOT = Path(__file__).resolve().parent.parent.parent


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alipay_simulator", *arguments],
        cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("host", ["192.168.1.5", "example.com", "::", "localhost.example.com"])
def test_only_loopback_is_allowed(tmp_path: Path, host: str) -> None:
    """No address of the outer world is taken for this machine."""
    with pytest.raises(Refused, match="loopback"):
        check(Settings(tmp_path, host=host), {})


def test_only_loopback_is_bound(tmp_path: Path) -> None:
    """Any other address is refused before a file is written."""
    done = command("--data", str(tmp_path / "d"), "--host", "0.0.0.0")
    assert (done.returncode, "loopback" in done.stderr) == (2, True)
    assert not (tmp_path / "d").exists()


def test_production_refuses(tmp_path: Path) -> None:
    """With SHIGU_PRODUCTION=1 there is no simulator."""
    done = command("--data", str(tmp_path / "d"), SHIGU_PRODUCTION="1")
    assert (done.returncode, "production" in done.stderr) == (2, True)
    assert not (tmp_path / "d").exists()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """No stack trace for a port that somebody else has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = command("--data", str(tmp_path / "d"), "--port", str(other.getsockname()[1]))
    assert (done.returncode, done.stderr.startswith("refused: port")) == (2, True)


def test_a_broken_key_is_said_plainly(tmp_path: Path) -> None:
    """A merchant key that is none is refused in words."""
    (tmp_path / "key").write_text("not a key")
    done = command("init", "--data", str(tmp_path / "d"), "--merchant-key", str(tmp_path / "key"))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_init_is_idempotent_and_private(tmp_path: Path) -> None:
    """The files are made once, kept afterwards, and readable by their owner only."""
    folder = tmp_path / "d"
    assert command("init", "--data", str(folder)).returncode == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {
        "alipay_private.pem", "alipay_public.pem", "merchant_private.pem", "merchant_public.pem", "app.json",
    }  # fmt: skip
    assert command("init", "--data", str(folder)).returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8003", "127.0.0.1.evil.example", ""]
)
def test_foreign_host_names_are_refused(sim: Simulator, http: httpx.Client, host: str) -> None:
    """A name rebound to this machine does not open the simulator to a web page."""
    for path in ("/", "/_sim/state", "/gateway.do"):
        assert http.get(sim.url + path, headers={"host": host}).status_code in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:1"}, {"origin": "null"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_other_sites_change_nothing(
    sim: Simulator, http: httpx.Client, headers: dict[str, str]
) -> None:
    """A form on some other page can neither steer the simulator nor press its buttons."""
    told = http.post(f"{sim.url}/_sim/faults", json={"name": "gateway_500"}, headers=headers)
    pressed = http.post(f"{sim.url}/act/fault", data={"name": "gateway_500"}, headers=headers)
    assert (told.status_code, pressed.status_code) == (403, 403)
    assert sim.state()["faults"] == []


def test_merchants_pages_may_post_to_the_gateway(sim: Simulator, shop: Merchant) -> None:
    """The gateway's own form comes from another site by nature, and is signed instead."""
    headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-site"}
    assert shop.post(shop.page_params("A1"), headers=headers).status_code == 302


def test_control_wants_json(sim: Simulator, http: httpx.Client) -> None:
    """What a plain form could send is not taken for a command."""
    for kind, body in (
        ("text/plain", b"{}"),
        ("application/json", b"[1]"),
        ("application/json", b"{"),
    ):
        told = http.post(f"{sim.url}/_sim/reset", content=body, headers={"content-type": kind})
        assert (told.status_code, told.json()["error"]) == (400, "bad_request")


def test_bodies_are_bounded(sim: Simulator) -> None:
    """More than a form ever needs is not read."""
    for path in ("/gateway.do", "/_sim/faults", "/cashier/x/login"):
        headers = {"content-type": "application/json"}
        with httpx.Client(trust_env=False) as client:
            told = client.post(sim.url + path, content=b"x" * 300_000, headers=headers)
        assert told.status_code in (413, 404)


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        ("pay", {}), ("pay", {"out_trade_no": "nobody"}), ("pay", {"token": 5}), ("scan", {"token": "x"}),
        ("clock", {}), ("clock", {"offset_seconds": "1"}), ("clock", {"offset_seconds": 1e300}),
        ("clock", {"offset_seconds": True}), ("resend", {}), ("faults", {"faults": ["x"]}),
    ],
)  # fmt: skip
def test_senseless_commands_are_refused(sim: Simulator, act: str, asked: dict[str, object]) -> None:
    """Each is a 400 in words, and the clock and the rows stay as they were."""
    with pytest.raises(SimulatorError) as refused:
        sim._post(act, **asked)
    assert refused.value.code == "bad_request"
    state = sim.state()
    assert (state["trades"], state["faults"], state["clock"]["offset_seconds"]) == ([], [], 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /gateway.do?%ff=%fe&charset=utf-8 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /gateway.do?" + b"a=1&" * 200 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"POST /gateway.do HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 4\r\n\r\n\xff\x00\xff\x00",
        b"GET /trades/%00%ff HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /notices/99999999999999999999999 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /?trades=-1&notifies=99999999999 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: [::\r\n\r\n",
        b"GET /static/../settings.py HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /_sim/state?limit=%C2%B2 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
    ],
)
def test_junk_is_answered_not_stumbled_over(sim: Simulator, raw: bytes) -> None:
    """Whatever is sent gets an answer below 500, and the simulator lives on."""
    port = int(sim.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(raw)
        status = int(line.recv(64).split()[1])
    assert status < 500
    assert sim.state()["trades"] == []


def test_console_shows_everything_in_both_languages(
    sim: Simulator, shop: Merchant, browser: httpx.Client
) -> None:
    """Trades, notifies with what was sent and answered, switches and the clock, page by page."""
    for place in range(12):
        shop.page(f"A{place}", subject=f"<i>{place}</i>")
        sim.pay(f"A{place}")
    sim.wait(lambda: all(n["status"] == "done" for n in sim.notifications()))
    english = browser.get("/").text
    assert all(
        part in english for part in ("A11", "A2", "Accepted", "Older", "&lt;i&gt;11&lt;/i&gt;")
    )
    assert "A1<" not in english
    assert "A1<" in browser.get("/?trades=1&notifies=1").text
    assert "模拟收银台" in browser.get("/?lang=zh").text
    trade = sim.trade("A0")
    shown = browser.get(f"/trades/{trade['trade_no']}?lang=en").text  # type: ignore[index]
    assert "total_amount=12.30" in shown
    number = sim.notifications("A0")[0]["id"]
    assert "notify_id" in browser.get(f"/notices/{number}").text


def test_console_buttons_work(sim: Simulator, shop: Merchant, browser: httpx.Client) -> None:
    """Switch on, switch off, release, send again, move the clock; a bad number is told, not taken."""
    on = {"name": "notify_delayed", "times": "1", "out_trade_no": "A1", "value": ""}
    assert browser.post("/act/fault", data=on).status_code == 303
    shop.page("A1")
    sim.pay("A1")
    assert sim.notifications("A1")[0]["status"] == "held"
    browser.post("/act/release")
    sim.wait(lambda: sim.attempts("A1"))
    again = browser.post(
        "/act/resend", data={"id": str(sim.notifications("A1")[0]["id"]), "back": "//evil"}
    )
    assert again.headers["location"] == "/"
    sim.wait(lambda: len(sim.attempts("A1")) == 2)
    assert (
        browser.post("/act/fault", data={"name": "gateway_500", "times": "many"}).status_code == 400
    )
    browser.post("/act/clear", data={"id": str(sim.state()["faults"][0]["id"])})
    assert sim.state()["faults"] == []
    browser.post("/act/clock", data={"step": "15m"})
    assert sim.state()["clock"]["offset_seconds"] == 900
    browser.post("/act/clock", data={"step": "true"})
    assert sim.state()["clock"]["offset_seconds"] == 0
    assert browser.post("/act/nonsense").status_code == 400


def test_sigterm_ends_it_at_once(tmp_path: Path) -> None:
    """Asked to end, it ends within a second or two and leaves nothing behind at its port."""
    port = free_port()
    with Simulator.started(tmp_path, port=port) as sim:
        begun = time.monotonic()
        sim.stop()
        assert time.monotonic() - begun < 3
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
