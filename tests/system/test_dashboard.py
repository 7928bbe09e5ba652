# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The dashboard shows what the controller knows, and says how old it is."""
import gzip
import re
import signal
import subprocess
import time

import pytest
from conftest import BUILD, PATIENCE_S, ROOT, wait_for
from dashboard import Events

API = (ROOT / "dashboard/API.md").read_text()
LINKS_EMPTY = (ROOT / "dashboard/web/src/views/links_empty.tsx").read_text()


@pytest.fixture
def setting(controller, redis, make_node, make_dashboard, messages):
    """A controller with a node that has reported, and a dashboard that shows them."""
    node = make_node(controller, "edge-1")
    node.register()
    node.start_beating()
    node.summary(packets=10, size=1000, flows=[node.flow("10.0.0.1", "10.0.0.2")],
                 hosts=[node.host("10.0.0.1", sent_packets=10, sent_bytes=1000)])
    node.wait_ack(1)
    dashboard = make_dashboard(redis.endpoint)
    wait_for(lambda: dashboard.request("/api/v1/overview").status == 200 and
             dashboard.get("overview")["totals"]["packets"] == 10, "the dashboard shows the node")
    return controller, redis, node, dashboard


def test_figures_are_those_of_the_controller(setting):
    controller, _, node, dashboard = setting
    node.summary(packets=7, size=700)
    node.wait_ack(2)
    totals = wait_for(lambda: dashboard.get("overview")["totals"]["packets"] == 17 and dashboard.get("overview"))
    status = controller.ask("status")
    assert totals["totals"] == status["totals"] and totals["nodes"] == {"up": 1, "lost": 0, "ended": 0}
    shown = dashboard.get("nodes/edge-1")
    asked = controller.node("edge-1")
    for member in ("name", "state", "host", "version", "pid", "workers", "incarnation", "totals", "gaps", "unknown",
                   "registered_ns", "duplicates", "late", "dropped", "uplink"):
        assert shown[member] == asked[member], member
    assert dashboard.get("nodes")["nodes"][0]["name"] == "edge-1"


def test_losses_of_nobody_are_not_known(controller, redis, make_dashboard):
    """No node has been read twice: what was lost in a second is not known, which is not nothing."""
    dashboard = make_dashboard(redis.endpoint)
    wait_for(lambda: dashboard.request("/api/v1/overview").status == 200, "the controller has stored")
    rates = dashboard.get("overview")["rates"]
    assert rates["dropped_per_s"] is None and rates["lost_outside_per_s"] is None and rates["packets_per_s"] == 0


def test_losses_are_per_second(setting):
    _, _, _, dashboard = setting
    wait_for(lambda: dashboard.get("overview")["rates"]["dropped_per_s"] is not None, "two readings")


def test_lists_are_those_of_redis(setting):
    _, _, _, dashboard = setting
    status = dashboard.get("status")
    assert status["windows_s"] == [10, 60] and {"flows", "hosts", "ports", "prefixes"} <= set(status["lists"])
    entry = wait_for(lambda: dashboard.get("top/flows/60")["entries"])[0]
    assert (entry["src_ip"], entry["dst_ip"], entry["bytes"]) == ("10.0.0.1", "10.0.0.2", 1000)
    assert dashboard.get("tcp/10")["window_s"] == 10
    assert dashboard.get("decisions") == {"decisions": [], "rates": [], "gaps": []}


def test_graph_has_rates_rings_and_drops(setting, messages):
    _, _, node, dashboard = setting

    def beat(packets):
        node.beat(instances=[
            messages.InstanceCounters(pipeline="p", operator="source", out=packets, created=packets),
            messages.InstanceCounters(pipeline="p", operator="stats", **{"in": packets}, absorbed=packets - 5,
                                      drops=[messages.Named(name="table_full", value=5)])],
            channels=[messages.ChannelCounters(pipeline="p", **{"from": "source"}, to="stats", ring=True,
                                               sent=packets, received=packets, ring_size=64, ring_used=16)])

    node.stop_beating()
    sent = [1000]

    def grows():
        sent[0] += 100
        beat(sent[0])
        graph = dashboard.get("graph/edge-1")
        return graph["operators"] and graph["operators"][1]["in_per_s"] and graph

    graph = wait_for(grows, "rates")
    source, stats = graph["operators"]
    assert (source["name"], stats["name"]) == ("source", "stats")
    instance = stats["instances"][0]
    assert instance["holds"] and instance["dropped"] == 5 and instance["in_per_s"] > 0
    assert instance["drops"] == [{"name": "table_full", "count": 5, "per_s": 0}]
    stream = graph["streams"][0]
    assert (stream["from"], stream["to"], stream["ring_fill"]) == ("source", "stats", 0.25)
    assert stream["channels"][0]["sent_per_s"] > 0


