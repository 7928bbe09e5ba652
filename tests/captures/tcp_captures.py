#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Captures of TCP in all its moods, the same in every run: tcp_captures.py FOLDER [NAME...], or captures() in a test.

Each function is one capture: an iterable of (time in ns, frame). Those of conversations use the model in tcp_model.py,
whose ends react as TCP does; those of single segments say which segments an observer saw, possible or not.
"""
import heapq
import pathlib
import random
import struct
import sys

from tcp_model import (CLIENT, MS, S, SERVER, US, Conversation, Hop, Segment, Settings, conversation_frames, frames,
                       transfer)

BASE_S = 1_700_000_000
KIND = {}  # name -> what it is made from, "model", "script" or "noise", and the function


def capture(kind):
    def note(make):
        KIND[make.__name__] = (kind, make)
        return make
    return note


def merged(*parts):
    return heapq.merge(*parts, key=lambda frame: frame[0])


def hops(**given):
    """Four hops of 10 ms on the client's side and 30 ms on the server's, with some of them as given."""
    usual = {"client_up": 10 * MS, "server_up": 30 * MS, "server_down": 30 * MS, "client_down": 10 * MS}
    return {place: given.get(place) or Hop(delay_ns) for place, delay_ns in usual.items()}


def impaired(delay_ns=None, **how):
    """All four hops with the same trouble."""
    usual = {"client_up": 10 * MS, "server_up": 30 * MS, "server_down": 30 * MS, "client_down": 10 * MS}
    return {place: Hop(delay_ns or place_ns, **how) for place, place_ns in usual.items()}


def each_way(seed, make_hops, sizes=((60_000, 2_000), (2_000, 60_000), (40_000, 40_000)), **settings):
    """Transfers up, down and both at once, with SACK and time stamps and without, over IPv4 and IPv6."""
    source = random.Random(seed)
    for number, (up, down) in enumerate(sizes):
        for variant, (sack, timestamps) in enumerate(((True, False), (False, True), (True, True), (False, False))):
            given = dict({"sack": sack, "timestamps": timestamps}, **settings)
            made = Conversation(source, Settings(isn=source.randrange(2**32), **given),
                                Settings(isn=source.randrange(2**32), **given), make_hops(),
                                start_ns=source.randrange(3 * S) // US * US)
            transfer(made, up, down, close_ns=6 * S)
            yield conversation_frames(made, ports=(41000 + 10 * number + variant, 80), version=(4, 6)[variant % 2])


@capture("model")
def undisturbed():
    return merged(*each_way(1, hops))


@capture("model")
def loss_behind_the_observer():
    """What is sent again was seen before."""
    return merged(*each_way(2, lambda: hops(server_up=Hop(30 * MS, loss=0.04), client_down=Hop(10 * MS, loss=0.04))))


@capture("model")
def loss_before_the_observer():
    """What is sent again fills a hole."""
    return merged(*each_way(3, lambda: hops(client_up=Hop(10 * MS, loss=0.04), server_down=Hop(30 * MS, loss=0.04))))


@capture("model")
def heavy_loss():
    """On all hops: time-outs that back off, acknowledgements lost, handshakes and ends again and again."""
    return merged(*each_way(4, lambda: impaired(loss=0.12), sizes=((15_000, 1_000), (1_000, 15_000))))


@capture("model")
def reordering_before_the_observer():
    return merged(*each_way(5, lambda: hops(client_up=Hop(10 * MS, reorder=0.05, held_back_ns=2 * MS),
                                            server_down=Hop(30 * MS, reorder=0.05, held_back_ns=300 * US))))


@capture("model")
def reordering_behind_the_observer():
    """The observer sees all in order, duplicate acknowledgements come, and segments are sent again for nothing."""
    return merged(*each_way(6, lambda: hops(server_up=Hop(30 * MS, reorder=0.05, held_back_ns=8 * MS),
                                            client_down=Hop(10 * MS, reorder=0.05, held_back_ns=8 * MS))))


@capture("model")
def duplicates():
    return merged(*each_way(7, lambda: impaired(duplicate=0.05)))


@capture("model")
def delay_that_varies():
    return merged(*each_way(8, lambda: impaired(jitter_ns=20 * MS)))


@capture("model")
def everything_at_once():
    trouble = {"jitter_ns": 2 * MS, "loss": 0.02, "duplicate": 0.01, "reorder": 0.02}
    return merged(*each_way(9, lambda: impaired(**trouble)))


@capture("model")
def retransmission_by_time_out_and_fast():
    """One segment of many lost, for three duplicate acknowledgements; the last one and the SYN, for the timer."""
    lost = ({22: []}, {41: []}, {0: []}, {0: [], 1: [], 2: []}, {12: [], 13: [], 14: [], 30: []})
    parts = []
    for number, script in enumerate(lost):
        for place, delay_ns in (("client_up", 10 * MS), ("server_up", 30 * MS)):
            made = Conversation(random.Random(10), hops=hops(**{place: Hop(delay_ns, script=script)}))
            transfer(made, 40_000, 0, close_ns=9 * S)
            parts.append(conversation_frames(made, ports=(42000 + 2 * number + (place == "server_up"), 80)))
    return merged(*parts)


@capture("model")
def sequence_wrap():
    """The numbers of both sides pass 2^32, and 2^31, while data is lost and comes late."""
    parts = []
    for number, isn in enumerate((2**32 - 20_000, 2**32 - 1, 2**31 - 20_000, 2**32 - 2, 2**30 - 9_500)):
        for variant, trouble in enumerate(({}, {"loss": 0.03}, {"reorder": 0.05})):
            made = Conversation(random.Random(11), Settings(isn=isn), Settings(isn=isn + 7 & 0xffffffff),
                                impaired(**trouble))
            transfer(made, 50_000, 50_000, close_ns=9 * S)
            parts.append(conversation_frames(made, ports=(43000 + 10 * number + variant, 80)))
    return merged(*parts)


@capture("model")
def port_reuse():
    """The same ends again: after a FIN from both, after a reset, after a linger's time; and a SYN that comes twice."""
    parts, source, start_ns = [], random.Random(12), 0
    for number in range(8):
        made = Conversation(source, Settings(isn=10_000_000 * (number + 1)), Settings(isn=20_000_000 * (number + 1)),
                            hops(server_up=Hop(30 * MS, script={0: []} if number % 4 == 3 else {})), start_ns=start_ns)
        if number % 2:
            made.at(900 * MS, made.client.abort)
        transfer(made, 5_000, 3_000, close_ns=1 * S)
        start_ns = made.seen[-1][0] // S * S + (2 * S if number < 4 else 30 * S)
        parts.append(conversation_frames(made, ports=(44000, 80)))
    return merged(*parts)


