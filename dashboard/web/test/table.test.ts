// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import { latestOfEach, matches, sortRows } from "../src/lib/table";

test("figures sort as figures, unknown ones last in both directions", () => {
	const rows = [{ n: 9 }, { n: null }, { n: 10 }, { n: 1 }];
	assert.deepEqual(
		sortRows(rows, (row) => row.n, false).map((row) => row.n),
		[1, 9, 10, null],
	);
	assert.deepEqual(
		sortRows(rows, (row) => row.n, true).map((row) => row.n),
		[10, 9, 1, null],
	);
	assert.deepEqual(
		rows.map((row) => row.n),
		[9, null, 10, 1],
		"the rows given stay as they are",
	);
});

test("addresses sort by their numbers", () => {
	assert.deepEqual(
		sortRows(["10.0.0.10", "10.0.0.9"], (row) => row, false),
		["10.0.0.9", "10.0.0.10"],
	);
});

test("equal rows stay in place", () => {
	const rows = ["b1", "a1", "b2", "a2"];
	assert.deepEqual(
		sortRows(rows, (row) => row[0], false),
		["a1", "a2", "b1", "b2"],
	);
});

test("a search finds all of its words, anywhere", () => {
	assert.ok(matches("tcp 10.0.0.1:80 http", "HTTP 10.0"));
	assert.ok(!matches("tcp 10.0.0.1:80 http", "udp 10.0"));
	assert.ok(matches("anything", "  "));
});

test("of a decision that changed only the newest entry is left", () => {
	const entries = ["c1-2 done", "c1-1 done", "c1-2 sent"].map((words) => ({ id: words.slice(0, 4), words }));
	assert.deepEqual(
		latestOfEach(entries).map((entry) => entry.words),
		["c1-2 done", "c1-1 done"],
	);
});
