// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../src/api/types";
import { endOf, lasted } from "../src/lib/alerts";

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
