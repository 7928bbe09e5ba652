#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""The demo's terminal: what the controller knows, once a second, as weirctl says it in JSON.

    view.py live SECONDS WEIRCTL [ARGUMENT]...     redrawn in place on a terminal, else a line now and then
    view.py summary WEIRCTL [ARGUMENT]...          what is known at the end

Both exit 0 if there was something to show. `live` ends early, also with 0, on SIGINT."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

BOLD, DIM, RED, GREEN, CYAN = "1", "2", "31;1", "32", "36"
DASHBOARD = os.environ.get("WEIR_DASHBOARD", "")
LINE_EVERY_S = 2  # without a terminal
FLOWS_SHOWN = 8
FAILURES_MAX = 5  # answers in a row that fail before the view gives up


class Controller:
    """Asks through weirctl, as a person would."""

    def __init__(self, command):
        self.command = command

    def ask(self, *words):
        run = subprocess.run([*self.command, *words, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=10, check=False, start_new_session=True)
        if run.returncode != 0:
            raise RuntimeError(run.stderr.strip() or f"weirctl {words[0]}: exit {run.returncode}")
        return json.loads(run.stdout)


class Screen:
    """Lines of text: coloured and redrawn in place on a terminal, plain elsewhere."""

    def __init__(self):
        self.tty = sys.stdout.isatty()
        self.lines = []

    def add(self, text="", code=None):
        columns = shutil.get_terminal_size((100, 40)).columns if self.tty else 160
        text = text[:columns - 1]
        self.lines.append(f"\033[{code}m{text}\033[0m" if code and self.tty else text)

    def draw(self):
        if self.tty:
            rows = shutil.get_terminal_size((100, 40)).lines
            text = "".join(f"{line}\033[K\n" for line in self.lines[:rows - 1])
            sys.stdout.write(f"\033[H{text}\033[J")
        else:
            sys.stdout.write("".join(f"{line}\n" for line in self.lines))
        sys.stdout.flush()
        self.lines = []

    def begin(self):
        if self.tty:
            sys.stdout.write("\033[?25l\033[2J")

    def end(self):
        if self.tty:
            sys.stdout.write("\033[?25h")
            sys.stdout.flush()


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def flow_name(flow):
    return (f"{flow['protocol']:<5} {endpoint(flow['src_ip'], flow['src_port'])}"
            f" → {endpoint(flow['dst_ip'], flow['dst_port'])}")


def bar(share, width):
    eighths = round(min(share, 1) * width * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")


def sparkline(values):
    greatest = max(values, default=0) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * value / greatest))] for value in values)


def clock(time_ns):
    return time.strftime("%H:%M:%S", time.localtime(time_ns / 1e9))


def alert_text(alert):
    text = f"{clock(alert['start_ns'])}  {alert['rule']:<16} {alert['subject']:<24}"
    text += f" {alert['peak']:.6g} (limit {alert['threshold']:.6g})"
    return text + (f"  until {clock(alert['end_ns'])}" if alert["end_ns"] else "  fires now")


def alerts_ever(answer):
    """Every alert of this run once, oldest first, as it is now."""
    alerts = {event["alert"]["id"]: event["alert"] for event in reversed(answer.get("history", []))}
    alerts.update((alert["id"], alert) for alert in answer["active"])
    return sorted(alerts.values(), key=lambda alert: alert["start_ns"])


def draw_nodes(screen, status):
    screen.add(f" {'node':<14}{'state':<8}{'packets/s':>12}{'Mbit/s':>10}{'flows/s':>10}{'live':>9}{'dropped':>9}"
               f"{'lost':>9}{'unknown':>10}", BOLD)
    for node in status["nodes"]:
        line = f" {node['name']:<14}{node['state']:<8}"
        if node["rates"]:
            line += (f"{node['rates']['packets_per_s']:>12,.0f}{node['rates']['bits_per_s'] / 1e6:>10.1f}"
                     f"{node['rates']['flows_per_s']:>10.1f}{node['flows_live']:>9,}")
        else:
            line += f"{'?':>12}{'?':>10}{'?':>10}{'?':>9}"
        line += f"{node['dropped']:>9,}{node['lost_outside']:>9,}{node['unknown']['duration_ns'] / 1e9:>8.1f} s"
        screen.add(line, GREEN if node["state"] == "up" else RED)


