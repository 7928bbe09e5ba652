# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Keys of links: beyond loopback nothing goes without them; records cross once each, connections that are cut included,
and nobody can read them; strangers, other keys and other names are refused, counted by name and told why."""
import hmac
import os
import shutil
import socket
import ssl
import subprocess

import pytest
from zmq.utils import z85

from conftest import BUILD, PATIENCE_S, free_port, wait_for
from node import Node
from test_links import PIPELINE, Proxy, fixture_pair, hello  # noqa: F401 (a fixture)


class Keys:
    """Pairs of keys, and the folder of those who are allowed."""

    def __init__(self, folder):
        self.folder, self.allowed = folder / "keys", folder / "allowed"
        self.allowed.mkdir()
        for name in "ab":
            self.make(name)

    def make(self, name, folder=None, allow=True):
        folder = folder or self.folder
        subprocess.run([BUILD / "weirctl", "keygen", "--output", folder, name], check=True, capture_output=True)
        if allow:
            shutil.copy(folder / f"{name}.public", self.allowed)
        return folder / f"{name}.secret"

    def arguments(self, node, secret=None, allowed=None):
        return ["--key", secret or self.folder / f"{node}.secret", "--allowed-nodes", allowed or self.allowed]


@pytest.fixture(name="keys")
def fixture_keys(tmp_path):
    return Keys(tmp_path)


@pytest.fixture(name="space")
def fixture_space():
    """A namespace with an address that is none of loopback's."""
    name = f"weir-keys-{os.getpid()}"
    run = ["ip", "netns", "exec", name]
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run([*run, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*run, "ip", "addr", "add", "10.79.1.1/32", "dev", "lo"], check=True)
        yield run
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def start(two, keys, **secrets):
    for node in "ab":
        two.start(node, extra=keys.arguments(node, secrets.get(node)))
    return two


def refused(two, node="b"):
    return two.nodes[node].ask("/weir/links")["refused"]


def test_beyond_loopback(pair, keys, space):
    two = start(pair(before=space, host="10.79.1.1", senders=3, receivers=2), keys)
    assert two.wait() == [0, 0], two.errors()
    two.assert_exactly_once()


@pytest.mark.parametrize("extra, message", [
    ([], "others could read along and send; expected key and allowed_nodes as well, or an address of loopback"),
    (["--allowed-nodes", "/tmp"], "others could read along and send; expected key and allowed_nodes as well"),
])
def test_beyond_loopback_without_keys(pair, extra, message):
    two = pair(host="10.79.1.1").start("a", extra=extra)
    assert two.nodes["a"].process.wait() == 1
    assert message in two.errors()


def test_a_folder_of_keys_that_others_may_write_to(pair, keys):
    keys.allowed.chmod(0o777)
    two = pair().start("a", extra=keys.arguments("a"))
    assert two.nodes["a"].process.wait() == 1
    assert "others may write to it (mode 0777): expected 0700, or 0755" in two.errors()


@pytest.mark.parametrize("key, allowed, message", [
    ("b", None, 'is of "b"; expected the key of this node, "a"'),
    ("a", "nowhere", "nowhere: No such file or directory"),
    ("missing", None, "missing.secret: No such file or directory"),
])
def test_keys_that_do_not_serve(pair, keys, tmp_path, key, allowed, message):
    arguments = keys.arguments("a", keys.folder / f"{key}.secret", allowed and tmp_path / allowed)
    two = pair().start("a", extra=arguments)
    assert two.nodes["a"].process.wait() == 1
    assert message in two.errors()


@pytest.mark.parametrize("has_keys", (True, False))
def test_connections_are_cut_and_nothing_can_be_read(pair, keys, has_keys):
    """By way of a proxy that sees all bytes; without keys it finds what it looks for."""
    two = pair(count=0, rate=20000, senders=2, receivers=2, users="constant confidential")
    proxy = Proxy(two.ports["b"])
    seen = bytearray()
    proxy.watch = lambda data: seen.extend(data) if len(seen) < 1 << 20 else None
    two.via = proxy.port
    try:
        if has_keys:
            start(two, keys)
        else:
            two.start()
        two.nodes["b"].wait_until_up()
        for _ in range(8):
            reached = two.channel("b")["processed"] + 1000
            wait_for(lambda: two.channel("b")["processed"] > reached, "records cross")
            proxy.cut()
        assert proxy.cuts >= 3
        two.assert_no_gap_once_stopped()
    finally:
        proxy.close()
    assert len(seen) > 100000
    assert {record["user"] for record in two.records()} == {"confidential"}
    assert [word in seen for word in (b"confidential", b"made>tally", b"weir")] == [not has_keys] * 3


def test_bytes_that_come_one_by_one(pair, keys):
    two = pair(count=200)
    proxy = Proxy(two.ports["b"])
    proxy.piece = 1
    two.via = proxy.port
    try:
        start(two, keys)
        assert two.wait() == [0, 0], two.errors()
    finally:
        proxy.close()
    two.assert_exactly_once()


def assert_not_joined(two, reason, says):
    """b refuses a for a reason, and a says what it sees."""
    two.nodes["b"].wait_until_up()
    wait_for(lambda: refused(two)[reason] > 0, f"{reason} is counted")
    wait_for(lambda: says in two.nodes["a"].process.err(), "a says what is wrong")
    assert f"refused ({reason})" in two.nodes["b"].process.err()
    assert two.channel("b")["received"] == 0
    assert {name for name, count in refused(two).items() if count > 0} == {reason}


