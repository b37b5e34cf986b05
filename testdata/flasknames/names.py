"""Writes names.txt: the public names of Flask 3.1.3, by what has them (python3 names.py)."""
import inspect
import pathlib
import types
import warnings

import flask
import flask.cli
import flask.json.provider
import flask.sessions
import flask.testing
import flask.views

warnings.simplefilter("ignore")


def is_module(thing, name):
    return isinstance(inspect.getattr_static(thing, name, None), types.ModuleType)


def public(thing):
    names = (n for n in dir(thing) if not n.startswith("_") and n != "annotations")
    return sorted(n for n in names if not (inspect.ismodule(thing) and is_module(thing, n)))


app = flask.Flask("names")
blueprint = flask.Blueprint("b", "names")
with app.test_request_context("/"):
    request, response, g = public(flask.request._get_current_object()), public(app.response_class()), public(flask.g._get_current_object())

sections = {
    "flask": public(flask),
    "Flask": public(app),
    "Blueprint": [n for n in public(blueprint) if n not in public(app)],
    "BlueprintSetupState": ["add_url_rule", "app", "blueprint", "first_registration", "name", "name_prefix", "options", "subdomain", "url_defaults", "url_prefix"],
    "request": request,
    "Response": response,
    "g": g,
    "session": [n for n in public(flask.sessions.SecureCookieSession) if n not in dir(dict)],
    "SessionInterface": public(flask.sessions.SecureCookieSessionInterface),
    "Config": [n for n in public(flask.Config) if n not in dir(dict)],
    "Keys of the config": sorted(flask.Flask.default_config),
    "The test client": public(flask.testing.FlaskClient(app)),
    "The command runner": public(flask.testing.FlaskCliRunner),
    "View": public(flask.views.View),
    "flask.cli": ["AppGroup", "FlaskGroup", "ScriptInfo", "load_dotenv", "pass_script_info", "routes_command", "run_command", "shell_command", "with_appcontext"],
    "flask.json": [n for n in public(flask.json) if n not in ("current_app", "jsonify")],
    "DefaultJSONProvider": public(flask.json.provider.DefaultJSONProvider),
}
text = "".join("# %s\n%s\n" % (title, "\n".join(names)) for title, names in sections.items())
pathlib.Path(__file__).with_name("names.txt").write_text(text)
