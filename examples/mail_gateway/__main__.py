"""`python -m examples.mail_gateway send` brings replies until it is ended; `receive [--sender ADDRESS]` takes a mail from stdin."""

import argparse
import asyncio
import logging
import os
import sys

import aiohttp
from examples.mail_gateway.incoming import MOST_BYTES, Incoming
from examples.mail_gateway.outgoing import Outgoing
from examples.mail_gateway.settings import Settings
from examples.mail_gateway.support_api import SupportApi, SupportAway

_log = logging.getLogger("mail_gateway")


async def _send(settings: Settings) -> None:
    async with aiohttp.ClientSession() as session:
        await Outgoing(SupportApi(session, settings), settings).run()


async def _receive(settings: Settings, sender: str | None) -> int:
    """0: it is taken. EX_TEMPFAIL: the mail server keeps it and comes again; so no mail is lost while the API is away."""
    raw = sys.stdin.buffer.read(MOST_BYTES)
    while sys.stdin.buffer.read(MOST_BYTES):
        """The rest is not wanted, but whoever pipes it must not meet a closed pipe."""
    async with aiohttp.ClientSession() as session:
        try:
            _log.info("%s", await Incoming(SupportApi(session, settings), settings).take(raw, sender))
        except SupportAway as away:
            _log.warning("not taken: %s", away)
            return os.EX_TEMPFAIL
    return os.EX_OK


def main() -> int:
    """Do what the arguments say; the exit code is that of sysexits.h, as mail servers read it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="mail_gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("send")
    commands.add_parser("receive").add_argument("--sender", default=None)
    told = parser.parse_args()
    settings = Settings()
    return asyncio.run(_receive(settings, told.sender) if told.command == "receive" else _send(settings)) or os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
