# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A sender of garbage: garbage.py ENDPOINT COUNT RATE SEED WHOLE HEX... sends COUNT messages, RATE a second. They are
random bytes, the messages given cut short or damaged, and those messages as they are, in turn; the first WHOLE ones
only as they are.
Now and then comes one that is too large, on a connection of its own, which it costs."""
import random
import sys
import time

import zmq

endpoint, count, rate, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
whole = int(sys.argv[5])
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


peer = connect()
start = time.monotonic()
for number in range(count):
    kind = number % 4
    message = generator.choice(genuine if kind == 3 else genuine[whole:])
    if kind == 0:
        peer.send(generator.randbytes(generator.randrange(200)))
    elif kind == 1:
        peer.send(message[:generator.randrange(len(message))])
    elif kind == 2:
        peer.send(damaged(message))
    else:
        peer.send(message)
    if number % 64 == 0:
        while peer.poll(0):
            peer.recv()
        time.sleep(max(0, start + number / rate - time.monotonic()))
    if number % 5000 == 0:
        large = connect()
        large.send(bytes(2 << 20))
        large.close()
peer.close()
context.term()
print(count)
