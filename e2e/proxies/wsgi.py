# What examples/faults is for package server, for Gunicorn: as much of it as the measurements need.
import os
import sys
import time
import urllib.parse

folder = os.environ["FAULTS_DIR"]


def read(name):
    try:
        with open(os.path.join(folder, name)) as f:
            return f.read().strip()
    except OSError:
        return ""


time.sleep(float(read("delay") or 0))
if read("broken"):
    sys.exit("wsgi: broken")


def app(environ, start_response):
    query = urllib.parse.parse_qs(environ["QUERY_STRING"])
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(float(query["s"][0]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
