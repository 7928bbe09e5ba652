# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""A ZeroMQ client that says one thing: curve_client.py ENDPOINT HEX [CONTROLLER_KEY PUBLIC SECRET]. It prints the
answer in hex, or `nothing` when none comes within 3 s. Run in the network namespace that it is to speak from."""
import sys

import zmq

context = zmq.Context()
peer = context.socket(zmq.DEALER)
peer.linger = 0
if len(sys.argv) > 3:
    peer.curve_serverkey, peer.curve_publickey, peer.curve_secretkey = (word.encode() for word in sys.argv[3:6])
peer.connect(sys.argv[1])
peer.send(bytes.fromhex(sys.argv[2]))
print(peer.recv().hex() if peer.poll(3000) else "nothing")
peer.close()
context.term()
