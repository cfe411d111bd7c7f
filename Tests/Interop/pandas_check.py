#!/usr/bin/env python3
"""Reads a tenant with pandas from PyPI: as its reader with SQLAlchemy, and through the links of a shared query.

    bin/setup --interop
    multiconnect organizations grant-reader ORG
    multiconnect queries save ORG names "select id, sfid, name, createddate from account order by id"
    multiconnect queries share ORG names pandas
    .build/interop/bin/python Tests/Interop/pandas_check.py READER_URL LINK

Needs the table account (at least 10 rows). Exits with 1 at the first thing that is not as it should be.
"""
import sys
import urllib.parse
import urllib.request

import pandas
import sqlalchemy

reader, link = sys.argv[1:]


def check(what, holds):
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        sys.exit(1)


engine = sqlalchemy.create_engine(reader.replace("postgres://", "postgresql+psycopg2://", 1))
accounts = pandas.read_sql("select id, sfid, name, createddate from account order by id", engine)
check("a table", len(accounts) >= 10 and list(accounts.columns) == ["id", "sfid", "name", "createddate"])
check("types", str(accounts["createddate"].dtype).startswith("datetime64") and accounts["id"].dtype == "int64")
pieces = list(pandas.read_sql(
    "select id from account order by id", engine.connect().execution_options(stream_results=True), chunksize=4))
check("pieces", sum(len(piece) for piece in pieces) == len(accounts) and len(pieces[0]) == 4)
tables = sqlalchemy.inspect(engine).get_table_names(schema=urllib.parse.urlsplit(reader).username.removesuffix("_reader"))
check("the list of tables", "account" in tables)
try:
    accounts.head(1).to_sql("account", engine, if_exists="append", index=False)
    check("no writes", False)
except sqlalchemy.exc.DatabaseError as error:
    check("no writes", "read-only" in str(error) or "permission denied" in str(error))

# Without the option a name such as "NA" would become a missing value.
shared = pandas.read_csv(link + ".csv", keep_default_na=False)
different = [pair for pair in zip(shared["name"], accounts["name"].fillna("")) if pair[0] != pair[1]]
check(f"a shared query as CSV {different[:3]}", len(shared) == len(accounts) and not different)
with urllib.request.urlopen(link + ".json") as answer:
    document = pandas.read_json(answer, typ="series")
frame = pandas.DataFrame(document["rows"], columns=document["columns"])
check("a shared query as JSON", frame["sfid"].tolist() == accounts["sfid"].tolist())
print("ok pandas")
