"""The cases in Flask, for Gunicorn: flaskapp:app. SITE is the folder with static and templates."""

import os
import re

from flask import Flask, Response, abort, render_template, request, session

site = os.environ["SITE"]
app = Flask("bench", static_folder=site + "/static", template_folder=site + "/templates")
app.secret_key = os.environ["SECRET"]
app.json.sort_keys = False
app.json.compact = True

users = [{"ID": i, "Name": f"Ada & Grace <{i}>"} for i in range(1, 51)]
remembered = {"user": "alice", "theme": "dark", "cart": "7,9,12"}
pieces = [b"0123456789abcde\n" * 64] * 10


@app.get("/hello")
def hello():
    return "Hello, World!"


@app.get("/users/<int:id>")
def user(id):
    return {"id": id, "name": "ada"}


def valid(o):
    """By hand: Flask itself has no validation."""
    try:
        return (
            2 <= len(o["customer"]) <= 64
            and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", o["email"])
            and o["currency"] in ("EUR", "USD", "GBP")
            and isinstance(o["express"], bool)
            and 1 <= len(o["lines"]) <= 100
            and all(l["sku"].isalnum() and 1 <= l["quantity"] <= 1000 and l["price"] >= 0 for l in o["lines"])
            and o["address"]["street"]
            and o["address"]["city"]
            and re.fullmatch(r"[0-9]{5}", o["address"]["zip"])
        )
    except (KeyError, TypeError, AttributeError):
        return False


@app.post("/orders")
def orders():
    order = request.get_json()
    if not valid(order):
        abort(422)
    return order


@app.get("/session")
def visit():
    n = session.get("n", 0)
    if n == 0:
        session.update(remembered)
    session["n"] = n + 1
    return f"visit {n + 1}"


@app.get("/page")
def page():
    return render_template("users.html", Title="Users", Users=users)


@app.get("/stream")
def stream():
    return Response(iter(pieces), mimetype="text/plain")
