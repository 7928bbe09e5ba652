// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../src/api/types";
import { asOfNow, endOf, lasted } from "../src/lib/alerts";

const alert = { start_ns: 1e9, last_ns: 3e9, end_ns: null } as Alert;

test("an alert that was not stored to end fires only where it is active", () => {
	assert.equal(endOf({ ...alert, state: "active" }), "now");
	assert.equal(endOf(alert), "now", "one of those that fire has no state");
	assert.equal(endOf({ ...alert, state: "unknown" }), null);
	assert.equal(endOf({ ...alert, state: "ended", end_ns: 5e9 }), 5e9);
});

test("an alert whose end is not known lasted nobody knows how long", () => {
	assert.equal(lasted({ ...alert, state: "unknown" }), null);
	assert.equal(lasted({ ...alert, state: "active" }), 2e9);
	assert.equal(lasted({ ...alert, state: "ended", end_ns: 5e9 }), 4e9);
});

test("one that fires lasts up to now, in the history as well", () => {
	const stored = { ...alert, id: "1", state: "active", last_ns: 1e9, peak: 1 } as Alert;
	const ended = { ...alert, id: "2", state: "ended", end_ns: 2e9 } as Alert;
	const [now, then] = asOfNow([stored, ended], [{ ...alert, id: "1", peak: 7 }]) as [Alert, Alert];
	assert.equal(lasted(now), 2e9);
	assert.equal(now.peak, 7);
	assert.deepEqual(then, ended);
	assert.deepEqual(asOfNow([stored], []), [stored]);
});
