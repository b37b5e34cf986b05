# A Flask app that does to its session what each line of JSON on standard input asks for. Started by session_live_test.go.
import json
import sys
import time
import uuid
from datetime import datetime, timezone

from flask import Flask, flash, get_flashed_messages, session
from markupsafe import Markup

now = time.time


def tagged(v):
    if isinstance(v, Markup):
        return {"$markup": str(v)}
    if isinstance(v, bytes):
        return {"$bytes": v.hex()}
    if isinstance(v, uuid.UUID):
        return {"$uuid": str(v)}
    if isinstance(v, datetime):
        return {"$datetime": v.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if isinstance(v, tuple):
        return {"$tuple": [tagged(i) for i in v]}
    if isinstance(v, list):
        return [tagged(i) for i in v]
    if isinstance(v, dict):
        return {k: tagged(i) for k, i in v.items()}
    return v


def answer(q):
    app = Flask("live")
    app.config.update(SECRET_KEY=q["key"], SECRET_KEY_FALLBACKS=q.get("fallbacks"), SESSION_COOKIE_SAMESITE="Lax")
    time.time = (lambda: q["now"]) if q.get("now") else now
    out = {}

    @app.route("/")
    def view():
        out["permanent"] = session.permanent
        out["values"] = tagged({k: v for k, v in session.items() if k[0] != "_"})
        if q.get("flashed"):
            out["flashed"] = get_flashed_messages(with_categories=True)
        for k, v in q.get("set", {}).items():
            session[k] = v
        if q.get("types"):
            session.update(tuple=(1, (2,)), bytes=b"\xff", markup=Markup("<b>"), uuid=uuid.UUID(int=7), time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc))
        for category, text in q.get("flash", []):
            flash(text, category)
        if "permanent" in q:
            session.permanent = q["permanent"]
        return "ok"

    client = app.test_client(use_cookies=False)
    response = client.get("/", headers={"Cookie": "session=" + q["cookie"]} if q.get("cookie") else {})
    line = response.headers.get("Set-Cookie", "")
    out["line"] = line
    out["cookie"] = line.partition("=")[2].partition(";")[0]
    return out


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
