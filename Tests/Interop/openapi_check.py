#!/usr/bin/env python3
"""Sends generated requests to the API of a running program, with schemathesis from PyPI.

    bin/setup --interop
    .build/interop/bin/python Tests/Interop/openapi_check.py http://127.0.0.1:8080 mct_...

The token must write. The requests change the tenant whose connection the API lists first: use a test tenant.
Exits with 1 if an answer differs from the document of the API, or if the program fails.
"""
import pathlib
import subprocess
import sys
import tempfile

import requests

EXAMPLES = 6  # Requests of one operation and phase.
SECONDS = 280  # Of the whole run.

origin, token = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}"}
connection = requests.get(f"{origin}/api/v3/connections?deep=true", headers=headers).json()["results"][0]
mapping = connection["mappings"][0]

settings = f"""
seed = 1
continue-on-failure = true
suppress-health-check = ["filter_too_much", "data_too_large", "too_slow"]
max-failures = 50
headers = {{ Authorization = "Bearer {token}" }}

[generation]
max-examples = {EXAMPLES}
# The same requests in each run.
deterministic = true
database = "none"
# Limits of the program, not of the document.
allow-x00 = false

[phases]
stateful.enabled = false
# Other methods, such as TRACE, are not implemented (501) for any path.
coverage.unexpected-methods = ["GET", "POST", "PUT", "PATCH"]

[checks]
# Names of settings that do not exist, and states that do not allow a change, are refused with 400 or 409.
positive_data_acceptance.enabled = false
# Numbers and booleans may be text, and unknown parameters and members are ignored, as Heroku Connect does.
negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "^/api/v3/connections/[{{]id"
parameters = {{ "path.id" = "{connection['id']}" }}

[[operations]]
include-path-regex = "^/api/v3/mappings/"
parameters = {{ "path.id" = "{mapping['id']}" }}

# It would leave nothing for the other requests.
[[operations]]
include-method = "DELETE"
enabled = false
"""

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "schemathesis.toml"
    path.write_text(settings)
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(path), "run",
        f"{origin}/api/v3/openapi.json", "--no-color", "--rate-limit", "590/m",
    ]
    # It writes a cache into its working directory.
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
print(run.stdout[-20000:], run.stderr[-2000:])
print("ok      schemathesis" if run.returncode == 0 else "FAILED  schemathesis")
sys.exit(run.returncode != 0)
