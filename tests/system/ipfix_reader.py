# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Reads IPFIX messages (RFC 7011) into records as the json sink has them, by the table of docs/ipfix.md alone."""
import ipaddress
import re
import struct

from conftest import ROOT

REVERSE_PEN, REVERSE_BIT, NTP_EPOCH = 29305, 0x4000, 2208988800
END_REASONS = {1: "idle", 2: "active", 3: "tcp_end", 5: "evicted", 4: "end"}
TCP_STATES = "midstream syn_sent syn_received established closing closed reset".split()
ROW = re.compile(r"^\| `([\w.\[\]]+)` \| (\w+) \| (IANA|weir) \| (\d+) \| (\w+)[^|]*\|")


def table(enterprise):
    """(enterprise, id) to (field, type), the reverse elements included."""
    elements = {}
    for line in (ROOT / "docs/ipfix.md").read_text().splitlines():
        if not (row := ROW.match(line)):
            continue
        field, _, owner, number, kind = row.groups()
        pen, number = (0 if owner == "IANA" else enterprise), int(number)
        assert (pen, number) not in elements, line
        elements[pen, number] = field, kind
        reverse = (pen, number | REVERSE_BIT) if pen else (REVERSE_PEN, number)
        elements[reverse] = field.replace("fwd.", "rev."), kind
    return elements


def value(kind, field, data):
    if kind in ("ipv4Address", "ipv6Address"):
        return str(ipaddress.ip_address(data))
    if kind == "macAddress":
        return data.hex(":")
    if kind == "dateTimeNanoseconds":
        seconds, fraction = struct.unpack(">II", data)
        return (seconds - NTP_EPOCH) * 10**9 + (fraction * 10**9 >> 32)
    if kind == "octetArray":
        return int.from_bytes(data, "big") >> 4
    if kind == "string":
        return data.decode()
    number = int.from_bytes(data, "big")
    if kind == "boolean":
        return number == 1
    if field == "tcp.state":
        return TCP_STATES[number]
    return END_REASONS[number] if field == "end_reason" else number


def put(record, field, content):
    if listed := re.fullmatch(r"(\w+)\[(\d+)\]", field):
        items = record.setdefault(listed[1], [])
        assert len(items) == int(listed[2])
        items.append(content)
        return
    *path, name = field.split(".")
    for part in path:
        record = record.setdefault(part, {})
    assert name not in record
    record[name] = content


class Reader:
    """One transport session: its templates, and the records that came."""

    def __init__(self, enterprise=32473):
        self.elements = table(enterprise)
        self.templates = {}
        self.records = []
        self.sequences = []
        self.templates_seen = 0

    def feed(self, data):
        """Whole messages; returns the bytes of one that is not whole yet."""
        while len(data) >= 16:
            version, size, _, sequence, self.domain = struct.unpack(">HHIII", data[:16])
            assert version == 10 and size >= 16
            if len(data) < size:
                break
            assert sequence == len(self.records), "the sequence number counts data records"
            self.message(data[16:size])
            data = data[size:]
        return data

    def message(self, sets):
        while sets:
            set_id, size = struct.unpack(">HH", sets[:4])
            assert 4 <= size <= len(sets)
            if set_id == 2:
                self.read_templates(sets[4:size])
            else:
                self.read_records(self.templates[set_id], sets[4:size])
            sets = sets[size:]

    def read_templates(self, data):
        while len(data) >= 4:
            template_id, count = struct.unpack(">HH", data[:4])
            data = data[4:]
            fields = []
            for _ in range(count):
                number, length = struct.unpack(">HH", data[:4])
                pen, data = 0, data[4:]
                if number & 0x8000:
                    pen, data = struct.unpack(">I", data[:4])[0], data[4:]
                fields.append((pen, number & 0x7fff, length))
            assert self.templates.setdefault(template_id, fields) == fields, "a template id has one meaning"
            self.templates_seen += 1

    def read_records(self, fields, data):
        while data:
            record = {}
            for pen, number, length in fields:
                field, kind = self.elements[pen, number]
                if length == 0xffff:
                    length, data = data[0], data[1:]
                    if length == 255:
                        length, data = int.from_bytes(data[:2], "big"), data[2:]
                assert len(data) >= length
                if kind != "dateTimeMilliseconds":
                    put(record, field, value(kind, field, data[:length]))
                data = data[length:]
            self.records.append(record)


def as_exported(record):
    """A record of the json sink, less what docs/ipfix.md leaves out."""
    record = dict(record)
    assert record.pop("duration_ns") == record["end_ns"] - record["start_ns"]
    if record["end_reason"] in ("end_of_input", "shutdown"):
        record["end_reason"] = "end"
    return record