def draw_live(screen, answers, history, title):
    status, flows, alerts = answers
    screen.add(f" weir   {title}", BOLD)
    screen.add()
    draw_nodes(screen, status)
    screen.add()
    screen.add(f" Mbit/s {history[-1]:>8.1f}  {sparkline(history[-60:])}", CYAN)
    screen.add()
    screen.add(f" {'top flows of the last ' + str(flows['window_s']) + ' s':<66}{'Mbit/s':>10}", BOLD)
    entries = flows["entries"][:FLOWS_SHOWN]
    greatest = max((flow["bits_per_s"] for flow in entries), default=0) or 1
    for flow in entries:
        screen.add(f" {flow_name(flow):<66}{flow['bits_per_s'] / 1e6:>10.2f}  {bar(flow['bits_per_s'] / greatest, 16)}")
    screen.add()
    screen.add(" alerts", BOLD)
    for alert in alerts[-6:]:
        screen.add(" ▲ " + alert_text(alert), RED if not alert["end_ns"] else DIM)
    if not alerts:
        screen.add("   none yet", DIM)


def print_line(answers, elapsed):
    status, flows, _ = answers
    up = sum(node["state"] == "up" for node in status["nodes"])
    rates = status["rates"]
    first = flows["entries"][:1]
    print(f"{elapsed:>5.0f} s  nodes {up}  {rates['packets_per_s']:>9,.0f} packets/s"
          f"  {rates['bits_per_s'] / 1e6:>7.1f} Mbit/s  {status['flows_live']:>6,} flows live  top: "
          + (" ".join(flow_name(first[0]).split()) if first else "-"), flush=True)


class Live:
    def __init__(self, controller, seconds):
        self.controller, self.seconds = controller, seconds
        self.screen = Screen()
        self.history, self.announced = [], set()
        self.stopped = False

    def stop(self, *_):
        self.stopped = True

    def show(self, elapsed):
        answers = (self.controller.ask("status"), self.controller.ask("top", "flows"),
                   alerts_ever(self.controller.ask("alerts", "--all")))
        self.history.append(answers[0]["rates"]["bits_per_s"] / 1e6)
        if self.screen.tty:
            title = f"{elapsed:.0f} of {self.seconds} s   (Ctrl-C ends it)   {DASHBOARD}"
            draw_live(self.screen, answers, self.history, title)
            self.screen.draw()
            return
        if len(self.history) % LINE_EVERY_S == 0:
            print_line(answers, elapsed)
        for alert in answers[2]:
            if alert["id"] not in self.announced:
                self.announced.add(alert["id"])
                print(f"ALERT    {alert_text(alert)}", flush=True)

    def run(self):
        signal.signal(signal.SIGINT, self.stop)
        start, failures = time.monotonic(), 0
        self.screen.begin()
        try:
            while not self.stopped and (elapsed := time.monotonic() - start) < self.seconds:
                try:
                    self.show(elapsed)
                    failures = 0
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    failures += 1
                    if failures == FAILURES_MAX:
                        sys.exit(f"view: the controller does not answer: {error}")
                # The next full second, or the end.
                wait = min(1 - (time.monotonic() - start) % 1, max(0, self.seconds - (time.monotonic() - start)))
                if not self.stopped:
                    time.sleep(wait)
        finally:
            self.screen.end()


def print_top(answer, title, name):
    print(title)
    for entry in answer["entries"][:5]:
        print(f"  {name(entry):<64}{entry['packets']:>10,} packets{entry['bytes']:>15,} bytes")


def summary(controller):
    status = controller.ask("status")
    totals = status["totals"]
    print(f"packets {totals['packets']:,}   bytes {totals['bytes']:,}   flows {totals['flows_started']:,}")
    print(f"  tcp {totals['tcp_packets']:,}   udp {totals['udp_packets']:,}   icmp {totals['icmp_packets']:,}")
    for node in status["nodes"]:
        print(f"node {node['name']}: {node['state']}, dropped {node['dropped']:,}, lost before capture "
              f"{node['lost_outside']:,}, not known {node['unknown']['duration_ns'] / 1e9:.1f} s")
    print_top(controller.ask("top", "flows", "--window", "60"), "top flows of the last minute", flow_name)
    print_top(controller.ask("top", "hosts", "--window", "60"), "top hosts of the last minute",
              lambda host: host["ip"])
    alerts = alerts_ever(controller.ask("alerts", "--all"))
    print("alerts" if alerts else "alerts: none")
    for alert in alerts:
        print("  " + alert_text(alert))


def main(arguments):
    if arguments[:1] == ["live"] and len(arguments) >= 3:
        Live(Controller(arguments[2:]), int(arguments[1])).run()
    elif arguments[:1] == ["summary"] and len(arguments) >= 2:
        summary(Controller(arguments[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
