// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A history as a chart wants it: times, one column per line, and the stretches of which nothing is known.
import type { Series } from "../api/types";

export interface Gap {
	from_ms: number;
	to_ms: number;
	reason: string;
}

export interface Columns {
	from_ms: number;
	to_ms: number;
	/** seconds since 1970, as uPlot has them */
	times: number[];
	/** one per field, as long as `times`; null: not known */
	values: (number | null)[][];
	gaps: Gap[];
}

/**
 * The stretches in which no field has a value, named where the controller gave a reason. What lies before the first
 * value is no gap: nothing was there yet.
 */
export function findGaps(series: Series, values: readonly (number | null)[][]): Gap[] {
	const gaps: Gap[] = [];
	let start = -1;
	let seen = false;
	series.time_ms.forEach((time_ms, i) => {
		const known = values.some((column) => column[i] != null);
		if (!known && seen && start < 0) start = i;
		if (known && start >= 0) {
			const from_ms = (series.time_ms[start] as number) - series.step_ms;
			const to_ms = time_ms - series.step_ms;
			const named = series.gaps.find((gap) => gap.from_ms < to_ms && gap.to_ms > from_ms);
			gaps.push({ from_ms, to_ms, reason: named?.reason ?? "nothing was stored" });
			start = -1;
		}
		seen ||= known;
	});
	return gaps;
}

export function toColumns(series: Series, fields: readonly string[]): Columns {
	const none = series.time_ms.map(() => null);
	const values = fields.map((field) => series.fields[field] ?? none);
	// A field may have nothing to say in a second that is known, such as round trips where there was no TCP.
	const all = Object.values(series.fields);
	const times = series.time_ms.map((ms) => ms / 1000);
	return { from_ms: series.from_ms, to_ms: series.to_ms, times, values, gaps: findGaps(series, all) };
}

/** Least, mean, greatest and last of what is known. */
export function describe(
	values: readonly (number | null)[],
): { min: number; mean: number; max: number; last: number } | null {
	const known = values.filter((value): value is number => value != null);
	if (known.length === 0) return null;
	return {
		min: known.reduce((a, b) => Math.min(a, b)),
		mean: known.reduce((a, b) => a + b, 0) / known.length,
		max: known.reduce((a, b) => Math.max(a, b)),
		last: known[known.length - 1] as number,
	};
}
