# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Two ends of TCP, a network between them, and an observer in its middle: conversations whose truth is known.

An end sends with slow start, fast retransmit, retransmission time-outs, SACK, time stamps, persist and keep-alive
probes; it answers with delayed acknowledgements and a window that shrinks while nobody reads. Each of the four hops
(end to observer and observer to end, both ways) has a delay of its own, and may lose, hold back or duplicate. All of it
happens on a simulated clock and from a seed: the same conversation always gives the same frames.

Sequence numbers are counted from the SYN and without a limit here; they are cut to 32 bits where a frame is made.
"""
import dataclasses
import heapq
import ipaddress
import math
import struct

from scapy.layers.inet import TCPOptionsField
from scapy.utils import checksum

OPTIONS = TCPOptionsField("options", [])
US, MS, S = 1_000, 1_000_000, 1_000_000_000
CLIENT, SERVER = 0, 1


class Clock:
    """Runs actions in the order of their time; actions of one time in the order in which they were asked for."""

    def __init__(self):
        self.now_ns = 0
        self.waiting = []
        self.asked = 0

    def after(self, delay_ns, action):
        self.asked += 1
        heapq.heappush(self.waiting, (self.now_ns + int(delay_ns), self.asked, action))

    def run(self, until_ns):
        while self.waiting and self.waiting[0][0] <= until_ns:
            self.now_ns, _, action = heapq.heappop(self.waiting)
            action()


class Timer:
    """One action in the future, which may be put off or called off."""

    def __init__(self, clock, action):
        self.clock, self.action = clock, action
        self.current = 0
        self.is_set = False

    def set(self, delay_ns):
        self.clear()
        self.is_set = True
        self.clock.after(delay_ns, lambda number=self.current: self.fire(number))

    def clear(self):
        self.current += 1
        self.is_set = False

    def fire(self, number):
        if number == self.current:
            self.is_set = False
            self.action()


@dataclasses.dataclass
class Segment:
    seq: int
    ack: int | None
    flags: str
    size: int = 0
    window: int = 65535
    options: tuple = ()


@dataclasses.dataclass
class Hop:
    """One way between an end and the observer. `script` may name the fate of a segment by its number on this hop: the
    delays beyond the usual one of the copies that arrive, none for a loss."""

    delay_ns: int = 5 * MS
    gap_ns: int = 10 * US  # between two segments, at least
    jitter_ns: int = 0  # order is kept
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0
    held_back_ns: int = 5 * MS  # a reordered segment is late by this
    script: dict = dataclasses.field(default_factory=dict)
    carried: int = 0
    last_ns: int = 0

    def carry(self, clock, random, deliver):
        fate = self.script.get(self.carried, self.draw(random))
        self.carried += 1
        for late_ns in fate:
            due_ns = clock.now_ns + self.delay_ns + late_ns
            if not late_ns:
                due_ns += random.randrange(self.jitter_ns + 1)
                due_ns = self.last_ns = max(self.last_ns + self.gap_ns, due_ns)
            clock.after(due_ns // US * US - clock.now_ns, deliver)

    def draw(self, random):
        if random.random() < self.loss:
            return []
        late_ns = self.held_back_ns if random.random() < self.reorder else 0
        return [late_ns, late_ns + 100 * US] if random.random() < self.duplicate else [late_ns]


@dataclasses.dataclass
class Settings:
    """How an end behaves."""

    isn: int = 1000
    mss: int = 1000
    buffer_bytes: int = 1 << 16
    scale: int | None = 7
    sack: bool = True
    dsack: bool = False  # tell what came twice, too
    timestamps: bool = False
    rto_ns: int = 300 * MS
    delayed_ack_ns: int = 40 * MS
    read_bps: float = math.inf
    keep_alive_ns: int | None = None
    probe_bytes: int = 1  # of a persist or keep-alive probe: 1 repeats a byte or adds one, 0 is an old number alone


class End:
    """One end. `send(segment)` puts a segment on the wire; `other` is what the SYN of the peer tells, its Settings."""

    def __init__(self, clock, settings, send):
        self.clock, self.settings, self.wire = clock, settings, send
        self.other = None
        self.una = self.next = self.max = 0
        self.written = 1
        self.fin_at = None
        self.window, self.cwnd, self.threshold = 0, 10 * settings.mss, math.inf
        self.duplicates, self.recover, self.repeated_to, self.backoff = 0, None, 0, 0
        self.sacked = []
        self.expected = None
        self.answered_ns = -S
        self.echo = 0  # the newest time stamp of the peer
        self.early = []  # (from, to) received beyond a hole, the newest first
        self.twice = None  # (from, to) received again, to be told
        self.unread = self.unacknowledged = 0
        self.peer_fin = None
        self.is_over = False
        self.sent_segments = self.repeated_segments = self.repeated_bytes = 0
        self.retransmit = Timer(clock, self.time_out)
        self.persist = Timer(clock, self.probe_window)
        self.delayed = Timer(clock, self.acknowledge)
        self.reading = Timer(clock, self.read)
        self.idle = Timer(clock, self.probe_life)

    # What an application does.

    def open(self):
        self.emit("S", 0)
        self.next = self.max = 1
        self.retransmit.set(self.settings.rto_ns)

    def write(self, size):
        self.written += size
        self.transmit()

    def close(self):
        self.fin_at = self.written
        self.transmit()

    def abort(self):
        self.emit("RA", self.next)
        self.end()

    def end(self):
        self.is_over = True
        for timer in (self.retransmit, self.persist, self.delayed, self.reading, self.idle):
            timer.clear()

    # Sending.

    def limit(self):
        return self.written + (self.fin_at is not None)

    def emit(self, flags, seq, size=0):
        options = []
        if "S" in flags:
            options.append(("MSS", self.settings.mss))
            if self.settings.scale is not None and (self.other is None or self.other.scale is not None):
                options.append(("WScale", self.settings.scale))
            if self.settings.sack:
                options.append(("SAckOK", b""))
        if self.settings.timestamps and (self.other is None or self.other.timestamps):
            options.append(("Timestamp", (self.clock.now_ns // MS + 1000, self.echo)))
        told = ([self.twice] if self.twice else []) + self.early
        if told and self.settings.sack and self.other.sack and "A" in flags:
            self.twice = None
            edges = (edge for part in told[:3] for edge in part)
            options.append(("SAck", tuple(self.other.isn + edge & 0xffffffff for edge in edges)))
        free = max(0, self.settings.buffer_bytes - self.unread)
        shift = 0 if "S" in flags else self.shift(self.settings)
        self.wire(Segment(seq, self.expected if "A" in flags else None, flags, size, min(0xffff, free >> shift),
                          tuple(options)))
        if "A" in flags:
            self.unacknowledged = 0
            self.delayed.clear()
        if self.settings.keep_alive_ns:
            self.idle.set(self.settings.keep_alive_ns)

    def shift(self, whose):
        return whose.scale if None not in (self.settings.scale, self.other.scale) else 0

    def data(self, start):
        """Send what begins at `start`: data up to a segment's size, and the FIN if it comes right behind."""
        size = max(0, min(self.settings.mss, self.other.mss, self.written - start))
        end = start + size
        is_last = self.fin_at is not None and end == self.fin_at
        self.sent_segments += size > 0
        if start < self.max:
            self.repeated_segments += 1
            self.repeated_bytes += min(size, self.max - start)
        self.emit("FA" if is_last else "PA" if end == self.written else "A", start, size)
        end += is_last
        self.max = max(self.max, end)
        return end

    def transmit(self):
        """Send what the windows allow."""
        if self.is_over or self.other is None or self.una == 0:
            return
        while self.next < self.limit():
            room = min(self.window, self.cwnd) - (self.next - self.una)
            size = min(self.settings.mss, self.other.mss, self.written - self.next)
            if room < max(1, size):
                break
            self.next = self.data(self.next)
        if self.una < self.next and not self.retransmit.is_set:
            self.retransmit.set(self.settings.rto_ns << self.backoff)
        if self.una == self.next and self.next < self.limit() and self.window < self.settings.mss:
            if not self.persist.is_set:
                self.persist.set(self.settings.rto_ns)

    def time_out(self):
        if self.una == 0:
            self.emit("S" if self.other is None else "SA", 0)
        else:
            self.threshold, self.cwnd = max(2 * self.settings.mss, (self.next - self.una) // 2), self.settings.mss
            self.duplicates, self.recover, self.sacked = 0, None, []
            self.next = self.data(self.una)
        self.backoff += 1
        if self.backoff < 8:
            self.retransmit.set(self.settings.rto_ns << self.backoff)

    def probe_window(self):
        """The peer's window is closed: one byte of what waits, or an old number."""
        if self.settings.probe_bytes:
            self.emit("A", self.una, 1)
        else:
            self.emit("A", self.una - 1)
        self.persist.set(self.settings.rto_ns << 1)

    def probe_life(self):
        if self.una == self.limit() and self.other is not None and self.una > 0:
            self.emit("A", self.una - 1, self.settings.probe_bytes)

    def first_hole(self, start):
        """Where the first bytes lie that are neither acknowledged nor reported as received, from `start` on."""
        for left, right in sorted(self.sacked):
            if left <= start < right:
                start = right
        return start

    def repeat_hole(self):
        hole = self.first_hole(max(self.una, self.repeated_to))
        if hole < min(self.recover, self.next) and (hole == self.una or any(left > hole for left, _ in self.sacked)):
            self.repeated_to = self.data(hole)
            self.retransmit.set(self.settings.rto_ns)

    def acknowledged(self, segment):
        window = segment.window << (0 if "S" in segment.flags else self.shift(self.other))
        for name, value in segment.options:
            if name == "SAck":
                edges = [(edge - self.settings.isn) % 2**32 for edge in value]
                self.sacked += zip(edges[::2], edges[1::2])
        if segment.ack > self.una:
            self.una = segment.ack
            self.next = max(self.next, self.una)
            self.backoff = self.duplicates = 0
            self.sacked = [hole for hole in self.sacked if hole[1] > self.una]
            self.cwnd += self.settings.mss if self.cwnd < self.threshold else self.settings.mss**2 // self.cwnd
            self.retransmit.clear()
            if self.recover is not None and self.una >= self.recover:
                self.recover, self.cwnd = None, self.threshold
            elif self.recover is not None:
                self.repeat_hole()
        elif segment.ack == self.una < self.next and segment.size == 0 and window == self.window:
            self.duplicates += 1
            if self.duplicates == 3 and self.recover is None:
                self.recover, self.repeated_to = self.next, self.una
                self.threshold = self.cwnd = max(2 * self.settings.mss, (self.next - self.una) // 2)
                self.repeat_hole()
            elif self.duplicates > 3 and self.recover is not None:
                self.cwnd += self.settings.mss
                self.repeat_hole()
        self.window = window
        if window >= self.settings.mss:
            self.persist.clear()

    # Receiving.

    def arrive(self, segment, sender):
        if self.is_over:
            return
        if "R" in segment.flags:
            self.end()
            return
        if "S" in segment.flags and self.other is None:
            self.other, self.expected = sender, 1
        if self.other is None:
            return
        if segment.seq <= self.expected:
            self.echo = max([value[0] for name, value in segment.options if name == "Timestamp"], default=self.echo)
        if self.una == 0 and self.next == 0:
            self.emit("SA", 0)
            self.next = self.max = 1
            self.retransmit.set(self.settings.rto_ns)
            return
        if segment.ack is not None:
            self.acknowledged(segment)
        if "S" in segment.flags:
            self.acknowledge()
        elif segment.size or "F" in segment.flags:
            self.take(segment)
        elif segment.seq < self.expected and self.clock.now_ns - self.answered_ns > 200 * MS:
            self.answered_ns = self.clock.now_ns
            self.acknowledge()  # a probe, or one that came late: as Linux, don't answer all, or two ends never stop
        self.transmit()
        if self.una == self.limit() and self.fin_at is not None and self.peer_fin is not None:
            self.retransmit.clear()
            self.idle.clear()

    def has_early(self, start, end):
        return any(left <= start and end <= right for left, right in self.early)

    def take(self, segment):
        """Data or a FIN: in order, early or again; what does not fit into the buffer is not taken."""
        start, end = segment.seq, segment.seq + segment.size + ("F" in segment.flags)
        free = self.settings.buffer_bytes - self.unread
        is_expected = start <= self.expected < end and end - self.expected <= max(free, "F" in segment.flags)
        if not is_expected:
            if self.settings.dsack and (end <= self.expected or self.has_early(start, end)):
                self.twice = start, end
            elif start > self.expected and end - self.expected <= free:
                touching = [part for part in self.early if part[0] <= end and start <= part[1]]
                whole = min([start] + [part[0] for part in touching]), max([end] + [part[1] for part in touching])
                self.early = [whole] + [part for part in self.early if part not in touching]
            self.acknowledge()
            return
        before = self.expected
        self.expected = end
        had_holes = bool(self.early)
        while reached := [part for part in self.early if part[0] <= self.expected]:
            self.expected = max(self.expected, *(to for _, to in reached))
            self.early = [part for part in self.early if part[0] > self.expected]
        if "F" in segment.flags:
            self.peer_fin = end
        self.keep(self.expected - before)
        self.unacknowledged += 1
        if had_holes or self.unacknowledged >= 2 or "F" in segment.flags or not self.settings.delayed_ack_ns:
            self.acknowledge()
        elif not self.delayed.is_set:
            self.delayed.set(self.settings.delayed_ack_ns)

    def keep(self, size):
        if self.settings.read_bps != math.inf:
            self.unread += size
            if not self.reading.is_set:
                self.reading.set(20 * MS)

    def read(self):
        """The application takes what its rate allows in 20 ms; the peer is told when a closed window opens."""
        was_closed = self.settings.buffer_bytes - self.unread < self.settings.mss
        self.unread = max(0, self.unread - int(self.settings.read_bps / 8 * 0.02))
        if was_closed and self.settings.buffer_bytes - self.unread >= 2 * self.settings.mss:
            self.acknowledge()
        if self.unread:
            self.reading.set(20 * MS)

    def acknowledge(self):
        if not self.is_over:
            self.emit("A", self.next if self.fin_at is None or self.next <= self.fin_at else self.fin_at + 1)


class Conversation:
    """A client and a server, the observer between them, and what the observer saw: `seen`, (time, side, Segment)."""

    def __init__(self, random, client=Settings(), server=Settings(isn=500_000), hops=None, start_ns=0):
        self.random = random
        self.clock = Clock()
        self.start_ns = start_ns
        self.settings = client, server
        self.hops = hops or {}
        for place in ("client_up", "server_up", "server_down", "client_down"):
            self.hops.setdefault(place, Hop())
        self.seen = []
        self.sent = []  # (side, segment) as they left their ends
        self.taken = []  # the client's, as they came to the server
        self.ends = [End(self.clock, settings, lambda segment, side=side: self.carry(segment, side))
                     for side, settings in enumerate(self.settings)]
        self.client, self.server = self.ends

    def carry(self, segment, side):
        first, second = ("client_up", "server_up") if side == CLIENT else ("server_down", "client_down")

        def observe():
            self.seen.append((self.start_ns + self.clock.now_ns, side, segment))
            self.hops[second].carry(self.clock, self.random, deliver)

        def deliver():
            self.taken += [segment] if side == CLIENT else []
            self.ends[1 - side].arrive(segment, self.settings[side])

        self.sent.append((side, segment))

        self.hops[first].carry(self.clock, self.random, observe)

    def at(self, time_ns, action, *arguments):
        self.clock.after(time_ns - self.clock.now_ns, lambda: action(*arguments))

    def run(self, until_ns=600 * S):
        self.clock.run(until_ns)
        return self


def transfer(conversation, up=0, down=0, close_ns=None, chunk=None):
    """The client connects and both send, all at once or in chunks 50 ms apart; then both close, the client first."""
    conversation.at(0, conversation.client.open)
    for end, size in ((conversation.client, up), (conversation.server, down)):
        step, time_ns = chunk or max(1, size), 100 * MS
        for sent in range(0, size, step):
            conversation.at(time_ns, end.write, min(step, size - sent))
            time_ns += 50 * MS
    close_ns = close_ns or 20 * S
    conversation.at(close_ns, conversation.client.close)
    conversation.at(close_ns + 10 * MS, conversation.server.close)
    return conversation.run()


def frames(seen, isns, ports=(40000, 80), version=4, addresses=None):
    """(time, frame) of segments that an observer saw; `isns` are the numbers of both SYNs."""
    addresses = addresses or (("10.0.0.1", "10.0.1.2") if version == 4 else ("2001:db8::1", "2001:db8:1::2"))
    packed = [ipaddress.ip_address(address).packed for address in addresses]
    for number, (time_ns, side, segment) in enumerate(seen):
        there, back = (0, 1) if side == CLIENT else (1, 0)
        link = bytes((2, 0, 0, 0, 0, 2 - there, 2, 0, 0, 0, 0, 1 + there)) + (b"\x08\x00", b"\x86\xdd")[version == 6]
        tcp = tcp_bytes(segment, isns[there], isns[back], ports[there], ports[back])
        pseudo = packed[there] + packed[back] + struct.pack(">II", len(tcp), 6)
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        if version == 4:
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number & 0xffff, 0, 64, 6, 0)
            ip += packed[there] + packed[back]
            ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        else:
            ip = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + packed[there] + packed[back]
        yield time_ns, link + ip + tcp


def tcp_bytes(segment, isn, other_isn, port, other_port):
    """Header and payload, without a checksum."""
    options = OPTIONS.i2m(None, list(segment.options))
    options += bytes(-len(options) % 4)
    flags = sum(1 << "FSRPAUEC".index(flag) for flag in segment.flags)
    ack = 0 if segment.ack is None else (segment.ack + other_isn) % 2**32
    return struct.pack(">HHIIBBHHH", port, other_port, (segment.seq + isn) % 2**32, ack, 5 + len(options) // 4 << 4,
                       flags, segment.window, 0, 0) + options + bytes(segment.size)


def conversation_frames(conversation, **places):
    return frames(conversation.seen, [settings.isn for settings in conversation.settings], **places)
