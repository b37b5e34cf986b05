"""The running Flask application: people log in and add notes. flask --app notes init-db && flask --app notes run -p 5001"""

import os
import sqlite3

from flask import Flask, flash, g, redirect, render_template, request, session, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.secret_key = os.environ.get("NOTES_SECRET_KEY", "dev")
# The only change for the move: believe the one proxy in front, which is Carafe.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)


def db():
    if "db" not in g:
        g.db = sqlite3.connect(os.environ.get("NOTES_DATABASE", "notes.sqlite"))
        g.db.row_factory = sqlite3.Row
    return g.db


@app.teardown_appcontext
def close(_):
    if "db" in g:
        g.db.close()


@app.cli.command("init-db")
def init_db():
    db().executescript(
        """
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, password TEXT NOT NULL);
        CREATE TABLE notes (id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL);
        """
    )
    for name in ("ada", "bob"):
        db().execute("INSERT INTO users (name, password) VALUES (?, ?)", (name, generate_password_hash(name)))
    db().commit()


@app.before_request
def load_user():
    g.user = db().execute("SELECT id, name FROM users WHERE id = ?", (session.get("user_id"),)).fetchone()


@app.route("/")
def index():
    return render_template("index.html", notes=db().execute("SELECT author, text FROM notes ORDER BY id").fetchall())


@app.post("/notes")
def add():
    if g.user is None:
        return redirect(url_for("login"))
    if not request.form.get("text"):
        flash("A note needs a text.", "error")
    else:
        db().execute("INSERT INTO notes (author, text) VALUES (?, ?)", (g.user["name"], request.form["text"]))
        db().commit()
        flash("Added.", "success")
    return redirect(url_for("index"))


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        user = db().execute("SELECT id, password FROM users WHERE name = ?", (request.form["name"],)).fetchone()
        if user is not None and check_password_hash(user["password"], request.form["password"]):
            session["user_id"] = user["id"]
            flash("Welcome.", "success")
            return redirect(url_for("index"))
        flash("That is not right.", "error")
    return render_template("login.html")


@app.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


@app.route("/notes.txt")
def export():
    rows = db().execute("SELECT author, text FROM notes ORDER BY id").fetchall()
    return (f"{row['author']}: {row['text']}\n" for row in rows), {"Content-Type": "text/plain; charset=utf-8"}
