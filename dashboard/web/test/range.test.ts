// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import { bounds, formatRange, LIVE, parseRange, query, refresh_ms } from "../src/lib/range";
import { formatRoute, parseRoute } from "../src/lib/route";

test("a range survives the address", () => {
	for (const range of [LIVE, { last_s: 604800 }, { from_ms: 1700000000000, to_ms: 1700000360000 }])
		assert.deepEqual(parseRange(formatRange(range)), range);
});

test("nonsense is the live range", () => {
	for (const text of ["", "9y", "1700000360000-1700000000000", "1-2", "1700000000000-x"])
		assert.deepEqual(parseRange(text), LIVE);
});

test("a live range is asked every second, a long one seldom, a fixed one once", () => {
	assert.equal(refresh_ms(LIVE), 1000);
	assert.equal(refresh_ms({ last_s: 3600 }), 12000);
	assert.equal(refresh_ms({ last_s: 7 * 86400 }), 60000);
	assert.equal(refresh_ms({ from_ms: 1, to_ms: 2 }), 0);
});

test("bounds and parameters", () => {
	assert.deepEqual(bounds(LIVE, 1_000_000), { from_ms: 700_000, to_ms: 1_000_000 });
	assert.equal(query(LIVE, 300), "last=300&points=300&resolution=1s");
	assert.equal(query({ last_s: 86400 }, 600), "last=86400&points=600&resolution=auto");
	assert.equal(query({ from_ms: 5, to_ms: 9 }, 600), "from=5&to=9&points=600");
});

test("an address names view, parts and parameters, also odd ones", () => {
	const route = parseRoute(formatRoute("nodes", ["a/b c?"], new URLSearchParams({ range: "1h" })));
	assert.equal(route.view, "nodes");
	assert.deepEqual(route.parts, ["a/b c?"]);
	assert.equal(route.params.get("range"), "1h");
	assert.equal(parseRoute("").view, "overview");
	assert.equal(parseRoute("#/%zz").view, "%zz", "what can't be decoded does no harm");
});