def test_another_key_of_a_known_name(pair, keys, tmp_path):
    other = keys.make("a", tmp_path / "other", allow=False)
    two = start(pair(), keys, a=other)
    assert_not_joined(two, "wrong_key", "expected a.public, as a has it, in allowed_nodes of b")


def test_a_node_that_is_not_allowed(pair, keys, tmp_path):
    only_b = tmp_path / "only_b"
    only_b.mkdir()
    shutil.copy(keys.folder / "b.public", only_b)
    two = pair()
    two.start("a", extra=keys.arguments("a"))
    two.start("b", extra=keys.arguments("b", allowed=only_b))
    assert_not_joined(two, "unknown_node", "expected a.public, as a has it, in allowed_nodes of b")


def test_a_node_without_keys(pair, keys):
    two = pair()
    two.start("a")
    two.start("b", extra=keys.arguments("b"))
    assert_not_joined(two, "not_encrypted", "Connection reset by peer")


def test_keys_for_one_without(pair, keys):
    two = pair()
    two.start("a", extra=keys.arguments("a"))
    two.start("b")
    assert_not_joined(two, "garbage", "no handshake")


def test_somebody_else_listens_where_a_node_should(pair, keys, tmp_path):
    """Without b's key nobody can take what is for b."""
    other = keys.make("b", tmp_path / "other", allow=False)
    two = start(pair(), keys, b=other)
    assert_not_joined(two, "wrong_key", "and b.public in those of a")
    assert two.channel("a")["sent"] == 0


def test_a_listener_that_shows_a_certificate_instead_of_the_key(pair, keys, tmp_path):
    """TLS can go without the pre-shared key; a link can't."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=b", "-keyout", tmp_path / "rogue.key", "-out", tmp_path / "rogue.crt"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "rogue.crt", tmp_path / "rogue.key")
    two = pair(count=0, rate=1000)
    with socket.create_server(("127.0.0.1", two.ports["b"])) as listener:
        listener.settimeout(PATIENCE_S)
        two.start("a", extra=keys.arguments("a"))
        two.nodes["a"].wait_until_up()
        near = listener.accept()[0]
        near.settimeout(PATIENCE_S)
        with near, pytest.raises(OSError):  # ssl.SSLError is one
            with context.wrap_socket(near, server_side=True) as rogue:
                assert rogue.recv(1) == b""
                raise ConnectionError("closed at once")
    wait_for(lambda: "no handshake (certificate verify failed)" in two.errors(), "a says what is wrong")
    assert (two.channel("a")["sent"], two.channel("a")["is_open"]) == (0, 0)


def x25519(folder, secret, public):
    """As OpenSSL's own command has it."""
    mine, theirs = folder / "mine.der", folder / "theirs.der"
    mine.write_bytes(bytes.fromhex("302e020100300506032b656e04220420") + secret)
    theirs.write_bytes(bytes.fromhex("302a300506032b656e032100") + public)
    return subprocess.run(["openssl", "pkeyutl", "-derive", "-keyform", "DER", "-inkey", mine, "-peerform", "DER",
                           "-peerkey", theirs], check=True, capture_output=True).stdout


def field(path, name):
    line = next(line for line in path.read_text().splitlines() if line.startswith(f"{name}: "))
    return z85.decode(line.split(": ", 1)[1].encode())


def link_secret(keys, folder, opener, listener):
    """What the two share (docs/security.md), worked out by other means: HKDF-SHA256, RFC 5869."""
    own = keys.folder / f"{opener}.secret"
    theirs = field(keys.folder / f"{listener}.public", "public")
    shared = x25519(folder, field(own, "secret"), theirs)
    extracted = hmac.digest(bytes(32), shared, "sha256")
    return hmac.digest(extracted, b"weir link 1\0" + field(own, "public") + theirs + b"\1", "sha256")


def test_a_known_key_that_speaks_for_another(keys, tmp_path):
    """c's key is allowed; what comes with it says that it is a. What c's own name gets shows that the key serves."""
    keys.make("c")
    ports = {name: free_port(False) for name in "abc"}
    config = tmp_path / "b.yaml"
    nodes = ", ".join(f'{name}: "tcp://127.0.0.1:{ports[name]}"' for name in "cab")
    config.write_text(f"nodes: {{{nodes}}}\n" + PIPELINE.split("}\n", 1)[1].format(
        senders=1, receivers=1, count=0, rate=1, out=tmp_path / "out", users="zipf 1.2 40",
        grouping="grouping: shuffle"))
    node = Node(tmp_path, ["--config", config, "--node", "b", *keys.arguments("b")], name="b")
    try:
        node.wait_until_up()
        for name, says in ((b"a", b"c calls itself a"), (b"c", b"c has 1 connections, b 0")):
            client = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{ports['b']}", "-tls1_3", "-psk_identity", "c", "-psk",
                 link_secret(keys, tmp_path, "c", "b").hex(), "-quiet"],
                input=hello(name), capture_output=True, timeout=PATIENCE_S)
            assert says in client.stdout, client
        counts = node.ask("/weir/links")["refused"]
        assert (counts["wrong_name"], counts["plans_differ"]) == (1, 1)
        assert "refused (wrong_name): c calls itself a" in node.process.err()
    finally:
        node.close()
