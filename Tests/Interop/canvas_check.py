#!/usr/bin/env python3
"""Posts signed requests of Canvas to a running web process. They are made here, as Salesforce's documentation says.

    .build/interop/bin/python Tests/Interop/canvas_check.py APP_URL SIMULATOR_URL ORG_ID OTHER_ORG_ID

The first org is registered, the other is not. The simulator's client secret signs the requests.
Exits with 1 at the first thing that is not as it should be.
"""
import base64
import hashlib
import hmac
import json
import sys
import time

import requests


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        sys.exit(1)


def envelope(simulator, org, issued):
    """The keys of the documentation's example of a context."""
    return {
        "algorithm": "HMACSHA256", "issuedAt": issued, "userId": "005B0000001234A",
        "client": {"refreshToken": None, "instanceId": "06Axx00000001mx", "instanceUrl": simulator,
                   "oauthToken": org[:15] + "!AQ0AQ.token", "targetOrigin": simulator},
        "context": {
            "user": {"userId": "005B0000001234A", "userName": "admin@example.com", "fullName": "Ann <b>Admin</b>",
                     "language": "en_US", "locale": "en_US", "timeZone": "America/Los_Angeles", "profileId": "00eB0000000IJtB",
                     "roleId": None, "userType": "STANDARD", "currencyISOCode": "USD"},
            "links": {"loginUrl": simulator, "restUrl": "/services/data/v66.0/"},
            "application": {"name": "Multiconnect", "canvasUrl": "https://example.com/canvas", "authType": "SIGNED_REQUEST",
                            "version": "1.0", "options": []},
            "environment": {"displayLocation": "Aura", "locationUrl": simulator + "/lightning/n/Multiconnect",
                            "parameters": {"größe": "✓"}, "dimensions": {"width": "800px", "height": "900px"},
                            "version": {"season": "SPRING", "api": "66.0"}},
            "organization": {"organizationId": org, "name": "Ünïted", "multicurrencyEnabled": False},
        },
    }


def signed(document, secret, method=hashlib.sha256):
    text = base64.b64encode(json.dumps(document, ensure_ascii=False).encode())
    code = base64.b64encode(hmac.new(secret.encode(), text, method).digest())
    return (code + b"." + text).decode()


def main(app, simulator, org, stranger):
    secret = requests.get(f"{simulator}/simulator").json()["clientSecret"]
    now = int(time.time() * 1000)

    def post(text):
        return requests.post(f"{app}/canvas", data={"signed_request": text}, timeout=30)

    good = signed(envelope(simulator, org, now), secret)
    page = post(good)
    check("a signed request opens the page", page.status_code == 200 and "State" in page.text)
    check("the frame is for Salesforce's host only",
          page.headers["Content-Security-Policy"].endswith("frame-ancestors " + simulator))
    check("no cookie is set", "Set-Cookie" not in page.headers)
    check("the same request is refused", post(good).status_code == 403)
    check("seconds are read too", post(signed(envelope(simulator, org, now // 1000), secret)).status_code == 200)
    check("an old request is refused", post(signed(envelope(simulator, org, now - 600_000), secret)).status_code == 403)
    check("a request of the future is refused", post(signed(envelope(simulator, org, now + 600_000), secret)).status_code == 403)
    check("without a time, a token that the org does not know is refused",
          post(signed(envelope(simulator, org, None), secret)).status_code == 403)
    check("a request with another secret is refused",
          post(signed(envelope(simulator, org, now + 1), "another")).status_code == 403)
    check("another HMAC is refused", post(signed(envelope(simulator, org, now + 2), secret, hashlib.sha512)).status_code == 403)
    other = dict(envelope(simulator, org, now + 3), algorithm="HMACSHA1")
    check("another algorithm is refused", post(signed(other, secret)).status_code == 403)
    code, text = signed(envelope(simulator, org, now + 4), secret).split(".")
    check("a truncated request is refused", post(code + "." + text[:-8]).status_code == 403)
    check("an org that is not registered is refused", post(signed(envelope(simulator, stranger, now), secret)).status_code == 404)
    check("a token of another org is refused", post(signed(
        {**envelope(simulator, org, now + 5), "client": envelope(simulator, stranger, now)["client"]}, secret)).status_code == 403)
    check("a host that is not Salesforce's is refused",
          post(signed(envelope("https://evil.example", org, now + 6), secret)).status_code == 403)


if __name__ == "__main__":
    main(*[argument.rstrip("/") for argument in sys.argv[1:]])
