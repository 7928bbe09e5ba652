# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Who is let in: loopback alone without a token, the token beyond it; and what every answer says to a browser."""
import re
import subprocess

import pytest
from conftest import ROOT
from dashboard import PROGRAM, Events

TOKEN = "a-token-of-twenty-four-c"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_beyond_loopback_a_token_is_needed(tmp_path):
    result = run("--listen", "0.0.0.0:0", "--redis", f"unix://{tmp_path}/none.sock")
    assert result.returncode == 1 and "--token-file" in result.stderr and "beyond loopback" in result.stderr


def test_bad_arguments_are_named(tmp_path):
    short, open_file = tmp_path / "short", tmp_path / "open"
    short.write_text("short")
    short.chmod(0o600)
    open_file.write_text(TOKEN)
    open_file.chmod(0o644)
    for arguments, code, said in (
            (["--listen", "nowhere"], 1, '"nowhere": expected ADDRESS:PORT'),
            (["--listen", "127.0.0.1:99999"], 1, "127.0.0.1:99999"),
            (["--redis", "redis:6379"], 1, "expected unix:///PATH"),
            (["--redis", "none"], 1, "nothing to show"),
            (["--token-file", short], 1, "at least 16"),
            (["--token-file", open_file], 1, "others can't read"),
            (["--token-file", tmp_path / "absent"], 1, "No such file"),
            (["--nonsense"], 64, "unknown option"), (["--listen"], 64, "expected a value"),
            (["word"], 64, "no arguments expected")):
        result = run(*arguments)
        assert result.returncode == code and said in result.stderr, (arguments, result.stderr)
    assert run("--version").stdout.startswith("weir-dashboard ")


def test_token_by_header_and_by_cookie(make_dashboard, token_file, tmp_path):
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock", "--token-file", token_file, listen="0.0.0.0:0")
    dashboard.host = "127.0.0.1"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"},
                    {"Authorization": TOKEN}, {"Cookie": "weir_session=1.2"}, {"Cookie": f"weir_session={TOKEN}"}):
        for path in ("/api/v1/status", "/api/v1/events", "/metrics", "/assets/x.js"):
            answer = dashboard.request(path, headers=headers)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer", (path, headers)
    assert dashboard.request("/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"}).status == 200

    sent_away = dashboard.request("/")
    assert (sent_away.status, sent_away.headers["Location"]) == (303, "login")
    assert b'<form method="post" action="login">' in dashboard.request("/login").body
    assert dashboard.request("/login.css").status == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert dashboard.request("/login", "POST", "token=wrong", form).status == 401
    assert dashboard.request("/login", "POST", "x" * 5000, form).status == 413
    login = dashboard.request("/login", "POST", f"token={TOKEN}", form)
    cookie = login.headers["Set-Cookie"]
    assert login.status == 303 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    session = {"Cookie": cookie.split(";")[0]}
    status = dashboard.request("/api/v1/status", headers=session)
    assert status.status == 200 and status.json()["login"] is True
    forged = dashboard.request("/api/v1/status", headers={"Cookie": session["Cookie"][:-1] + "g"})
    assert forged.status == 401


def log_in(dashboard):
    """The headers of a new session."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    login = dashboard.request("/login", "POST", f"token={TOKEN}", form)
    assert login.status == 303, login.body
    return {"Cookie": login.headers["Set-Cookie"].split(";")[0]}


def test_after_logout_the_cookie_opens_nothing(make_dashboard, token_file, tmp_path):
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock", "--token-file", token_file)
    first, second = log_in(dashboard), log_in(dashboard)
    dashboard.headers = first
    stream = Events(dashboard, "status")
    assert stream.next("status")["login"] is True
    logout = dashboard.request("/logout", "POST")
    assert logout.status == 303 and "Max-Age=0" in logout.headers["Set-Cookie"]
    assert dashboard.request("/api/v1/status").status == 401
    assert all(name == "status" for name, _ in stream.events()), "its event stream ends"
    assert dashboard.request("/api/v1/status", headers=second).status == 200


def test_wrong_tokens_are_counted_and_slowed(make_dashboard, token_file, tmp_path):
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock", "--token-file", token_file)
    session = log_in(dashboard)
    wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("a-wrong-one", TOKEN))
    answers = [dashboard.request("/api/v1/status", headers=wrong).status for _ in range(30)]
    assert answers[:10] == [401] * 10 and 429 in answers[10:], answers
    clients = dashboard.request("/api/v1/status", headers=session).json()["clients"]
    # Of these too few for the limit may have come meanwhile.
    assert (clients["wrong_tokens"], clients["held_tokens"]) == (answers.count(401), answers.count(429))
    for _ in range(3):
        held = dashboard.request("/login", "POST", "token=wrong")
        assert held.status == 429 or held.status == 401
    held = dashboard.request("/api/v1/status", headers=right)
    assert held.status == 200 or (held.status == 429 and held.headers["Retry-After"] == "6")
    assert dashboard.request("/api/v1/status", headers=right, source="127.0.0.2").status == 200
    said = [line for line in dashboard.process.err().split("\n") if "a wrong token from 127.0.0.1" in line]
    assert len(said) == 1, said


def test_foreign_hosts_are_refused_on_loopback(make_dashboard, tmp_path):
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock", "--host", "weir.example.org")
    for host, status in (("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200),
                         ("127.1.2.3", 200), ("weir.example.org", 200), ("evil.example.org", 403), ("", 403),
                         ("127.0.0.1.evil.example.org", 403), ("localhost.evil.org", 403), ("10.0.0.1", 403)):
        assert dashboard.request("/api/v1/status", headers={"Host": host}).status == status, host


def test_every_answer_is_strict_with_browsers(make_dashboard, tmp_path):
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock")
    policy = " ".join(re.search(r"`Content-Security-Policy: ([^`]*)`", (ROOT / "dashboard/API.md").read_text())[1]
                      .split())
    for path in ("/", "/api/v1/status", "/api/v1/nonsense", "/metrics", "/nonsense"):
        headers = dashboard.request(path).headers
        assert headers["Content-Security-Policy"] == policy, path
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"


def test_page_is_served_from_its_folder_alone(make_dashboard, tmp_path):
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "assets/app-1234.js").write_text("export {};" * 500)
    (page / ".hidden").write_text("secret")
    (tmp_path / "outside").write_text("secret")
    dashboard = make_dashboard(f"unix://{tmp_path}/none.sock", "--page", page)
    answer = dashboard.request("/")
    assert b"<title>page" in answer.body and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    script = dashboard.request("/assets/app-1234.js", headers={"Accept-Encoding": "gzip"})
    assert "immutable" in script.headers["Cache-Control"] and script.headers["Content-Encoding"] == "gzip"
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("/.hidden", "/../outside", "/%2e%2e/outside", "/assets/../../outside", "/assets", "/assets/"):
        assert dashboard.request(path).status == 404, path
