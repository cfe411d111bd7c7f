#!/usr/bin/env python3
"""Drives a service of `multiconnect odata` with the PyPI clients pyodata (OData 2.0) and python-odata (OData 4.0).

    bin/setup --interop
    multiconnect odata create ORG sales && multiconnect odata tables ORG sales account contact --write
    .build/interop/bin/python Tests/Interop/odata_check.py URL_OF_V4 URL_OF_V2 USER PASSWORD

Needs the tables account (at least 10 rows) and contact. Exits with 1 at the first thing that is not as it should be.
"""
import sys

import pyodata
import requests
from odata import ODataService


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what)
    if not holds:
        sys.exit(1)


def check_2(url, auth):
    session = requests.Session()
    session.auth = auth
    client = pyodata.Client(url, session)
    sets = {entity_set.name for entity_set in client.schema.entity_sets}
    check("pyodata: entity sets", {"salesforce$account", "salesforce$contact"} <= sets)
    accounts = getattr(client.entity_sets, "salesforce$account")
    found = accounts.get_entities().select("id,name").top(5).order_by("name desc").execute()
    names = [entity.name for entity in found]
    check("pyodata: top and orderby", len(names) == 5 and names == sorted(names, reverse=True))
    counted = accounts.get_entities().count(inline=True).top(1).execute()
    total = accounts.get_entities().count().execute()
    check("pyodata: counts", counted.total_count == total and total >= 10)
    one = accounts.get_entity(found[0].id).execute()
    check("pyodata: key", one.name == names[0] and one.createddate.year > 2000)
    quoted = names[0].replace("'", "''")
    same = accounts.get_entities().filter(f"name eq '{quoted}'").execute()
    check("pyodata: filter", names[0] in [entity.name for entity in same])
    part = accounts.get_entities().filter("substringof('a', tolower(name)) and id lt 100").execute()
    check("pyodata: substringof", all("a" in entity.name.lower() for entity in part))
    contacts = getattr(client.entity_sets, "salesforce$contact")
    made = contacts.create_entity().set(lastname="Py'OData", phone="1").execute()
    check("pyodata: create", made.lastname == "Py'OData" and made.id > 0)
    contacts.update_entity(made.id).set(phone="2").execute()
    check("pyodata: update", contacts.get_entity(made.id).execute().phone == "2")
    contacts.delete_entity(made.id).execute()
    try:
        contacts.get_entity(made.id).execute()
        check("pyodata: delete", False)
    except pyodata.exceptions.HttpError as error:
        check("pyodata: delete", error.response.status_code == 404)
    batch = client.create_batch("batch")
    batch.add_request(accounts.get_entity(found[0].id))
    changes = client.create_changeset("changes")
    changes.add_request(contacts.create_entity().set(lastname="Batch one"))
    changes.add_request(contacts.create_entity().set(lastname="Batch two"))
    batch.add_request(changes)
    read, made = batch.execute()
    check("pyodata: batch", read.name == found[0].name and [one.lastname for one in made] == ["Batch one", "Batch two"])
    print("ok odata 2")


def check_4(url, auth):
    service = ODataService(url, auth=auth, reflect_entities=True, quiet_progress=True)
    Account, Contact = service.entities["salesforce$account"], service.entities["salesforce$contact"]
    query = service.query(Account)
    names = [account.name for account in query.order_by(Account.name.desc()).limit(5)]
    check("python-odata: top and orderby", len(names) == 5 and names == sorted(names, reverse=True))
    one = query.filter(Account.name == names[0]).first()
    check("python-odata: filter", one is not None and one.name == names[0])
    check("python-odata: key", service.query(Account).get(one.id).name == names[0])
    part = query.filter(Account.name.contains("a")).all()
    check("python-odata: contains", all("a" in account.name for account in part))
    contact = Contact()
    contact.lastname = "Python OData"
    service.save(contact)
    check("python-odata: create", contact.id > 0)
    contact.phone = "3"
    service.save(contact)
    check("python-odata: update", service.query(Contact).get(contact.id).phone == "3")
    service.delete(contact)
    left = service.query(Contact).filter(Contact.lastname == "Python OData").all()
    check("python-odata: delete", len(list(left)) == 0)
    print("ok odata 4")


def main():
    url_4, url_2, user, password = sys.argv[1:]
    check_2(url_2, (user, password))
    check_4(url_4, (user, password))


main()
