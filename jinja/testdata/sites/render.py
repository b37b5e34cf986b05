"""Renders the sites given on stdin with real Jinja2: the oracle of sites_test.go."""
import json
import sys
from urllib.parse import quote, urlencode

from jinja2 import DictLoader, Environment


def url_for(endpoint, **values):
    url = "/" + endpoint.replace(".", "/")
    if "filename" in values:
        url += "/" + quote(values.pop("filename"))
    return url + ("?" + urlencode(sorted(values.items())) if values else "")


def render(site):
    env = Environment(
        loader=DictLoader(site["files"]),
        autoescape=lambda name: name is None or name.endswith((".html", ".htm", ".xml", ".xhtml", ".svg")),
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.i18n"],
    )
    env.install_null_translations()
    env.globals["url_for"] = url_for
    return {page: env.get_template(page).render(json.loads(json.dumps(site["data"]))) for page in site["pages"]}


json.dump({name: render(site) for name, site in json.load(sys.stdin).items()}, sys.stdout, ensure_ascii=False, indent=1)
