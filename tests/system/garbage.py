# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A sender of garbage: garbage.py ENDPOINT COUNT RATE SEED KINDS HEX... sends COUNT messages, RATE a second, of these
kinds in turn (with commas), and tells in JSON how many of each kind, and of each message given, it sent:

    random   bytes that begin no message
    cut      a message given, short of some bytes at its end
    version  one of another version
    whole    one as it is
    damaged  one with a bit turned, which may still be a message

Now and then comes one that is too large ("oversized"), and one too large to be read at all, on a connection of its own,
which it costs."""
import json
import random
import sys
import time

import zmq

endpoint, count, rate, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
kinds = sys.argv[5].split(",")
genuine = [bytes.fromhex(word) for word in sys.argv[6:]]
generator = random.Random(seed)
context = zmq.Context()


def connect():
    peer = context.socket(zmq.DEALER)
    peer.linger = 60_000
    peer.connect(endpoint)
    return peer


def damaged(message):
    at = generator.randrange(len(message))
    return message[:at] + bytes([message[at] ^ 1 << generator.randrange(8)]) + message[at + 1:]


MAKE = {
    "random": lambda message: b"\x07" + generator.randbytes(generator.randrange(200)),  # no field begins so
    "cut": lambda message: message[:generator.randrange(len(message))],
    "version": lambda message: message[:1] + bytes([generator.randrange(2, 128)]) + message[2:],
    "whole": lambda message: message,
    "damaged": damaged,
}

peer = connect()
sent, whole = dict.fromkeys([*kinds, "oversized"], 0), [0] * len(genuine)
start = time.monotonic()
for number in range(count):
    kind = kinds[number % len(kinds)]
    which = generator.randrange(len(genuine))
    peer.send(MAKE[kind](genuine[which]))
    sent[kind] += 1
    whole[which] += kind == "whole"
    if number % 64 == 0:
        while peer.poll(0):
            peer.recv()
        time.sleep(max(0, start + number / rate - time.monotonic()))
    if number % 5000 == 0:
        peer.send(bytes(generator.randrange((1 << 20) + 1, 4 << 20)))
        sent["oversized"] += 1
        large = connect()
        large.send(bytes((4 << 20) + 1))
        large.close()
peer.close()
context.term()
print(json.dumps({"kinds": sent, "whole": whole}))
