# Answers questions, one JSON line each, with the real libraries. Started by live_test.go.
import base64
import hashlib
import json
import sys
import time
import uuid
import zlib
from datetime import datetime, timezone

from flask import Flask
from itsdangerous import BadData, Signer, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer
from markupsafe import Markup


def tagged(v):
    if isinstance(v, Markup):
        return {"$markup": str(v)}
    if isinstance(v, bytes):
        return {"$bytes": base64.b64encode(v).decode()}
    if isinstance(v, uuid.UUID):
        return {"$uuid": str(v)}
    if isinstance(v, datetime):
        return {"$datetime": v.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")}
    if isinstance(v, tuple):
        return {"$tuple": [tagged(i) for i in v]}
    if isinstance(v, list):
        return [tagged(i) for i in v]
    if isinstance(v, dict):
        return {k: tagged(i) for k, i in v.items()}
    if isinstance(v, float) and (v != v or v in (float("inf"), float("-inf"))):
        return {"$float": str(v)}
    return v


def session_serializer(key):
    app = Flask("live")
    app.secret_key = key
    return app, app.session_interface.get_signing_serializer(app)


def session(q):
    app, s = session_serializer(q["key"])
    with app.app_context():
        return {"cookie": s.dumps(s.loads(q["cookie"], max_age=0))}


def opened(q):
    app, s = session_serializer(q["key"])
    with app.app_context():
        try:
            return {"class": "ok", "value": tagged(s.loads(q["cookie"].encode("utf-8", "surrogateescape"), max_age=60))}
        except BadData as e:
            return {"class": type(e).__name__}


def compressed(q):
    data = base64.b64decode(q["data"])
    out = zlib.compress(data)
    return {"data": base64.b64encode(out).decode(), "shorter": len(out) < len(data) - 1}


def token(q):
    kw = {"key_derivation": q["derivation"], "digest_method": getattr(hashlib, q["hash"])}
    if q["what"] == "timed":
        return {"text": URLSafeTimedSerializer(q["keys"], signer_kwargs=kw).dumps({"id": 7})}
    if q["what"] == "timeless":
        return {"text": URLSafeSerializer(q["keys"], signer_kwargs=kw).dumps(["é", 1.5])}
    signer = TimestampSigner if q["what"] == "stamped" else Signer
    return {"text": signer(q["keys"], **kw).sign("value").decode()}


actions = {"session": session, "open": opened, "zlib": compressed, "token": token}

for line in sys.stdin.buffer:
    q = json.loads(line)
    if "now" in q:
        time.time = lambda: q["now"]
    try:
        answer = actions[q["do"]](q)
    except Exception as e:
        answer = {"error": repr(e), "class": repr(e)[:200]}
    print(json.dumps(answer), flush=False)