@capture("model")
def half_connections():
    """One direction alone, from the first segment or from later on; and SYNs that nobody answers."""
    parts = []
    for number in range(6):
        made = transfer(Conversation(random.Random(13), hops=impaired(loss=0.03)), 20_000, 20_000, close_ns=5 * S)
        made.seen = [entry for entry in made.seen if entry[1] == number % 2][number // 2 * 7:]
        parts.append(conversation_frames(made, ports=(45000 + number, 80)))
    for number, count in enumerate((1, 3, 6)):
        lost = {sent: [] for sent in range(20)}
        made = Conversation(random.Random(14), hops=hops(server_up=Hop(30 * MS, script=lost)))
        made.at(0, made.client.open)
        made.run()
        made.seen = made.seen[:count]
        parts.append(conversation_frames(made, ports=(45100 + number, 80)))
    return merged(*parts)


@capture("model")
def from_the_middle():
    """The capture begins when the connections have been there for long: no SYN, no options, no scale."""
    parts = []
    for number in range(12):
        trouble = ({}, {"loss": 0.03}, {"reorder": 0.03})[number % 3]
        made = transfer(Conversation(random.Random(15 + number), hops=impaired(**trouble)), 30_000, 30_000,
                        close_ns=5 * S)
        parts.append(conversation_frames(made, ports=(46000 + number, 80)))
        parts[-1] = [frame for frame in parts[-1] if frame[0] > (100 + 30 * number) * MS]
    return merged(*parts)


@capture("model")
def keep_alives():
    """A byte of the past, or only its number, every second for a while; in between data in both directions."""
    parts = []
    for number, (probe_bytes, idle_end) in enumerate(((1, 0), (0, 0), (1, 1), (0, 1))):
        quiet, lively = Settings(isn=5000), Settings(isn=9000, keep_alive_ns=1 * S, probe_bytes=probe_bytes)
        made = Conversation(random.Random(30), *((lively, quiet) if idle_end else (quiet, lively)), hops())
        made.at(4500 * MS, made.client.write, 3_000)
        transfer(made, 3_000, 5_000, close_ns=12 * S)
        parts.append(conversation_frames(made, ports=(47000 + number, 80)))
    return merged(*parts)


@capture("model")
def zero_windows():
    """A reader too slow for its sender: the window closes, probes, opens again."""
    parts = []
    for number in range(6):
        slow = Settings(isn=7000, buffer_bytes=8_000, read_bps=100_000 * (1 + number // 2), scale=(7, None)[number % 2],
                        timestamps=number > 2)
        sender = Settings(isn=8000, probe_bytes=(1, 0)[number % 2], rto_ns=(300, 100)[number % 2] * MS)
        made = transfer(Conversation(random.Random(31), sender, slow, hops()), 40_000, 1_000, close_ns=9 * S)
        parts.append(conversation_frames(made, ports=(48000 + number, 80)))
    return merged(*parts)


@capture("model")
def window_scales():
    """Large, none, on one side alone: the window is what the handshake made of it."""
    parts = []
    for number, (mine, yours) in enumerate(((7, 7), (None, 7), (7, None), (0, 14), (14, 0), (None, None))):
        made = Conversation(random.Random(32), Settings(isn=1, scale=mine, buffer_bytes=1 << 20),
                            Settings(isn=2, scale=yours, buffer_bytes=1 << 22, read_bps=8_000_000), hops())
        parts.append(conversation_frames(transfer(made, 40_000, 40_000, close_ns=3 * S), ports=(49000 + number, 80)))
    return merged(*parts)


@capture("model")
def resets():
    """In the handshake, in the middle of a transfer, after it; by the client and by the server."""
    parts = []
    for number, time_ms in enumerate((35, 90, 130, 200, 2000)):
        for side in (CLIENT, SERVER):
            made = Conversation(random.Random(33), hops=impaired(loss=0.02))
            made.at(time_ms * MS, lambda end=made.ends[side]: end.other and end.abort())
            parts.append(conversation_frames(transfer(made, 30_000, 30_000, close_ns=5 * S),
                                             ports=(50000 + 2 * number + side, 80)))
    return merged(*parts)


@capture("model")
def chunks_in_turn():
    """Requests and answers of many sizes: nearly every segment has a round-trip time of its own."""
    parts = []
    for number in range(8):
        client = Settings(isn=11, timestamps=number % 2 > 0, delayed_ack_ns=number * MS)
        server = Settings(isn=12, timestamps=True, delayed_ack_ns=5 * number * MS)
        made = Conversation(random.Random(34 + number), client, server, impaired(jitter_ns=MS))
        parts.append(conversation_frames(transfer(made, 8_000, 20_000, close_ns=9 * S, chunk=200 * (number + 1)),
                                         ports=(51000 + number, 80)))
    return merged(*parts)


@capture("model")
def many_at_random():
    """Of everything a little, in 80 connections."""
    source, parts = random.Random(35), []
    for number in range(80):
        trouble = {name: source.choice((0, 0, 0.01, 0.05)) for name in ("loss", "duplicate", "reorder")}
        trouble |= {"jitter_ns": source.choice((0, MS)), "held_back_ns": source.choice((200 * US, 3 * MS, 50 * MS))}
        ends = [Settings(isn=source.randrange(2**32), mss=source.choice((300, 536, 1448)),
                         scale=source.choice((None, 0, 7)), sack=source.random() < 0.7,
                         timestamps=source.random() < 0.5, delayed_ack_ns=source.choice((0, 10 * MS, 40 * MS)),
                         buffer_bytes=source.choice((4_000, 20_000, 1 << 17)),
                         read_bps=source.choice((300_000, 1e12)))
                for _ in range(2)]
        made = Conversation(source, *ends, impaired(source.choice((None, 500 * US, 100 * MS)), **trouble),
                            start_ns=source.randrange(8 * S) // US * US)
        transfer(made, source.choice((0, 500, 10_000)), source.choice((0, 500, 10_000)), close_ns=8 * S,
                 chunk=source.choice((None, 700, 2_000)))
        parts.append(conversation_frames(made, ports=(52000 + number, 443), version=source.choice((4, 4, 6))))
    return merged(*parts)


def script(port, lines, isns=(1000, 5000)):
    """Single segments: (ms, side, flags, seq, ack, size, more), numbers relative to the SYNs, ack None without ACK."""
    seen = []
    for time_ms, side, flags, seq, ack, *more in lines:
        size, options = (more + [0])[0], dict(more[1]) if len(more) > 1 else {}
        seen.append((int(time_ms * MS), side, Segment(seq, ack, flags, size, options.get("window", 8192),
                                                      tuple(options.get("options", ())))))
    return frames(seen, isns, ports=(port, 80))


HANDSHAKE = [(0, CLIENT, "S", 0, None), (20, SERVER, "SA", 0, 1), (25, CLIENT, "A", 1, 1)]
ENDING = [(900, CLIENT, "FA", 1001, 1, 0), (920, SERVER, "FA", 1, 1002, 0), (930, CLIENT, "A", 1002, 2, 0)]


@capture("script")
def simultaneous_open():
    """Both SYNs cross, answered by SYN and ACK, or by two ACKs; and one of them lost."""
    syns = [(0, CLIENT, "S", 0, None), (3, SERVER, "S", 0, None)]
    ends = [(50, CLIENT, "PA", 1, 1, 500), (80, SERVER, "A", 1, 501), (90, SERVER, "PA", 1, 501, 300),
            (100, CLIENT, "A", 501, 301), (200, SERVER, "FA", 301, 501), (201, CLIENT, "FA", 501, 301),
            (230, SERVER, "A", 302, 502), (231, CLIENT, "A", 502, 302)]
    crossed = [(30, CLIENT, "SA", 0, 1), (33, SERVER, "SA", 0, 1)]
    return merged(script(53000, syns + crossed + ends),
                  script(53001, syns + [(30, CLIENT, "A", 1, 1), (33, SERVER, "A", 1, 1)] + ends),
                  script(53002, syns + [(30, CLIENT, "SA", 0, 1), (45, SERVER, "A", 1, 1)] + ends),
                  script(53003, [syns[1], syns[0], *crossed, *ends]))


@capture("script")
def partial_overlaps():
    """Segments sent again with other borders: before, inside, across, around, in two, with news behind."""
    parts = []
    borders = ((1, 500), (201, 300), (251, 500), (1, 1000), (501, 500), (401, 200), (751, 500), (1, 1500), (1001, 200),
               (951, 100))
    for number, (seq, size) in enumerate(borders):
        first = [(40, CLIENT, "A", 1, 1, 500), (41, CLIENT, "PA", 501, 1, 500)]
        again = [(60, CLIENT, "PA", seq, 1, size), (90, SERVER, "A", 1, 1001), (95, CLIENT, "PA", 1001, 1, 500),
                 (125, SERVER, "A", 1, 1501)]
        ends = [(900, CLIENT, "FA", 1501, 1), (920, SERVER, "FA", 1, 1502), (930, CLIENT, "A", 1502, 2)]
        parts += [script(53100 + number, HANDSHAKE + first + again + ends),
                  script(53200 + number, HANDSHAKE + first[1:] + again + ends),  # above a hole
                  script(53300 + number, HANDSHAKE + first + [(50, SERVER, "A", 1, 501)] + again + ends)]
    return merged(*parts)


@capture("script")
def impossible():
    """What no TCP sends: each line ends in figures, not in a fall; what tools make of it differs."""
    jumbled = (
        [(30, CLIENT, "A", 1, 90_000)], [(30, SERVER, "A", 1, 2**31 + 5)],  # acknowledges what was not sent
        [(0, CLIENT, "SF", 0, None)], [(30, CLIENT, "SFA", 1, 1, 10)], [(30, CLIENT, "SR", 0, None)],
        [(30, CLIENT, "", 1, None, 100)], [(30, CLIENT, "FSRPAUEC", 1, 1, 100)],  # no flag at all, and all of them
        [(30, CLIENT, "PA", 1, 1, 100, {"options": [("WScale", 9)]})],  # a scale without a SYN
        [(30, CLIENT, "S", 7_000_000, None)], [(30, SERVER, "SA", 7_000_000, 1)],  # another SYN in mid-connection
        [(30, CLIENT, "PA", 2**31 - 5, 1, 100)], [(30, CLIENT, "PA", 2**31 + 9, 1, 100)],  # half the space away
        [(30, CLIENT, "PA", 1, 1, 100), (31, CLIENT, "PA", 1, 1, 60), (32, CLIENT, "PA", 51, 1, 100)],
        [(30, SERVER, "A", 1, 1, 0, {"options": [("SAck", (90, 10, 10, 90, 2**32 - 1, 5))]})],
        [(30, CLIENT, "FA", 1, 1), (31, CLIENT, "PA", 2, 1, 100), (32, CLIENT, "FA", 102, 1)],  # data past the end
        [(30, CLIENT, "R", 1, None), (31, CLIENT, "PA", 1, 1, 100), (60, SERVER, "A", 1, 101)],  # data past a reset
    )
    parts = []
    for number, odd in enumerate(jumbled):
        more = [(40, CLIENT, "PA", 1, 1, 1000), (70, SERVER, "A", 1, 1001)]
        parts.append(script(53400 + number, sorted(HANDSHAKE + odd + more + ENDING, key=lambda line: line[0])))
    return merged(*parts)


@capture("noise")
def noise():
    """Flags and numbers at random, in and around the windows, with every combination of flags."""
    source, parts = random.Random(36), []
    for port in range(30):
        lines = []
        for number in range(60):
            far = source.random() < 0.1
            seq, ack = (source.randrange(2**32) if far else source.randrange(5_000) for _ in range(2))
            flags = "".join(flag for flag in "FSRPAU" if source.random() < (0.9 if flag == "A" else 0.08))
            lines.append((number, source.randrange(2), flags, seq, ack if "A" in flags else None,
                          source.choice((0, 0, 1, 100, 700)), {"window": source.choice((0, 1, 8192, 65535))}))
        parts.append(script(53500 + port, lines))
    return merged(*parts)


def write(path, timed_frames):
    """A capture file with microseconds; the frames must be in order."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for time_ns, frame in timed_frames:
            seconds, rest_ns = divmod(time_ns, S)
            out.write(struct.pack("<IIII", BASE_S + seconds, rest_ns // US, len(frame), len(frame)) + frame)
    return path


def make(name, folder):
    return write(pathlib.Path(folder) / f"{name}.pcap", KIND[name][1]())


def make_one_of_all(folder):
    """All of them at the same time, in one capture: the ports tell them apart."""
    return write(pathlib.Path(folder) / "all.pcap", merged(*(make_frames() for _, make_frames in KIND.values())))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or KIND:
        print(make(name, folder))


if __name__ == "__main__":
    main()
