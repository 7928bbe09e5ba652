// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import { toBars } from "../src/lib/histogram";

test("bars touch, are in order, and the fullest is as high as the axis", () => {
	const { bars } = toBars([
		[1000, 5],
		[2000, 10],
		[4000, 1],
	]);
	assert.deepEqual(
		bars.map((bar) => bar.height),
		[0.5, 1, 0.1],
	);
	assert.ok(Math.abs((bars[0]?.left ?? 1) - 0) < 1e-9);
	assert.ok(Math.abs((bars[2]?.right ?? 0) - 1) < 1e-9);
	assert.ok(Math.abs((bars[0]?.right ?? 0) - (bars[1]?.left ?? 1)) < 1e-9);
});

test("an empty bucket leaves room where it is missing", () => {
	const { bars } = toBars([
		[1000, 1],
		[2000, 1],
		[4000, 0],
		[8000, 1],
	]);
	assert.equal(bars.length, 3);
	assert.equal(bars[2]?.from_ns, 4000);
});

test("ticks are round, at least two where there is room", () => {
	const { ticks } = toBars([
		[150, 1],
		[250_000, 1],
	]);
	assert.deepEqual(
		ticks.map((tick) => Math.round(tick.ns)),
		[100, 1000, 10_000, 100_000],
	);
});

test("nothing makes nothing, and one bucket is a bar", () => {
	assert.deepEqual(toBars([]), { bars: [], ticks: [] });
	assert.deepEqual(toBars([[1000, 0]]).bars, []);
	assert.equal(toBars([[1000, 7]]).bars[0]?.right, 1);
});

test("fine buckets are put together, and none is lost", () => {
	const fine = Array.from({ length: 600 }, (_, i): [number, number] => [1000 * 1.02 ** i, 1 + (i % 7)]);
	const { bars } = toBars(fine);
	assert.ok(bars.length <= 44);
	const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0);
	assert.equal(sum(bars.map((bar) => bar.count)), sum(fine.map(([, count]) => count)));
	assert.ok(bars.every((bar) => bar.left >= 0 && bar.right <= 1 + 1e-9));
});
