"""Every address of the simulator on one page, and the application that serves them."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alipay_simulator import cashier, console, gateway, steering
from alipay_simulator.courier import Courier
from alipay_simulator.desk import Desk
from alipay_simulator.guarding import Door
from alipay_simulator.settings import MAX_BODY

GET, POST = ["GET"], ["POST"]


def build(desk: Desk, courier: Courier) -> Starlette:
    app = Starlette(routes=_routes(), middleware=[Middleware(Door)], max_body_size=MAX_BODY)
    app.state.desk, app.state.courier = desk, courier
    return app


def _routes() -> list[Route | Mount]:
    return [
        Route("/gateway.do", gateway.gateway, methods=["GET", "POST"]),
        Route("/bill/{token}.zip", gateway.bill, methods=GET),
        Route("/cashier/{token}", cashier.show, methods=GET),
        Route("/cashier/{token}/leave", cashier.leave, methods=GET),
        Route("/cashier/{token}/login", cashier.log_in, methods=POST),
        Route("/cashier/{token}/scan", cashier.scan, methods=POST),
        Route("/cashier/{token}/pay", cashier.pay, methods=POST),
        Route("/cashier/{token}/switch", cashier.switch_account, methods=POST),
        Route("/", console.overview, methods=GET),
        Route("/trades/{trade_no}", console.trade, methods=GET),
        Route("/notices/{number:int}", console.notice, methods=GET),
        Route("/act/{act}", console.act, methods=POST),
        Route("/_sim/{act}", steering.steer, methods=["GET", "POST"]),
        Route("/favicon.ico", _nothing, methods=GET),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]


async def _nothing(request: object) -> Response:
    return Response(status_code=204)