def test_series_show_what_was_and_gaps_as_gaps(setting):
    _, redis, node, dashboard = setting
    node.summary(packets=50)
    wait_for(lambda: any(dashboard.get("series?last=30")["fields"]["packets_per_s"]))
    series = dashboard.get("series?last=60&fields=packets_per_s,nodes_up")
    length = len(series["time_ms"])
    assert all(len(column) == length for column in series["fields"].values())
    assert series["step_ms"] == 1000 and series["resolution"] == "1s"
    assert series["fields"]["packets_per_s"][0] is None  # before there was a controller
    assert series["fields"]["nodes_up"][-1] == 1
    step = dict(zip(series["time_ms"], series["fields"]["packets_per_s"]))
    first = int(redis.run("XRANGE", "weir:1:history", "-", "+", "COUNT", 1).split("-")[0])
    assert step[first] is not None and first - 1000 not in step or step[first - 1000] is None
    assert len(dashboard.get("series?last=3600&points=50")["time_ms"]) <= 50


def test_no_parameter_of_series_is_guessed(setting):
    _, _, _, dashboard = setting
    for query, said in (("last=x", "last"), ("last=5", "10..31622400"), ("points=1", "10..2000"),
                        ("fields=nonsense", "nonsense"), ("resolution=2s", "auto, 1s, 1m or 1h"),
                        ("last=60&from=1", "last, or from and to"), ("from=5&to=1", "from"), ("node=a%20b", "node")):
        answer = dashboard.request(f"/api/v1/series?{query}")
        assert answer.status == 400 and said in answer.json()["error"], (query, answer.body)


def test_series_of_a_node_that_is_not_known(setting):
    _, redis, _, dashboard = setting
    answer = dashboard.request("/api/v1/series?node=nobody")
    assert answer.status == 404 and '"nobody": not known' in answer.json()["error"]
    # Nothing of its own yet is not unknown; of one that was given up, the history is kept for a while.
    assert dashboard.request("/api/v1/series?node=edge-1&from=0&to=10000").status == 200
    newest = redis.run("XREVRANGE", "weir:1:history", "+", "-", "COUNT", 1).split("\n")[0]
    redis.run("XADD", "weir:1:node:gone:history", newest, "packets_per_s", "7")
    series = wait_for(lambda: (answer := dashboard.request("/api/v1/series?node=gone&last=60")).status == 200 and
                      answer.json(), "its history is found")
    assert 7 in series["fields"]["packets_per_s"]


def test_events_carry_the_parts_asked_for(setting):
    _, _, node, dashboard = setting
    stream = Events(dashboard, "status,overview,top/hosts/10,nonsense")
    first = [next(stream.events())[0] for _ in range(1)]
    assert first == ["status"] and "error" in stream.next("nonsense")
    node.summary(packets=90)
    assert stream.next("overview", lambda data: data["totals"]["packets"] == 100)
    stamps = [stream.next("status")["now_ns"] for _ in range(3)]
    assert stamps == sorted(set(stamps))
    stream.close()
    wait_for(lambda: dashboard.get("status")["clients"]["events"] == 0, "the stream is forgotten")


def test_unknown_paths_and_methods_are_refused(setting):
    _, _, _, dashboard = setting
    for path in ("x", "top/flows/11", "top/nonsense/10", "top/flows", "nodes/nobody", "graph/nobody", "tcp/0", "tcp/"):
        assert dashboard.request(f"/api/v1/{path}").status == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert dashboard.request("/api/v1/status", method, b"x").status == 405, method
    head = dashboard.request("/api/v1/status", "HEAD")
    assert (head.status, head.body) == (200, b"") and int(head.headers["Content-Length"]) > 0


