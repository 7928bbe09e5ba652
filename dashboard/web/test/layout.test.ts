// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Box, type Edge, type Layout, labelEnds, layersOf, layout, layoutDown, smooth } from "../src/lib/layout";

const GAPS = { x: 100, y: 20 };
const box = (id: string, height = 60): Box => ({ id, width: 150, height });
const edge = (words: string): Edge => {
	const [from = "", to = ""] = words.split(" ");
	return { from, to };
};

function find(of: Layout, id: string): { x: number; y: number; width: number; height: number } {
	const found = of.boxes.find((one) => one.id === id);
	assert.ok(found, id);
	return found;
}

function overlaps(of: Layout): boolean {
	return of.boxes.some((a, i) =>
		of.boxes
			.slice(i + 1)
			.some((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height),
	);
}

test("the layer is the longest path", () => {
	const layers = layersOf(["a", "b", "c"], ["a b", "b c", "a c"].map(edge));
	assert.deepEqual(
		[...layers],
		[
			["a", 0],
			["b", 1],
			["c", 2],
		],
	);
});

test("a cycle ends", () => {
	const layers = layersOf(["a", "b"], ["a b", "b a"].map(edge));
	assert.equal(layers.size, 2);
	assert.equal(layout([box("a"), box("b")], ["a b", "b a", "a a"].map(edge), GAPS).boxes.length, 2);
});

test("a line of operators is a straight line from left to right", () => {
	const of = layout(
		["a", "b", "c"].map((id) => box(id)),
		["a b", "b c"].map(edge),
		GAPS,
	);
	assert.deepEqual(
		["a", "b", "c"].map((id) => [find(of, id).x, find(of, id).y]),
		[
			[0, 0],
			[250, 0],
			[500, 0],
		],
	);
	assert.equal(of.width, 650);
	assert.equal(of.height, 60);
});

test("a fork is symmetric and nothing overlaps", () => {
	const of = layout(
		["a", "b", "c"].map((id) => box(id)),
		["a b", "a c"].map(edge),
		GAPS,
	);
	const a = find(of, "a");
	assert.equal(a.y + a.height / 2, (find(of, "b").y + find(of, "c").y + 60) / 2);
	assert.ok(!overlaps(of));
});

test("neighbours' order saves crossings", () => {
	const of = layout(
		["a", "b", "c", "d"].map((id) => box(id)),
		["a d", "b c"].map(edge),
		GAPS,
	);
	assert.ok(find(of, "d").y < find(of, "c").y, "d stands beside a, c beside b");
});

test("a long edge passes the boxes between", () => {
	const of = layout(
		["a", "b", "c"].map((id) => box(id)),
		["a b", "b c", "a c"].map(edge),
		GAPS,
	);
	const long = of.edges.find((one) => one.from === "a" && one.to === "c");
	const b = find(of, "b");
	const past = long?.points.filter((point) => point.x > b.x - 1 && point.x < b.x + b.width + 1) ?? [];
	assert.ok(past.length > 0);
	assert.ok(past.every((point) => point.y < b.y || point.y > b.y + b.height));
});

test("everything lies inside, whatever the sizes, and many boxes do not overlap", () => {
	const ids = Array.from({ length: 30 }, (_, i) => String(i));
	const edges = ids.slice(1).map((id, i) => ({ from: String(Math.floor(i / 3)), to: id }));
	const of = layout(
		ids.map((id, i) => box(id, 40 + (i % 5) * 30)),
		edges,
		GAPS,
	);
	assert.ok(!overlaps(of));
	assert.ok(
		of.boxes.every(
			(one) => one.x >= 0 && one.y >= 0 && one.x + one.width <= of.width && one.y + one.height <= of.height,
		),
	);
	assert.equal(of.edges.length, edges.length);
});

test("downwards is the same turned", () => {
	const of = layoutDown([box("a"), box("b")], [edge("a b")], GAPS);
	assert.deepEqual(find(of, "b"), { id: "b", x: 0, y: 160, width: 150, height: 60 });
	assert.deepEqual(of.edges[0]?.points, [
		{ x: 75, y: 60 },
		{ x: 75, y: 160 },
	]);
});

test("edges of unknown boxes are left out, and nothing makes nothing", () => {
	assert.equal(layout([box("a")], [edge("a gone")], GAPS).edges.length, 0);
	assert.deepEqual(layout([], [], GAPS), { boxes: [], edges: [], width: 0, height: 0 });
});

test("paths leave boxes at right angles", () => {
	const points = [
		{ x: 0, y: 0 },
		{ x: 10, y: 20 },
	];
	assert.equal(smooth(points, false), "M0,0C5,0 5,20 10,20");
	assert.equal(smooth(points, true), "M0,0C0,10 10,10 10,20");
	assert.equal(smooth([], false), "");
	const along = { end: "head" as const, run: 88, bend: 44 };
	assert.equal(smooth(points, false, along), "M0,0C5,0 5,20 10,20", "where there is no room");
});

test("a line is straight along its label", () => {
	const points = [
		{ x: 0, y: 0 },
		{ x: 132, y: 20 },
	];
	const along = { run: 88, bend: 44 };
	assert.equal(smooth(points, false, { ...along, end: "head" }), "M0,0H0C22,0 22,20 44,20H132");
	assert.equal(smooth(points, false, { ...along, end: "tail" }), "M0,0H88C110,0 110,20 132,20H132");
	assert.equal(
		smooth([points[0], { x: 20, y: 50 }] as typeof points, true, { end: "head", run: 20, bend: 30 }),
		"M0,0V0C0,15 20,15 20,30V50",
	);
	// A long one bends where its layer's boxes have ended.
	const long = [...points, { x: 400, y: 40 }];
	assert.equal(
		smooth(long, false, { ...along, end: "tail" }),
		"M0,0H88C110,0 110,20 132,20H132H268C290,20 290,40 312,40H400",
	);
});

test("labels stand where lines are apart", () => {
	assert.deepEqual(labelEnds(["a b", "a c"].map(edge)), ["head", "head"], "a fork");
	assert.deepEqual(labelEnds(["a c", "b c", "c d"].map(edge)), ["tail", "tail", "head"], "a join");
	assert.deepEqual(labelEnds(["a b", "a c", "b d", "c d"].map(edge)), ["head", "head", "tail", "tail"], "a diamond");
});
