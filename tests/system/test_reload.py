# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Alert rules are read again while the controller runs: all of them, or none and the line that is wrong."""
import re
import signal

import pytest
from conftest import ROOT, wait_for

BYTES = "{name: %s, over: hosts, field: bytes, aggregate: sum, threshold: %d, window: 60s, hold_down: 60s}"


@pytest.fixture
def rules(tmp_path):
    """rules(name=threshold, …): write rules of these names over the bytes of hosts."""
    path = tmp_path / "rules.yaml"

    def write(text=None, **thresholds):
        path.write_text(text or "rules:\n" + "".join("- " + BYTES % item + "\n" for item in thresholds.items()))
        return path
    write.path = path
    return write


def active(controller):
    return {a["rule"]: a for a in controller.ask("alerts")["active"]}


def test_rules_come_and_go_and_what_stays_goes_on(make_controller, make_node, rules):
    controller = make_controller(alerts=rules(stays=100, goes=100))
    node = make_node(controller)
    node.register()
    node.summary(hosts=[node.host("10.0.0.1", sent_packets=1, sent_bytes=500)])
    before = wait_for(lambda: active(controller) if len(active(controller)) == 2 else None)
    rules(stays=200, comes=300)
    answer = controller.ctl("reload")
    assert (answer.returncode, answer.stdout) == (0, "reloaded: rules: 2, keys: 0\n")
    after = wait_for(lambda: active(controller) if "comes" in active(controller) else None)
    assert set(after) == {"stays", "comes"}
    assert after["stays"]["id"] == before["stays"]["id"] and after["stays"]["threshold"] == 200
    ended = [e["alert"] for e in controller.ask("alerts", "--all")["history"] if e["event"] == "end"]
    assert [(a["rule"], a["reason"]) for a in ended] == [("goes", "the rule was removed")]
    assert "reloaded: rules: 2, keys: 0" in controller.process.err()


def test_a_rule_that_measures_something_else_begins_anew(make_controller, make_node, rules):
    controller = make_controller(alerts=rules(r=100))
    node = make_node(controller)
    node.register()
    node.summary(hosts=[node.host("10.0.0.1", sent_packets=200, sent_bytes=500)])
    first = wait_for(lambda: active(controller).get("r"))
    rules("rules: [" + (BYTES % ("r", 100)).replace("bytes", "packets") + "]")
    assert controller.ctl("reload").returncode == 0
    second = wait_for(lambda: active(controller).get("r"))
    assert second["id"] != first["id"] and "packets" in second["measure"]
    reasons = [e["alert"]["reason"] for e in controller.ask("alerts", "--all")["history"] if e["event"] == "end"]
    assert reasons == ["the rule was changed"]


@pytest.mark.parametrize("how", ["weirctl", "SIGHUP"])
def test_an_error_changes_nothing_and_names_its_line(make_controller, make_node, rules, how):
    controller = make_controller(alerts=rules(r=100))
    node = make_node(controller)
    node.register()
    node.start_beating()
    node.summary(hosts=[node.host("10.0.0.1", sent_packets=1, sent_bytes=500)])
    alert = wait_for(lambda: active(controller).get("r"))
    text = rules.path.read_text().replace("threshold: 100", "threshold: 1000") + "- {name: bad, over: nothing}\n"
    rules(text)
    said = f"{rules.path}:3: rule.field: missing"
    if how == "weirctl":
        refused = controller.ctl("reload")
        assert refused.returncode == 1 and said in refused.stderr
    else:
        controller.process.child.send_signal(signal.SIGHUP)
    wait_for(lambda: f"not reloaded: {said}" in controller.process.err(), "the log says what is wrong")
    now = active(controller)["r"]
    assert (now["id"], now["threshold"]) == (alert["id"], 100)
    rules(r=400)
    controller.process.child.send_signal(signal.SIGHUP)
    wait_for(lambda: active(controller)["r"]["threshold"] == 400, "the next one is taken")
    assert active(controller)["r"]["id"] == alert["id"]


def test_aggregates_and_their_rules_are_reloaded_together(make_controller, make_node, tmp_path, rules):
    config = tmp_path / "controller.yaml"
    stages = ("stages:\n- {type: collect}\n- {type: lists}\n- {type: aggregate, name: site, over: hosts, v4: LENGTH}\n"
              "- {type: logic, alerts: rules.yaml}\n")
    over_site = (BYTES % ("r", 100)).replace("over: hosts", "over: site")
    rules("rules: [" + over_site + "]")
    config.write_text(stages.replace("LENGTH", "24"))
    controller = make_controller(config=config)
    node = make_node(controller)
    node.register()
    node.summary(hosts=[node.host("10.1.2.3", sent_packets=1, sent_bytes=500)])
    wait_for(lambda: active(controller).get("r", {}).get("subject") == "10.1.2.0/24")
    config.write_text(stages.replace("LENGTH", "8"))
    assert controller.ctl("reload").returncode == 0
    wait_for(lambda: active(controller).get("r", {}).get("subject") == "10.0.0.0/8")
    assert controller.ask("top", "site")["entries"][0]["prefix"] == "10.0.0.0/8"
    wrong = [(("v4: 8", "v4: 33"), "aggregate.v4: \"33\""), ((", over: hosts", ", over: ports"), "go with over"),
             (("type: collect", "type: collect, nodes_max: 7"), "nodes_max"),
             (("- {type: logic", "- {type: store}\n- {type: logic"), "other stages than before")]
    for bad, said in wrong:
        config.write_text(stages.replace("LENGTH", "8").replace(*bad))
        refused = controller.ctl("reload")
        assert refused.returncode == 1 and said in refused.stderr, refused.stderr
    assert controller.ask("top", "site")["entries"][0]["prefix"] == "10.0.0.0/8"
    assert active(controller)["r"]["subject"] == "10.0.0.0/8"


def test_balancing_goes_by_other_bounds_without_a_restart(make_controller, tmp_path):
    config = tmp_path / "controller.yaml"
    stages = "stages:\n- {type: collect}\n- {type: lists}\n- {type: balance, pause: PAUSE}\n"
    config.write_text(stages.replace("PAUSE", "1s"))
    controller = make_controller(config=config)
    config.write_text(stages.replace("PAUSE", "5s"))
    answer = controller.ctl("reload")
    assert answer.returncode == 0, answer.stderr


EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/alerts.md").read_text(), re.S)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_accepted(make_controller, tmp_path, example):
    (tmp_path / "rules.yaml").write_text(example)
    controller = make_controller(alerts=tmp_path / "rules.yaml")
    logic = next(s for s in controller.ask("status")["stages"] if s["type"] == "logic")
    assert logic["rules"] == example.count("over:")
