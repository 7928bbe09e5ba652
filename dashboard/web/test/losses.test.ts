// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import { lossesOf } from "../src/lib/losses";

test("a few dropped frames are no reason to worry, lost packets are", () => {
	assert.deepEqual(lossesOf(3, 0, 10000), { per_s: 3, tone: undefined });
	assert.deepEqual(lossesOf(30, 0, 10000), { per_s: 30, tone: "warning" });
	assert.deepEqual(lossesOf(0, 1, 10000), { per_s: 1, tone: "warning" });
	assert.deepEqual(lossesOf(3, 0, 0), { per_s: 3, tone: "warning" }, "nothing but dropped frames");
	assert.deepEqual(lossesOf(0, null, null), { per_s: 0, tone: undefined });
	assert.deepEqual(lossesOf(null, null, 5), { per_s: null, tone: undefined });
});
