#!/usr/bin/env python3
"""Runs the health check and the commands of django-heroku-connect from PyPI against a running program.

    bin/setup --interop
    .build/interop/bin/python Tests/Interop/django_check.py http://127.0.0.1:8080 mct_... SCHEMA DATABASE_URL

The token must write and open one live tenant, whose schema is SCHEMA. The model of its accounts is imported and then
read. Exits with 1 at the first thing that is not as it should be.
"""
import sys
import urllib.parse

import django
from django.conf import settings
from django.core.management import call_command

origin, token, schema, database = sys.argv[1:]
parts = urllib.parse.urlsplit(database)
query = dict(urllib.parse.parse_qsl(parts.query))


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        sys.exit(1)


import requests

app = requests.get(f"{origin}/connections", headers={"Authorization": f"Bearer {token}"}).json()["results"][0]["app_name"]
settings.configure(
    SECRET_KEY="x", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "heroku_connect"],
    DATABASES={"default": {
        "ENGINE": "heroku_connect.db.backends.postgresql", "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "", "PASSWORD": parts.password or "",
        "HOST": parts.hostname or query.get("host", ""), "PORT": parts.port or query.get("port", ""),
    }},
    DATABASE_ROUTERS=["heroku_connect.db.router.HerokuConnectRouter"],
    HEROKU_CONNECT_SCHEMA=schema, HEROKU_AUTH_TOKEN=token, HEROKU_CONNECT_APP_NAME=app,
    HEROKU_CONNECT_API_ENDPOINT=f"{origin}/api/v3", HEROKU_CONNECT_ORGANIZATION_ID="",
)
django.setup()

from heroku_connect import utils
from heroku_connect.db import models


class Account(models.HerokuConnectModel):
    sf_object_name = "Account"
    sf_access = "read_write"
    name = models.Text(sf_field_name="Name", max_length=255)
    external = models.Text(sf_field_name="External_ID__c", max_length=40, null=True)

    class Meta:
        app_label = "heroku_connect"
        managed = False


def health():
    """What HerokuConnectHealthCheck.check_status does; the class itself needs another package."""
    troubles = []
    for connection in utils.get_connections(app):
        if connection["state"] not in utils.ConnectionStates.OK_STATES:
            troubles.append(connection["state"])
        for mapping in utils.get_connection(connection["id"], deep=True)["mappings"]:
            if mapping["state"] in utils.ERROR_MAPPING_STATES + utils.TEMPORARY_ERROR_MAPPING_STATES:
                troubles.append(mapping["state"])
    return troubles


check("the health check finds no trouble", health() == [])
check("the algorithm of the writes", utils.get_unique_connection_write_mode(app) in utils.WriteAlgorithm)
utils.link_connection_to_account(app)
check("the connection is linked to the account", True)
call_command("import_mappings", "--app", app, "--wait", "--wait-interval", "1")
check("import_mappings", True)
connection = utils.get_connections(app)[0]["id"]
fields = next(m for m in utils.get_connection(connection, deep=True)["mappings"] if m["object_name"] == "Account")
check("the imported mapping has the model's fields", {"Name", "External_ID__c"} <= set(fields["config"]["fields"]))
check("the model reads the tenant's rows", Account.objects.exclude(sf_id=None).count() > 0)
row = Account.objects.order_by("id").first()
row.name = "From Django"
row.save()
check("a row is changed", Account.objects.get(pk=row.pk).name == "From Django")
from heroku_connect.models import TriggerLog

check("the log has the change", TriggerLog.objects.filter(table_name="account", record_id=row.pk).exists())
