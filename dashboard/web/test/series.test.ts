// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Series } from "../src/api/types";
import { describe, findGaps, latest, toColumns } from "../src/lib/series";

function series(values: (number | null)[], gaps: Series["gaps"] = []): Series {
	return {
		from_ms: 0,
		to_ms: values.length * 1000,
		step_ms: 1000,
		resolution: "1s",
		node: null,
		time_ms: values.map((_, i) => (i + 1) * 1000),
		fields: { a: values },
		gaps,
	};
}

test("a hole between values is a gap, from the end of what is known", () => {
	const of = series([1, 2, null, null, 5]);
	assert.deepEqual(findGaps(of, [of.fields.a ?? []]), [{ from_ms: 2000, to_ms: 4000, reason: "nothing was stored" }]);
});

test("a gap has the controller's reason where it gave one", () => {
	const of = series([1, null, 3], [{ from_ms: 900, to_ms: 2100, reason: "redis was away" }]);
	assert.equal(findGaps(of, [of.fields.a ?? []])[0]?.reason, "redis was away");
});

test("what was before the first value is no gap, nor what may only not be stored yet", () => {
	const of = series([null, null, 3, 4, null, null]);
	assert.deepEqual(findGaps(of, [of.fields.a ?? []]), []);
});

test("what was before the first value is a gap where the controller says so", () => {
	const of = series([null, null, null, 4], [{ from_ms: 1000, to_ms: 3000, reason: "redis was away" }]);
	assert.deepEqual(findGaps(of, [of.fields.a ?? []]), [{ from_ms: 1000, to_ms: 3000, reason: "redis was away" }]);
});

test("an outage that goes on is a gap up to the end", () => {
	const of = series([1, 2, null, null, null]);
	assert.deepEqual(findGaps(of, [of.fields.a ?? []]), [{ from_ms: 2000, to_ms: 5000, reason: "nothing was stored" }]);
});

test("what was known before an outage is not what is now", () => {
	assert.equal(latest([1, 2, null]), 2);
	assert.equal(latest([1, 2, null, null]), null);
	assert.equal(describe([1, 2, null, null])?.last, null);
});

test("one known field is enough", () => {
	const of = series([1, null, 3]);
	assert.deepEqual(findGaps(of, [of.fields.a ?? [], [1, 2, 3]]), []);
});

test("a field that is not there is a column of unknowns as long as the others", () => {
	const columns = toColumns(series([1, 2, 3]), ["a", "b"]);
	assert.deepEqual(columns.times, [1, 2, 3]);
	assert.deepEqual(columns.values, [
		[1, 2, 3],
		[null, null, null],
	]);
});

test("a description passes over what is not known", () => {
	assert.deepEqual(describe([null, 4, null, 2, null]), { min: 2, mean: 3, max: 4, last: 2 });
	assert.equal(describe([null, null]), null);
	assert.equal(describe([]), null);
});

test("a second in which a field has nothing to say is no gap", () => {
	const of = series([1, null, 3]);
	of.fields.b = [7, 8, 9];
	assert.deepEqual(toColumns(of, ["a"]).gaps, []);
});
