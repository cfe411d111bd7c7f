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


def ingest(client, job, failed=0):
    """The result rows of a job of one batch: successful and failed ones."""
    check(f"Bulk 2.0: {failed} failed rows", int(job[0]["numberRecordsFailed"]) == failed)
    rows = client.bulk2.Account.get_all_ingest_records(job[0]["job_id"])
    check("Bulk 2.0: every row has a result", len(rows["successfulRecords"]) + len(rows["failedRecords"])
          == job[0]["numberRecordsTotal"] and not rows["unprocessedRecords"])
    return rows["successfulRecords"], rows["failedRecords"]


def bulk_writes(client):
    bulk = client.bulk2.Account
    names = [f'Bulk {number}, "quoted"' for number in range(450)]
    job = bulk.insert(records=[{"Name": name, "Phone": "1", "Fax": "2"} for name in names], wait=0.1)
    made, _ = ingest(client, job)
    check("Bulk 2.0: inserted rows", sorted(row["Name"] for row in made) == sorted(names))
    check("Bulk 2.0: results are not in the order of the data", [row["Name"] for row in made] != names)
    ids = [row["sf__Id"] for row in made]

    records = [{"Id": ids[0], "Phone": "", "Fax": "#N/A"}, {"Id": "001000000000000AAA", "Phone": "3", "Fax": "3"}]
    _, refused = ingest(client, bulk.update(records=records, wait=0.1), failed=1)
    check("Bulk 2.0: a failed row has its error",
          refused[0]["sf__Error"].startswith("INVALID_CROSS_REFERENCE_KEY:"))
    record = client.Account.get(ids[0])
    check("Bulk 2.0: an empty value is ignored, N/A is null", (record["Phone"], record["Fax"]) == ("1", None))

    keys = [{"External_ID__c": f"interop-{number}", "Name": f"Key {number}"} for number in range(3)]
    for expected in ("true", "false"):
        job = bulk.upsert(records=keys, external_id_field="External_ID__c", wait=0.1)
        rows, _ = ingest(client, job)
        check(f"Bulk 2.0: upserted rows, created: {expected}", {row["sf__Created"] for row in rows} == {expected})
    ids += [row["sf__Id"] for row in rows]

    ingest(client, bulk.delete(records=[{"Id": id} for id in ids], wait=0.1))
    found = client.query_all(f"SELECT Id FROM Account WHERE Id IN ('{ids[0]}','{ids[-1]}')")
    check("Bulk 2.0: deleted rows", found["totalSize"] == 0)


def collection_writes(client):
    def send(method, path="", **body):
        return client.restful(f"composite/sobjects{path}", method=method, **body)

    kind = {"attributes": {"type": "Account"}}
    made = send("POST", json={"records": [{**kind, "Name": "One"}, {**kind, "Industry": "Energy"}]})
    check("collections: one result a record", [row["success"] for row in made] == [True, False])
    check("collections: a failed record has its error",
          made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING")
    changed = send("PATCH", json={"records": [{**kind, "id": made[0]["id"], "Name": "Two"}]})
    check("collections: update", changed[0]["success"] and client.Account.get(made[0]["id"])["Name"] == "Two")
    keyed = {"records": [{**kind, "External_ID__c": "interop-key", "Name": "Three"}]}
    rows = [send("PATCH", "/Account/External_ID__c", json=keyed)[0] for _ in range(2)]
    check("collections: upsert", [row["created"] for row in rows] == [True, False])
    gone = send("DELETE", params={"ids": f"{made[0]['id']},{rows[0]['id']}"})
    check("collections: delete", all(row["success"] for row in gone))


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

    bulk_writes(client)
    collection_writes(client)

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
