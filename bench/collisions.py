# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
"""Flow keys that all have the same hash, for hashes that programs like this one use: CRC32C, Toeplitz (NICs' RSS),
XXH32 and XXH64. And keys that differ only in ways that weak hashes mix badly.

A key is (src, dst, sport, dport) of TCP over IPv4, with src < dst, so that it is canonical; a hash sees its 16 bytes:
the addresses, the ports, the protocol, zeros.

CRC and Toeplitz are affine over GF(2): keys collide where their difference lies in the kernel, whatever the seed or
initial value. XXH with a known seed is a chain of bijections: all lanes but one can be chosen, the last one follows.
"""
import random
import struct

PROTOCOL = 6
SRC_TOP, DST_TOP = 0x0a, 0xc6  # src 10.x.x.x, dst 198.x.x.x: 24 bits of each are free
FREE_BITS = 24 + 24 + 16 + 16
MASK32, MASK64 = 0xffffffff, 0xffffffffffffffff
MICROSOFT_KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
SYMMETRIC_KEY = bytes.fromhex("6d5a" * 20)


def key_of(bits):
    """The key that FREE_BITS bits make."""
    return (SRC_TOP << 24 | bits & 0xffffff, DST_TOP << 24 | bits >> 24 & 0xffffff, bits >> 48 & 0xffff, bits >> 64)


def packed(key):
    return struct.pack(">IIHHB3x", *key, PROTOCOL)


def crc32c(data):
    crc = MASK32
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ MASK32


def toeplitz(data, secret):
    window, result = int.from_bytes(secret, "big"), 0
    bits, width = int.from_bytes(data, "big"), 8 * len(data)
    for i in range(width):
        if bits >> (width - 1 - i) & 1:
            result ^= window >> (8 * len(secret) - 32 - i) & MASK32
    return result


def kernel(function):
    """A basis of the differences that leave an affine function of FREE_BITS bits as it is."""
    zero, rows, basis = function(0), {}, []
    for i in range(FREE_BITS):
        value, source = function(1 << i) ^ zero, 1 << i
        while value and value.bit_length() in rows:
            other = rows[value.bit_length()]
            value, source = value ^ other[0], source ^ other[1]
        if value:
            rows[value.bit_length()] = (value, source)
        else:
            basis.append(source)
    return basis


def span(basis, start, count):
    """`count` different sums of `start` and basis vectors, in the order of a Gray code."""
    assert count <= 1 << len(basis)
    bits = start
    for i in range(1, count + 1):
        yield bits
        if i < count:
            bits ^= basis[(i & -i).bit_length() - 1]


def crc_keys(count, rng):
    basis = kernel(lambda bits: crc32c(packed(key_of(bits))))
    return (key_of(bits) for bits in span(basis, rng.getrandbits(FREE_BITS), count))


def toeplitz_keys(count, rng):
    """Collide under Microsoft's key and under the symmetric one at once."""
    def both(bits):
        data = packed(key_of(bits))[:12]
        return toeplitz(data, MICROSOFT_KEY) << 32 | toeplitz(data, SYMMETRIC_KEY)
    return (key_of(bits) for bits in span(kernel(both), rng.getrandbits(FREE_BITS), count))


def rotl(value, n, width):
    return (value << n | value >> width - n) & (1 << width) - 1


P32 = (2654435761, 2246822519, 3266489917)
P64 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261)


def xxh32_keys(count, rng):
    """XXH32, seed 0: four accumulators of a lane each; source port and protocol are given, dst follows."""
    def lane(start, value):
        return rotl((start + value * P32[1]) & MASK32, 13, 32) * P32[0] & MASK32
    undo0, undo1 = pow(P32[0], -1, 1 << 32), pow(P32[1], -1, 1 << 32)
    starts = ((P32[0] + P32[1]) & MASK32, P32[1], 0, -P32[0] & MASK32)
    last = rotl(lane(starts[3], PROTOCOL), 18, 32)
    target, made = rng.getrandbits(32), 0
    while made < count:
        src, ports = SRC_TOP << 24 | rng.getrandbits(24), rng.getrandbits(32)
        words = [int.from_bytes(struct.pack(">I", word), "little") for word in (src, ports)]
        others = rotl(lane(starts[0], words[0]), 1, 32) + rotl(lane(starts[2], words[1]), 12, 32) + last
        rest = (target - others) & MASK32
        value = (rotl(rotl(rest, 25, 32) * undo0 & MASK32, 19, 32) - starts[1]) * undo1 & MASK32
        dst = int.from_bytes(struct.pack("<I", value), "big")
        if src < dst:
            made += 1
            yield src, dst, ports >> 16, ports & 0xffff


def xxh64_keys(count, rng):
    """XXH64, seed 0, of ports, protocol and then addresses: the ports are chosen, the addresses follow."""
    undo = [pow(prime, -1, 1 << 64) for prime in P64]

    def lane(value):
        return rotl(value * P64[1] & MASK64, 31, 64) * P64[0] & MASK64
    target, made = rng.getrandbits(64), 0
    while made < count:
        ports = rng.getrandbits(32)
        first = struct.unpack("<Q", struct.pack(">IB3x", ports, PROTOCOL))[0]
        state = (rotl(P64[4] + 16 & MASK64 ^ lane(first), 27, 64) * P64[0] + P64[3]) & MASK64
        before = rotl((target - P64[3]) * undo[0] & MASK64, 37, 64) ^ state
        value = rotl(before * undo[0] & MASK64, 33, 64) * undo[1] & MASK64
        src, dst = struct.unpack(">II", struct.pack("<Q", value))
        if src < dst:
            made += 1
            yield src, dst, ports >> 16, ports & 0xffff


def structured_keys(count, _):
    """Counters in both addresses that cancel in a sum, and in both ports that cancel in an exclusive or."""
    for i in range(count):
        low, high = i & 0x3ff, i >> 10
        yield SRC_TOP << 24 | high, (DST_TOP << 24 | 0xffffff) - high, 1024 + low, (1024 + low) ^ 0x5a5a


def random_keys(count, rng):
    seen = set()
    while len(seen) < count:
        seen.add(rng.getrandbits(FREE_BITS))
    keys = [key_of(bits) for bits in seen]
    rng.shuffle(keys)
    return iter(keys)


KINDS = {"random": random_keys, "crc": crc_keys, "toeplitz": toeplitz_keys, "xxh32": xxh32_keys, "xxh64": xxh64_keys,
         "structured": structured_keys}


def keys(kind, count, seed=1):
    """`count` different keys, in random order."""
    rng = random.Random(seed)
    made = list(dict.fromkeys(KINDS[kind](count + (count >> 3 if kind.startswith("xxh") else 0), rng)))[:count]
    assert len(made) == count
    rng.shuffle(made)
    return made
