// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../src/api/types";
import { judge } from "../src/lib/health";

function status(changes: Partial<Status>): Status {
	return {
		now_ns: 5e18,
		version: "1",
		state: "live",
		since_ns: null,
		reason: null,
		redis: { state: "connected", endpoint: "unix:///x", since_ns: null, error: null },
		controller: { version: "1", epoch: 1, started_ns: 1, stored_ns: 4e18, interval_ns: 1e9 },
		windows_s: [10],
		lists: ["flows"],
		history: {},
		login: false,
		...changes,
	};
}

test("live only with an open connection and a live status", () => {
	assert.equal(judge({ connection: "open", heard_ms: 1, status: status({}) }).tone, "good");
	assert.equal(judge({ connection: "connecting", heard_ms: 0, status: undefined }).short, "connecting");
});

test("a broken connection is said first, whatever was heard before", () => {
	const health = judge({
		connection: "broken",
		heard_ms: new Date(2026, 1, 1, 10, 0, 5).getTime(),
		status: status({}),
	});
	assert.equal(health.tone, "critical");
	assert.match(health.short, /no contact since 10:00:05/);
});

test("stale data says since when and why", () => {
	const health = judge({
		connection: "open",
		heard_ms: 1,
		status: status({ state: "stale", reason: "redis is away: refused" }),
	});
	assert.equal(health.tone, "warning");
	assert.match(health.short, /^stale since /);
	assert.match(health.reason ?? "", /redis is away: refused/);
});

test("an empty store is no alarm", () => {
	assert.equal(
		judge({ connection: "open", heard_ms: 1, status: status({ state: "empty", controller: null }) }).tone,
		"quiet",
	);
});
