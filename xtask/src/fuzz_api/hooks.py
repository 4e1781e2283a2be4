"""What schemathesis does before and after each request: shows the credential of the role, names things that there are
in place of invented ones, gives each request an address of its own, and counts the answers."""

import atexit
import itertools
import json
import os
import re
from collections import Counter

import schemathesis

with open(os.environ["STRONGROOM_FUZZ_WORLD"], encoding="utf-8") as file:
    WORLD = json.load(file)
BEARER = WORLD["bearer"]
POOLS = WORLD["pools"]
ID = re.compile("^[0-9a-f]{32}$")
# Which pool a field of a body has its ids from.
FIELDS = {"organisation": "organisation", "parent": "organisation", "user": "user"}
# What whoever asks does it with.
OWN = set(WORLD["own"])
COUNTER = itertools.count()
ANSWERS = Counter()


def pick(kind, number, sent):
    """Takes something that there is and may be changed, three times of four; else something that there is not: what
    schemathesis found out about by itself, as those who ask, would end the run."""
    pool = POOLS.get(kind)
    if pool and number % 4 != 3:
        return pool[number // 4 % len(pool)]
    if kind in ("session", "token") and sent not in OWN:
        return sent
    return f"{number:032x}"


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(COUNTER)
    headers = case.headers if isinstance(case.headers, dict) or case.headers else {}
    for name in list(headers):
        if name.lower() in ("authorization", "x-forwarded-for"):
            del headers[name]
    if BEARER:
        headers["Authorization"] = f"Bearer {BEARER}"
    # Whoever guesses is slowed down by the network they come from: here each comes from another.
    block, rest = divmod(number, 250)
    headers["X-Forwarded-For"] = f"10.{block // 250 % 250}.{block % 250}.{rest + 1}"
    case.headers = headers
    for kind, sent in (case.path_parameters or {}).items():
        if ID.match(str(sent)) or number % 2:
            case.path_parameters[kind] = pick(kind, number, sent)
    if isinstance(case.body, dict):
        for field, kind in FIELDS.items():
            if ID.match(str(case.body.get(field, ""))):
                case.body[field] = pick(kind, number, case.body[field])
        # Every other confirmation says the right word.
        if "confirm" in case.body and number % 2 == 0:
            case.body["confirm"] = WORLD["confirm"]


@schemathesis.hook
def after_call(context, case, response):
    ANSWERS[response.status_code] += 1


@atexit.register
def tell():
    path = os.environ["STRONGROOM_FUZZ_ANSWERS"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({str(status): count for status, count in ANSWERS.items()}, file)
