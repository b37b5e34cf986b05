"""What real Flask makes of the pages of pages.json: their texts, by name, as JSON."""

import datetime
import json
import pathlib
import sys

from flask import Blueprint, Flask, flash, g, render_template, request, session

here = pathlib.Path(__file__).parent
told = json.loads((here / "pages.json").read_text())
posts = [{**p, "created": datetime.datetime.fromisoformat(p["created"])} for p in told["posts"]]

app = Flask(__name__, root_path=str(here))
app.config.update(SECRET_KEY=told["secret"], SITE=told["site"])
auth = Blueprint("auth", __name__, url_prefix="/auth")
blog = Blueprint("blog", __name__)
current = {}


@app.before_request
def load():
    g.user = told["user"] if current.get("user") else None
    session["visits"] = 2
    for category, message in current.get("flash", []):
        flash(message, category)


@auth.route("/login", methods=("GET", "POST"))
def login():
    return render_template("auth/login.html")


@auth.route("/register", methods=("GET", "POST"))
def register():
    return render_template("auth/register.html")


@auth.route("/logout")
def logout():
    return ""


@blog.route("/")
def index():
    return render_template("blog/index.html", posts=[] if request.args.get("empty") else posts)


@blog.route("/create", methods=("GET", "POST"))
def create():
    return render_template("blog/create.html")


@blog.route("/<int:id>/update", methods=("GET", "POST"))
def update(id):
    return render_template("blog/update.html", post=next(p for p in posts if p["id"] == id))


@blog.route("/<int:id>/delete", methods=("POST",))
def delete(id):
    return ""


app.register_blueprint(auth)
app.register_blueprint(blog)
app.add_url_rule("/", endpoint="index")

pages = {}
for current in told["requests"]:
    client = app.test_client()
    r = client.post(current["path"], data=current["form"]) if "form" in current else client.get(current["path"])
    pages[current["name"]] = f"{r.status_code}\n{r.text}"
json.dump(pages, sys.stdout)
