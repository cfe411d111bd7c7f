#!/usr/bin/env python3
"""Drives a running org simulator with the PyPI client aiosfstream-ng: subscribe, replay, all events after a reconnect.

    bin/setup --interop
    multiconnect org-simulator --port 8990 &
    .build/interop/bin/python Tests/Interop/aiosfstream_check.py http://127.0.0.1:8990

The client's own authenticators log in at https://login.salesforce.com only; the one below logs in at the simulator.
Exits with 1 at the first thing that is not as it should be.
"""
import asyncio
import sys
import urllib.parse

import requests
from aiosfstream_ng import Client, ReplayOption
from aiosfstream_ng.auth import AuthenticatorBase
from aiosfstream_ng.exceptions import ServerError

CHANNEL = "/data/ChangeEvents"
EVENTS = "/event/Order_Ready__e"


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        sys.exit(1)


def credentials(origin):
    about = requests.get(f"{origin}/simulator").json()
    org = requests.get(f"{origin}/simulator/orgs/1").json()
    return {"grant_type": "password", "client_id": about["clientId"], "client_secret": about["clientSecret"],
            "username": org["users"][0]["username"], "password": about["password"]}


class Login(AuthenticatorBase):
    """The password grant of an org's administrator."""

    def __init__(self, origin):
        super().__init__()
        self.origin = origin

    async def _authenticate(self):
        response = requests.post(f"{self.origin}/services/oauth2/token", data=credentials(self.origin))
        # The client's cookie jar ignores addresses, so the host must be a name.
        port = urllib.parse.urlsplit(self.origin).port
        return response.status_code, dict(response.json(), instance_url=f"http://localhost:{port}")


def change(origin, **request):
    response = requests.post(f"{origin}/__simulator__/orgs/1/changes", json=request)
    response.raise_for_status()
    return response.json()


def publish(origin, payload):
    response = requests.post(f"{origin}/__simulator__/orgs/1/events",
                             json={"event": "Order_Ready__e", "payload": payload})
    response.raise_for_status()
    return response.json()


def header(message):
    return message["data"]["payload"]["ChangeEventHeader"]


async def receive(client, count):
    return [await asyncio.wait_for(client.receive(), 10) for _ in range(count)]


def report(loop, context):
    """The client logs the cancellation of its own connect when it is closed; only other errors are of interest."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


async def main(origin):
    asyncio.get_running_loop().set_exception_handler(report)
    replays = {}
    async with Client(Login(origin), replay=replays) as client:
        await client.subscribe(CHANNEL)
        made = change(origin, kind="create", records=[{"Name": "Acme", "BillingCity": "Graz"}])
        message = (await receive(client, 1))[0]
        payload = message["data"]["payload"]
        check("a created record's event arrives", header(message)["recordIds"] == made["ids"])
        check("its change type and object", (header(message)["changeType"], header(message)["entityName"])
              == ("CREATE", "Account"))
        check("its fields, also of compound fields", payload["Name"] == "Acme"
              and payload["BillingAddress"]["City"] == "Graz")
        ids = made["ids"]
        change(origin, kind="update", ids=ids, values={"BillingCity": None})
        change(origin, kind="delete", ids=ids)
        change(origin, kind="undelete", ids=ids)
        types = [header(message)["changeType"] for message in await receive(client, 3)]
        check("update, delete and undelete in order", types == ["UPDATE", "DELETE", "UNDELETE"])
    check("the replay id is stored", CHANNEL in replays)

    # While nobody is connected.
    missed = change(origin, kind="random", seed=5, count=200, objects=["Account", "Contact"])
    total = missed["changes"]
    async with Client(Login(origin), replay=replays) as client:
        await client.subscribe(CHANNEL)
        messages = await receive(client, total)
        found = [message["data"]["event"]["replayId"] for message in messages]
        check(f"after a reconnect: all {total} events, in order", found == sorted(set(found)))
        check("the last one is the org's last event", found[-1] == missed["replayId"])

        # The session ends, as if the client had been away for too long.
        change(origin, kind="settings", settings={"endSessions": True})
        later = change(origin, kind="update", ids=ids, values={"Site": "later"})
        message = (await receive(client, 1))[0]
        check("an ended session is resumed without a missing event",
              message["data"]["event"]["replayId"] == later["replayId"])

    async with Client(Login(origin), replay=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(CHANNEL)
        await receive(client, total + 5)
        check("all retained events are replayed", True)

    events = {}
    async with Client(Login(origin), replay=events) as client:
        await client.subscribe(EVENTS)
        # Published by the org, and by a call of the REST API.
        uuid = publish(origin, {"Order_Number__c": "1", "Amount__c": 2.5})["uuid"]
        message = (await receive(client, 1))[0]
        check("a platform event of the org arrives", message["channel"] == EVENTS
              and message["data"]["payload"]["Order_Number__c"] == "1"
              and message["data"]["event"]["EventUuid"] == uuid)
        session = requests.post(f"{origin}/services/oauth2/token", data=credentials(origin)).json()
        answer = requests.post(f"{origin}/services/data/v60.0/sobjects/Order_Ready__e/",
                               json={"Order_Number__c": "2"},
                               headers={"Authorization": f"Bearer {session['access_token']}"})
        check("a published event is answered with its UUID", answer.status_code == 201
              and answer.json()["errors"][0]["statusCode"] == "OPERATION_ENQUEUED")
        message = (await receive(client, 1))[0]
        check("an event that was published by REST arrives",
              message["data"]["event"]["EventUuid"] == answer.json()["errors"][0]["message"])
    publish(origin, {"Order_Number__c": "3"})
    async with Client(Login(origin), replay=events) as client:
        await client.subscribe(EVENTS)
        message = (await receive(client, 1))[0]
        check("a platform event is replayed", message["data"]["payload"]["Order_Number__c"] == "3")

    change(origin, kind="settings", settings={"forgetEvents": True})
    async with Client(Login(origin), replay=replays) as client:
        try:
            await client.subscribe(CHANNEL)
            check("an expired replay id is refused", False)
        except ServerError as error:
            check("an expired replay id is refused", "replayId" in str(error.error_message))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].rstrip("/")))
