// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How uPlot draws our charts: axes, colours of the style sheet, and hatched bands where nothing is known.
import type uPlot from "uplot";
import { clock, round } from "../lib/format";
import type { Columns } from "../lib/series";

export interface Line {
	label: string;
	/** 1..4: which of the style sheet's colours for series */
	colour: number;
	fill?: boolean;
	dash?: boolean;
}

export interface Drawing {
	lines: Line[];
	format: (value: number | null) => string;
	width: number;
	height: number;
	/** what is shown now */
	columns: () => Columns;
	onCursor: (index: number | null) => void;
	onZoom: (from_ms: number, to_ms: number) => void;
	onReset: () => void;
}

/** between the ticks of time */
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
const ZOOM_MIN_MS = 2000;
const FONT = "11px system-ui, sans-serif";

function variable(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** As much of date and time as tells the ticks apart. */
export function axisTimes(splits: readonly number[]): string[] {
	const step = (splits[1] ?? 0) - (splits[0] ?? 0);
	return splits.map((split) => {
		const at = new Date(split * 1000);
		if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0 && step >= 3600))
			return `${at.getDate()} ${at.toLocaleString("en-GB", { month: "short" })}`;
		return step >= 60 ? clock(at.getTime()).slice(0, 5) : clock(at.getTime());
	});
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
	const step = 8 * devicePixelRatio;
	context.save();
	context.beginPath();
	context.rect(x, y, width, height);
	context.clip();
	context.fillStyle = variable("--gap");
	context.fillRect(x, y, width, height);
	context.strokeStyle = variable("--gap-line");
	context.lineWidth = devicePixelRatio;
	context.beginPath();
	for (let at = x - height; at < x + width; at += step) {
		context.moveTo(at, y + height);
		context.lineTo(at + height, y);
	}
	context.stroke();
	context.restore();
}

function drawGaps(plot: uPlot, columns: Columns): void {
	const { left, top, width, height } = plot.bbox;
	for (const gap of columns.gaps) {
		const from = Math.max(left, plot.valToPos(gap.from_ms / 1000, "x", true));
		const to = Math.min(left + width, plot.valToPos(gap.to_ms / 1000, "x", true));
		// One that is narrower than a pixel is still to be seen.
		if (to > left && from < left + width)
			hatch(plot.ctx, from, top, Math.max(to - from, 2 * devicePixelRatio), height);
	}
}

function select(plot: uPlot, drawing: Drawing): void {
	const { left, width } = plot.select;
	if (width <= 0) return;
	const from_ms = Math.round(plot.posToVal(left, "x") * 1000);
	const to_ms = Math.round(plot.posToVal(left + width, "x") * 1000);
	plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	if (to_ms - from_ms >= ZOOM_MIN_MS) drawing.onZoom(from_ms, to_ms);
}

function axes(drawing: Drawing): uPlot.Axis[] {
	const common: uPlot.Axis = {
		stroke: variable("--muted"),
		grid: { stroke: variable("--grid"), width: 1 },
		ticks: { show: false },
		font: FONT,
	};
	return [
		{ ...common, values: (_plot, splits) => axisTimes(splits), incrs: STEPS_S, space: 76, size: 28 },
		{
			...common,
			values: (_plot, splits) => splits.map((split) => (split === 0 ? "0" : round(drawing.format(split)))),
			size: 72,
			gap: 6,
			space: 38,
		},
	];
}

export function chartOptions(drawing: Drawing): uPlot.Options {
	return {
		width: drawing.width,
		height: drawing.height,
		padding: [10, 14, 0, 0],
		legend: { show: false },
		cursor: {
			sync: { key: "page", setSeries: false },
			drag: { x: true, y: false, setScale: false },
			bind: {
				dblclick: () => () => {
					drawing.onReset();
					return null;
				},
			},
		},
		scales: {
			x: { range: () => [drawing.columns().from_ms / 1000, drawing.columns().to_ms / 1000] },
			y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
		},
		axes: axes(drawing),
		series: [
			{},
			...drawing.lines.map((line) => ({
				stroke: variable(`--series-${line.colour}`),
				fill: line.fill ? variable(`--fill-${line.colour}`) : "transparent",
				dash: line.dash ? [5, 4] : [],
				width: 1.75,
				points: { show: (_plot: uPlot, _i: number, from: number, to: number) => to - from < 3 },
			})),
		],
		hooks: {
			drawClear: [(plot) => drawGaps(plot, drawing.columns())],
			setSelect: [(plot) => select(plot, drawing)],
			setCursor: [(plot) => drawing.onCursor((plot.cursor.left ?? -1) < 0 ? null : (plot.cursor.idx ?? null))],
		},
	};
}
