// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A directed graph in layers, from left to right, after Sugiyama, Tagawa and Toda (1981): longest paths give the
// layers, dummies stand where an edge crosses one, medians of the neighbours order each of them, and boxes are moved
// towards their neighbours as far as those above and below let them.

export interface Box {
	id: string;
	width: number;
	height: number;
}

export interface Edge {
	from: string;
	to: string;
}

export interface Placed extends Box {
	/** upper left corner */
	x: number;
	y: number;
}

export interface Routed extends Edge {
	/** from the right side of one box to the left side of the other, through the dummies between them */
	points: { x: number; y: number }[];
}

export interface Layout {
	boxes: Placed[];
	edges: Routed[];
	width: number;
	height: number;
}

interface Cell extends Placed {
	layer: number;
	above: Cell[]; // neighbours in the layer before
	below: Cell[];
}

/** Room between layers (x), and between boxes of one layer (y). */
export interface Gaps {
	x: number;
	y: number;
}

const SWEEPS = 8;

/** The layer of each box: the longest path to it. An edge that closes a cycle is passed over. */
export function layersOf(ids: readonly string[], edges: readonly Edge[]): Map<string, number> {
	const incoming = new Map(ids.map((id) => [id, [] as string[]]));
	for (const edge of edges) if (incoming.has(edge.from)) incoming.get(edge.to)?.push(edge.from);
	const layers = new Map<string, number>();
	const open = new Set<string>();
	const visit = (id: string): number => {
		const known = layers.get(id);
		if (known !== undefined) return known;
		open.add(id);
		let layer = 0;
		for (const from of incoming.get(id) ?? []) if (!open.has(from)) layer = Math.max(layer, visit(from) + 1);
		open.delete(id);
		layers.set(id, layer);
		return layer;
	};
	for (const id of ids) visit(id);
	return layers;
}

function median(values: number[]): number {
	if (values.length === 0) return -1;
	const sorted = [...values].sort((a, b) => a - b);
	const half = sorted.length >> 1;
	const upper = sorted[half] as number;
	return sorted.length % 2 ? upper : (upper + (sorted[half - 1] as number)) / 2;
}

/** Order a layer by the medians of its neighbours' places; who has none stays where it is. */
function order(layer: Cell[], neighbours: (cell: Cell) => Cell[], placeOf: Map<Cell, number>): void {
	const wanted = new Map(
		layer.map((cell, i) => {
			const place = median(neighbours(cell).map((n) => placeOf.get(n) ?? 0));
			return [cell, place < 0 ? i : place];
		}),
	);
	layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
	layer.forEach((cell, i) => {
		placeOf.set(cell, i);
	});
}

function orderAll(layers: Cell[][]): void {
	const placeOf = new Map<Cell, number>();
	for (const layer of layers)
		layer.forEach((cell, i) => {
			placeOf.set(cell, i);
		});
	for (let sweep = 0; sweep < SWEEPS; sweep++) {
		if (sweep % 2 === 0) for (const layer of layers) order(layer, (cell) => cell.above, placeOf);
		else for (const layer of [...layers].reverse()) order(layer, (cell) => cell.below, placeOf);
	}
}

const middle = (cell: Cell): number => cell.y + cell.height / 2;

/** Move the cells of a layer to where their neighbours are, kept in order and apart. */
function settle(layer: Cell[], neighbours: (cell: Cell) => Cell[], gap: number): void {
	let floor = Number.NEGATIVE_INFINITY;
	for (const cell of layer) {
		const near = neighbours(cell);
		const wanted = near.length
			? near.reduce((sum, n) => sum + middle(n), 0) / near.length - cell.height / 2
			: cell.y;
		cell.y = Math.max(wanted, floor);
		floor = cell.y + cell.height + gap;
	}
	// What was pushed down together moves up again by half of it.
	const moved = layer.filter((cell) => neighbours(cell).length > 0);
	const excess = moved.reduce((sum, cell) => {
		const near = neighbours(cell);
		return sum + middle(cell) - near.reduce((s, n) => s + middle(n), 0) / near.length;
	}, 0);
	if (moved.length > 0) for (const cell of layer) cell.y -= excess / moved.length;
}

function place(layers: Cell[][], gaps: Gaps): void {
	let x = 0;
	for (const layer of layers) {
		const width = Math.max(...layer.map((cell) => cell.width));
		let y = 0;
		for (const cell of layer) {
			cell.x = x;
			cell.y = y;
			y += cell.height + gaps.y;
		}
		x += width + gaps.x;
	}
	for (let sweep = 0; sweep < SWEEPS; sweep++) {
		if (sweep % 2 === 0) for (const layer of layers.slice(1)) settle(layer, (cell) => cell.above, gaps.y);
		else for (const layer of layers.slice(0, -1).reverse()) settle(layer, (cell) => cell.below, gaps.y);
	}
}

