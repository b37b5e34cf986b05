# Gunicorn's way to a worker that dies as soon as it serves.
import os
import threading


def post_worker_init(worker):
    if os.path.exists(os.path.join(os.environ["FAULTS_DIR"], "crash")):
        threading.Timer(0.02, lambda: os._exit(1)).start()
