// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../src/lib/format";

/** With plain blanks, to be readable here. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

test("a quantity has three digits and an SI prefix", () => {
	assert.equal(plain(format.bits(88_651_234)), "88.7 Mbit/s");
	assert.equal(plain(format.bits(999_499)), "999 kbit/s");
	assert.equal(plain(format.bits(999_500)), "1.00 Mbit/s", "no 1000 kbit/s");
	assert.equal(plain(format.si(1e21, "B")), "1000 EB", "the last prefix holds the rest");
	assert.equal(plain(format.perSecond(0)), "0 /s");
	assert.equal(plain(format.perSecond(0.25)), "0.25 /s");
	assert.equal(plain(format.perSecond(0.001)), "< 0.01 /s");
	assert.equal(format.si(512), "512", "a whole number without a prefix is exact");
	assert.equal(plain(format.si(-2500, "B")), "-2.50 kB");
});

test("a figure is told from its unit", () => {
	assert.deepEqual(format.figureAndUnit(format.bits(88_651_234)), ["88.7", "Mbit/s"]);
	assert.deepEqual(format.figureAndUnit(format.share(0.00001)), ["< 0.01", "%"]);
	assert.deepEqual(format.figureAndUnit(format.si(512)), ["512", ""]);
	assert.deepEqual(format.figureAndUnit(format.UNKNOWN), [format.UNKNOWN, ""]);
});

test("what is not known has no figure", () => {
	for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
		assert.equal(format.si(value, "B"), format.UNKNOWN);
		assert.equal(format.share(value), format.UNKNOWN);
		assert.equal(format.latency(value), format.UNKNOWN);
		assert.equal(format.duration(value), format.UNKNOWN);
	}
	assert.equal(format.count(null), format.UNKNOWN);
	assert.equal(format.moment(null), format.UNKNOWN);
});

test("a clock is ahead, behind, or as here", () => {
	assert.equal(plain(format.clockOffset(3_600_000_000_000)), "1 h ahead");
	assert.equal(plain(format.clockOffset(-7_260_000_000_000)), "2 h 1 min behind");
	assert.equal(format.clockOffset(null), "as here");
});

test("counts are exact", () => {
	assert.equal(format.count(1_234_567), "1,234,567");
});

test("round trips take the unit that fits", () => {
	assert.equal(plain(format.latency(850)), "850 ns");
	assert.equal(plain(format.latency(99_960)), "100 µs");
	assert.equal(plain(format.latency(999_900)), "1.00 ms", "no 1000 µs");
	assert.equal(plain(format.latency(1.5e9)), "1.50 s");
});

test("long times have two units", () => {
	assert.equal(plain(format.duration(4.25e9)), "4.3 s");
	assert.equal(plain(format.duration(59.99e9)), "59 s");
	assert.equal(plain(format.duration(60e9)), "1 min");
	assert.equal(plain(format.duration(7505e9)), "2 h 5 min");
	assert.equal(plain(format.duration(86_405e9)), "1 d", "a day and 5 s: the hours between are none");
});

test("shares are in percent", () => {
	assert.equal(plain(format.share(0.0042)), "0.42 %");
	assert.equal(plain(format.share(0.00001)), "< 0.01 %");
	assert.equal(plain(format.share(1)), "100 %");
});

test("an axis has round figures", () => {
	assert.equal(plain(format.round(format.bits(50e6))), "50 Mbit/s");
	assert.equal(plain(format.round(format.bits(2.5e6))), "2.5 Mbit/s");
	assert.equal(plain(format.round(format.bits(100e6))), "100 Mbit/s");
	assert.equal(plain(format.round(format.share(0.002))), "0.2 %");
});

test("times of other days say which", () => {
	const noon = new Date(2026, 4, 7, 12, 0, 9).getTime();
	assert.equal(format.moment(noon, noon + 3600e3), "12:00:09");
	assert.equal(format.moment(noon, noon + 86400e3), "7 May 12:00:09");
});

test("an IPv6 endpoint has brackets", () => {
	assert.equal(format.endpoint("fd77::1", 443), "[fd77::1]:443");
	assert.equal(format.endpoint("10.0.0.1", 53), "10.0.0.1:53");
});