/** Cells for boxes and for the dummies of long edges, joined; `chains` has each edge's cells from end to end. */
function makeCells(boxes: readonly Box[], edges: readonly Edge[]): { layers: Cell[][]; chains: [Edge, Cell[]][] } {
	const depth = layersOf(
		boxes.map((box) => box.id),
		edges,
	);
	const layers: Cell[][] = Array.from({ length: Math.max(-1, ...depth.values()) + 1 }, () => []);
	const add = (box: Box, layer: number): Cell => {
		const cell: Cell = { ...box, x: 0, y: 0, layer, above: [], below: [] };
		layers[layer]?.push(cell);
		return cell;
	};
	const cells = new Map(boxes.map((box) => [box.id, add(box, depth.get(box.id) ?? 0)]));
	const chains: [Edge, Cell[]][] = [];
	for (const edge of edges) {
		const from = cells.get(edge.from);
		const to = cells.get(edge.to);
		if (!from || !to) continue;
		const chain = [from];
		for (let layer = from.layer + 1; layer < to.layer; layer++)
			chain.push(add({ id: "", width: 0, height: 8 }, layer));
		chain.push(to);
		if (to.layer > from.layer)
			for (let i = 1; i < chain.length; i++) {
				(chain[i - 1] as Cell).below.push(chain[i] as Cell);
				(chain[i] as Cell).above.push(chain[i - 1] as Cell);
			}
		chains.push([edge, chain]);
	}
	return { layers, chains };
}

export function layout(boxes: readonly Box[], edges: readonly Edge[], gaps: Gaps): Layout {
	if (boxes.length === 0) return { boxes: [], edges: [], width: 0, height: 0 };
	const { layers, chains } = makeCells(boxes, edges);
	orderAll(layers);
	place(layers, gaps);
	const all = layers.flat();
	const top = Math.min(...all.map((cell) => cell.y));
	for (const cell of all) cell.y -= top;
	return {
		boxes: all.filter((cell) => cell.id !== "").map(({ id, width, height, x, y }) => ({ id, width, height, x, y })),
		edges: chains.map(([edge, chain]) => ({
			...edge,
			points: chain.flatMap((cell, i) => [
				...(i > 0 ? [{ x: cell.x, y: middle(cell) }] : []),
				...(i < chain.length - 1 ? [{ x: cell.x + cell.width, y: middle(cell) }] : []),
			]),
		})),
		width: Math.max(...all.map((cell) => cell.x + cell.width)),
		height: Math.max(...all.map((cell) => cell.y + cell.height)),
	};
}

/** The same downwards: layers below each other, edges from lower to upper sides. */
export function layoutDown(boxes: readonly Box[], edges: readonly Edge[], gaps: Gaps): Layout {
	const turn = <T extends { width: number; height: number }>(box: T): T => ({
		...box,
		width: box.height,
		height: box.width,
	});
	const swap = <T extends { x: number; y: number }>(point: T): T => ({ ...point, x: point.y, y: point.x });
	const { boxes: placed, edges: routed, width, height } = layout(boxes.map(turn), edges, gaps);
	return {
		boxes: placed.map((box) => swap(turn(box))),
		edges: routed.map((edge) => ({ ...edge, points: edge.points.map(swap) })),
		width: height,
		height: width,
	};
}

export type End = "head" | "tail";

/**
 * At which end of each edge there is room for what is written along it: at its head, where those that leave one box
 * have parted, but for several into one box, which are apart at their tails.
 */
export function labelEnds(edges: readonly Edge[]): End[] {
	const count = (key: keyof Edge, id: string): number => edges.filter((edge) => edge[key] === id).length;
	return edges.map(({ from, to }) => (count("to", to) > 1 && count("from", from) === 1 ? "tail" : "head"));
}

/** A line along which a label stands is straight for `run`, and bends within `bend`. */
export interface Run {
	end: End;
	run: number;
	bend: number;
}

/**
 * Points as an SVG path with round corners that leaves and reaches boxes at right angles. Each bend is as far as can be
 * from the end with the label.
 */
export function smooth(points: readonly { x: number; y: number }[], down: boolean, along?: Run): string {
	const [first, ...rest] = points;
	if (!first) return "";
	const pair = (far: number, side: number): string => (down ? `${side},${far}` : `${far},${side}`);
	const straight = down ? "V" : "H";
	let path = `M${first.x},${first.y}`;
	let [far, side] = down ? [first.y, first.x] : [first.x, first.y];
	rest.forEach((point, i) => {
		const [toFar, toSide] = down ? [point.y, point.x] : [point.x, point.y];
		if (along && toFar - far >= along.run + along.bend) {
			const from = along.end === "tail" && i === 0 ? far + along.run : toFar - along.run - along.bend;
			const middle = from + along.bend / 2;
			path += `${straight}${from}C${pair(middle, side)} ${pair(middle, toSide)} ${pair(from + along.bend, toSide)}`;
			path += `${straight}${toFar}`;
		} else {
			const middle = (far + toFar) / 2;
			path += `C${pair(middle, side)} ${pair(middle, toSide)} ${pair(toFar, toSide)}`;
		}
		[far, side] = [toFar, toSide];
	});
	return path;
}