def test_answers_are_compressed_and_not_sent_twice(setting):
    _, _, _, dashboard = setting
    answer = dashboard.request("/api/v1/series", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and b"time_ms" in gzip.decompress(answer.body)
    known = dashboard.request("/api/v1/decisions")
    again = dashboard.request("/api/v1/decisions", headers={"If-None-Match": known.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_redis_killed_and_started_again(setting):
    _, redis, node, dashboard = setting
    stream = Events(dashboard, "status")
    redis.kill()
    stale = stream.next("status", lambda status: status["state"] == "stale")
    assert stale["redis"]["state"] == "away" and "redis is away" in stale["reason"]
    before = dashboard.get("overview")
    assert before["totals"]["packets"] == 10  # the last that is known
    assert dashboard.request("/api/v1/series").status == 503
    redis.start()
    stream.next("status", lambda status: status["state"] == "live")
    wait_for(lambda: dashboard.get("overview")["stored_ns"] > before["stored_ns"])
    assert dashboard.get("overview")["totals"]["packets"] == 10
    assert dashboard.process.is_running()


def test_a_hangup_ends_nothing(setting):
    """What the controller reads its rules again by is sent to both by many."""
    _, _, _, dashboard = setting
    dashboard.process.child.send_signal(signal.SIGHUP)
    assert dashboard.get("overview")["totals"]["packets"] == 10 and dashboard.process.is_running()


def test_controller_away_is_said(setting):
    controller, _, _, dashboard = setting
    wait_for(lambda: dashboard.state() == "live")
    controller.process.kill()
    wait_for(lambda: dashboard.state() == "stale", "old figures are called so")
    status = dashboard.get("status")
    assert status["reason"] == "the controller does not store" and status["redis"]["state"] == "connected"
    controller.start()
    wait_for(lambda: dashboard.state() == "live")
    assert dashboard.get("status")["controller"]["epoch"] == 2


def test_redis_that_hangs_is_given_up(setting):
    _, redis, _, dashboard = setting
    redis.process.child.send_signal(19)
    try:
        wait_for(lambda: "no answer" in (dashboard.get("status")["redis"]["error"] or ""), "the silence is noticed")
    finally:
        redis.process.child.send_signal(18)
    wait_for(lambda: dashboard.state() == "live")


def test_empty_redis_and_a_foreign_version(redis, make_dashboard):
    dashboard = make_dashboard(redis.endpoint)
    wait_for(lambda: dashboard.get("status")["redis"]["state"] == "connected")
    assert dashboard.state() == "empty"
    answer = dashboard.request("/api/v1/overview")
    assert answer.status == 503 and answer.headers["Retry-After"]
    redis.run("HSET", "weir:1:meta", "version", 2)
    redis.run("CLIENT", "KILL", "TYPE", "normal")
    wait_for(lambda: "version 2" in (dashboard.get("status")["redis"]["error"] or ""))


def test_reading_user_and_wrong_password(setting, tmp_path, make_dashboard):
    _, redis, _, _ = setting
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for file, text in ((right, "s3cret-of-the-reader"), (wrong, "nonsense")):
        file.write_text(text + "\n")
        file.chmod(0o600)
    redis.run("ACL", "SETUSER", "reader", "on", ">s3cret-of-the-reader", "~weir:1:*", "+@read", "+multi", "+exec")
    endpoint = f"unix://reader@{redis.path}"
    dashboard = make_dashboard(endpoint, "--redis-password-file", right, name="reader")
    wait_for(lambda: dashboard.state() == "live")
    assert dashboard.get("overview")["totals"]["packets"] == 10
    wait_for(lambda: 1 in dashboard.get("series?last=60&fields=nodes_up")["fields"]["nodes_up"], "an entry")
    refused = make_dashboard(endpoint, "--redis-password-file", wrong, name="refused")
    wait_for(lambda: "WRONGPASS" in (refused.get("status")["redis"]["error"] or ""))
    redis.run("ACL", "SETUSER", "reader", "-@all", "+hget")
    redis.run("CLIENT", "KILL", "USER", "reader")
    wait_for(lambda: "NOPERM" in (dashboard.get("status")["redis"]["error"] or ""))
    assert dashboard.state() == "stale"


def test_documented_paths_are_there(setting):
    _, _, _, dashboard = setting
    for path in re.findall(r"`/(api/v1/[a-z/A-Z]+|metrics)", API.split("## Errors")[0]):
        path = path.replace("NAME", "edge-1").replace("LIST", "hosts").replace("SECONDS", "10")
        if path.endswith("events"):
            continue
        assert dashboard.request("/" + path).status in (200, 503), path  # 503: nothing stored of it yet
    for part in ("status", "overview", "alerts", "alerts/history", "nodes/edge-1"):
        members = re.findall(r'"(\w+)"', API.split(f"## `{part.split('/')[0]}`")[1].split("\n## ")[0]) if part not in (
            "alerts", "alerts/history", "nodes/edge-1") else []
        for member in dashboard.get(part) if members else ():
            assert member in members, (part, member)


def test_a_controller_that_does_not_look_at_channels(setting):
    _, _, _, dashboard = setting
    channels = dashboard.get("channels")
    assert channels.pop("stored_ns") > 0
    assert channels == {"allocation": None, "links": [], "total": 0, "channels": []}


def test_what_the_page_says_to_do_for_channels_works(tmp_path, make_controller):
    examples = dict(re.findall(r"const (\w+) = `(.*?)`", LINKS_EMPTY, re.DOTALL))
    for name, text in examples.items():
        (tmp_path / f"{name}.yaml").write_text(text + "\n")
    controller = make_controller(config=tmp_path / "STAGE.yaml")
    assert controller.ask("channels")["total"] == 0
    for node in ("edge", "core"):
        checked = subprocess.run([BUILD / "weir-dataplane", "--check", "--node", node, "--config",
                                  tmp_path / "PIPELINE.yaml"], capture_output=True, text=True, timeout=PATIENCE_S)
        assert checked.returncode == 0, checked.stderr


def test_memory_and_time_are_bounded_by_a_second(setting):
    """One reading a second, whoever asks: the turns of a stream do not depend on the number of requests."""
    _, redis, _, dashboard = setting
    before = int(re.search(r"total_commands_processed:(\d+)", redis.run("INFO", "stats"))[1])
    start = time.monotonic()
    for _ in range(300):
        dashboard.get("overview")
    spent = time.monotonic() - start
    after = int(re.search(r"total_commands_processed:(\d+)", redis.run("INFO", "stats"))[1])
    assert after - before < 200 * (spent + 3)
