"""A node that clients are measured on: starting one, filling it, and counting what it was asked."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STAKEOUT = ROOT / "target" / "release" / "stakeout"
RULE = ROOT / "queries" / "lateral_movement_ec2_instance_console_login.toml"
VERSION = os.environ.get("STAKEOUT_TEST_NODE_VERSION", "9.2.0")
DAY, LOGS, ALERTS = "2026-11-20", "bench-logs", "bench-alerts"


class Node:
    """A node, by one connection that is kept."""

    def __init__(self, url):
        self.url = url
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=600)

    def raw(self, method, path, body=None, kind="application/json"):
        self.connection.request(method, path, body, {"content-type": kind} if body else {})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300 and not (method == "DELETE" and answer.status == 404):
            sys.exit(f"{method} {path}: {answer.status} {text[:500]!r}")
        return text

    def ask(self, method, path, body=None):
        text = self.raw(method, path, json.dumps(body) if body is not None else None)
        return json.loads(text) if text else None

    def processors(self):
        """Seconds that the node has spent on all processors so far."""
        nodes = self.ask("GET", "/_nodes/_local/stats/process")["nodes"].values()
        return sum(node["process"]["cpu"]["total_in_millis"] for node in nodes) / 1_000

    def requests(self):
        """HTTP requests that the node has had so far, and the bytes of their bodies in both directions; none where it
        does not tell."""
        nodes = self.ask("GET", "/_nodes/_local/stats/http")["nodes"].values()
        routes = [route for node in nodes for route in node["http"].get("routes", {}).values()]
        parts = (("requests", "count"), ("requests", "total_size_in_bytes"), ("responses", "total_size_in_bytes"))
        return [sum(route[part][name] for route in routes) for part, name in parts] if routes else None

    def settle(self):
        """Waits until nothing is merged any more."""
        while any(
            index["total"]["merges"]["current"]
            for index in self.ask("GET", "/bench-*/_stats/merge?expand_wildcards=all")["indices"].values()
        ):
            time.sleep(0.1)


def listens(url):
    try:
        return bool(Node(url).ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s"))
    except OSError:
        return False


def start_node(heap):
    """A node of its own, which ends with this process, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, url = Path(tempfile.mkdtemp(prefix="stakeout-bench.")), f"http://127.0.0.1:{port}"
    environment = {**os.environ, "OWNER": str(os.getpid()), "HEAP": heap}
    command = [ROOT / "tests" / "node" / "run", VERSION, str(port), str(folder)]
    with open(folder / "log", "wb") as log:
        node = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while not listens(url):
        if node.poll() is not None:
            sys.exit((folder / "log").read_text())
        time.sleep(0.5)
    return url, node, folder


@contextlib.contextmanager
def some_node(*beginnings, heap="1g"):
    """The node at ELASTICSEARCH_TEST_URL, whose indices with these beginnings are removed at last, else one of its own."""
    url = os.environ.get("ELASTICSEARCH_TEST_URL")
    if url:
        node = Node(url)
        yield node
        for beginning in beginnings:
            remove(node, beginning)
        node.ask("DELETE", f"/_index_template/{ALERTS}")
        return
    url, child, folder = start_node(heap)
    try:
        yield Node(url)
    finally:
        child.terminate()
        child.wait()
        shutil.rmtree(folder, ignore_errors=True)


def make_logs(node, documents):
    """Puts the events, each a line of JSON, into one index with one shard, mapped as Elastic's integration maps what the
    rule asks for."""
    keyword = {"type": "keyword", "ignore_above": 1024}
    fields = """event.id event.action event.outcome event.type event.kind event.provider event.dataset data_stream.dataset
        user.id user.name aws.cloudtrail.user_identity.type""".split()
    properties = {"@timestamp": {"type": "date"}, "event.ingested": {"type": "date"}, "source.ip": {"type": "ip"}}
    properties.update({field: keyword for field in fields})
    flattened = ("request_parameters", "response_elements")
    properties.update({f"aws.cloudtrail.flattened.{field}": {"type": "flattened"} for field in flattened})
    properties["event.original"] = {"type": "keyword", "index": False, "doc_values": False}
    template = {"match_mapping_type": "string", "mapping": keyword}
    mappings = {"properties": properties, "dynamic_templates": [{"strings": template}]}
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    node.ask("DELETE", f"/{LOGS}")
    node.ask("PUT", f"/{LOGS}", {"mappings": mappings, "settings": settings})
    lines = []
    for document in documents:
        lines += [b'{"create":{}}\n', document]
        if len(lines) == 4_000:
            lines = send(node, lines)
    send(node, lines)
    node.ask("POST", f"/{LOGS}/_flush")
    node.ask("POST", f"/{LOGS}/_refresh")
    node.settle()


def send(node, lines):
    if lines:
        answer = node.raw("POST", f"/{LOGS}/_bulk?filter_path=errors", b"".join(lines), "application/x-ndjson")
        assert answer == b'{"errors":false}', answer
    return []


def rule(folder):
    """The seed rule over the events' index alone."""
    text, changed = re.subn(r'(?m)^index = \[.*\]$', f'index = ["{LOGS}"]', RULE.read_text())
    assert changed == 1
    path = folder / "rule.toml"
    path.write_text(text)
    return str(path)


def remove(node, beginning):
    """Removes the indices whose names begin so; clusters refuse patterns here unless told otherwise."""
    for index in node.ask("GET", f"/_resolve/index/{beginning}*?expand_wildcards=all")["indices"]:
        node.ask("DELETE", f"/{index['name']}")


def make_alerts(node):
    """The template, the alerts index and the state, all empty."""
    remove(node, ALERTS)
    command = [STAKEOUT, "setup", "--elasticsearch-url", node.url, "--alerts-index", ALERTS]
    subprocess.run(command, check=True, capture_output=True)
    node.ask("GET", f"/_cluster/health/{ALERTS},{ALERTS}-state?wait_for_status=yellow")


def run(command, folder=None, **kinds):
    """Seconds on the clock and on the processors, the most resident MB, and what it printed."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, **kinds)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        taken = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        if child.returncode:
            sys.exit(f"{command[:3]} ended with status {child.returncode}: {err.read().decode()}")
        figures = (taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        return figures, out.read().decode()
