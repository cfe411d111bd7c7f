#!/usr/bin/env python3
"""Drives a running org simulator with the PyPI client simple-salesforce.

    bin/setup --interop
    multiconnect org-simulator --port 8990 &
    .build/interop/bin/python Tests/Interop/simple_salesforce_check.py http://127.0.0.1:8990

The client builds https addresses only; an adapter mounted on them sends the requests to the simulator's http.
Exits with 1 at the first thing that is not as it should be.
"""
import csv
import io
import sys
import urllib.parse

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceExpiredSession


class Plain(HTTPAdapter):
    """Sends what was meant for an https address to the simulator."""

    def __init__(self, origin):
        super().__init__()
        self.origin = urllib.parse.urlsplit(origin)

    def send(self, request, **options):
        parts = urllib.parse.urlsplit(request.url)
        request.url = urllib.parse.urlunsplit(parts._replace(scheme="http", netloc=self.origin.netloc))
        return super().send(request, **options)


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        sys.exit(1)


def main(origin):
    about = requests.get(f"{origin}/simulator").json()
    org = requests.get(f"{origin}/simulator/orgs/1").json()
    session = requests.Session()
    host = urllib.parse.urlsplit(origin).netloc
    for address in (f"https://{host}", "https://login.salesforce.com"):
        session.mount(address, Plain(origin))

    client = Salesforce(
        username=org["users"][0]["username"], password=about["password"], consumer_key=about["clientId"],
        consumer_secret=about["clientSecret"], session=session, version="59.0")
    check("login by password grant", client.session_id.startswith(org["id"][:15] + "!"))

    fields = client.Account.describe()["fields"]
    check("describe: 57 keys a field", all(len(field) == 57 for field in fields))
    names = {entry["name"] for entry in client.describe()["sobjects"]}
    check("global describe", {"Account", "Contact", "User"} <= names)

    first = client.query("SELECT Id, Name FROM Account")
    check("query: a first page of 2000 at most", len(first["records"]) == min(2000, org["objects"]["Account"]))
    rows = client.query_all("SELECT Id, Name, Owner.Username FROM Account")["records"]
    check("query: all pages", len({row["Id"] for row in rows}) == org["objects"]["Account"])
    check("query: fields of parents", rows[0]["Owner"]["Username"].endswith(".example"))
    count = client.query("SELECT COUNT() FROM Contact WHERE Email != null")["totalSize"]
    check("query: COUNT()", 0 < count < org["objects"]["Contact"])
    deleted = client.query_all("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True)
    check("queryAll: the recycle bin", deleted["totalSize"] > 0)
    try:
        client.query("SELECT Nope FROM Account")
        check("an unknown field is an error", False)
    except SalesforceMalformedRequest as error:
        check("an unknown field is an error", error.content[0]["errorCode"] == "INVALID_FIELD")

    record = client.Account.get(rows[0]["Id"])
    check("a record by its id", record["Name"] == rows[0]["Name"])
    check("limits", client.limits()["DailyApiRequests"]["Max"] > 0)
    check("usage", client.api_usage["api-usage"].used > 0)

    pages = list(client.bulk2.Account.query("SELECT Id, Name, Description FROM Account", max_records=3000))
    table = [row for page in pages for row in list(csv.reader(io.StringIO(page)))[1:]]
    check("Bulk 2.0: locators lead through all pages", len(pages) == -(-org["objects"]["Account"] // 3000))
    check("Bulk 2.0: all rows", {row[0] for row in table} == {row["Id"] for row in rows})
    nameless = {row["Id"]: row["Name"].replace("\0", "") for row in rows}
    check("Bulk 2.0: the same names", all(nameless[row[0]] == row[1] for row in table))

    requests.post(f"{origin}/simulator/faults", json={"kind": "expire_access_tokens", "org": "1"})
    before = client.session_id
    try:
        client.query("SELECT Id FROM Account LIMIT 1")
        # Newer versions log in again by themselves.
        check("an expired token is renewed", client.session_id != before)
    except SalesforceExpiredSession as error:
        check("an expired token is an error", error.content[0]["errorCode"] == "INVALID_SESSION_ID")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
