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

/** A last step or two may only not have been stored yet. */
const FRESH_STEPS = 2;

/**
 * The stretches in which no field has a value, named where the controller gave a reason; up to the end of the range where
 * nothing has come since. What lies before the first value is a gap only where the controller says so: else nothing was
 * there yet.
 */
export function findGaps(series: Series, values: readonly (number | null)[][]): Gap[] {
	const gaps: Gap[] = [];
	const starts = [series.from_ms, ...series.time_ms];
	const add = (start: number, end: number) => {
		const from_ms = starts[start] as number;
		const to_ms = starts[end] as number;
		const named = series.gaps.find((gap) => gap.from_ms < to_ms && gap.to_ms > from_ms);
		if (start === 0 && !named) return;
		gaps.push({
			from_ms: start === 0 && named ? Math.max(from_ms, named.from_ms) : from_ms,
			to_ms,
			reason: named?.reason ?? "nothing was stored",
		});
	};
	let start = -1;
	const { length } = series.time_ms;
	for (let i = 0; i < length; i++) {
		const known = values.some((column) => column[i] != null);
		if (!known && start < 0) start = i;
		if (known && start >= 0) {
			add(start, i);
			start = -1;
		}
	}
	if (start > 0 && length - start > FRESH_STEPS) add(start, length);
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

/** What it is now; null: not known. */
export function latest(values: readonly (number | null)[]): number | null {
	const fresh = values.slice(-FRESH_STEPS).reverse();
	return fresh.find((value) => value != null) ?? null;
}

/** Least, mean and greatest of what is known, and what it is now. */
export function describe(
	values: readonly (number | null)[],
): { min: number; mean: number; max: number; last: number | null } | null {
	const known = values.filter((value): value is number => value != null);
	if (known.length === 0) return null;
	return {
		min: known.reduce((a, b) => Math.min(a, b)),
		mean: known.reduce((a, b) => a + b, 0) / known.length,
		max: known.reduce((a, b) => Math.max(a, b)),
		last: latest(values),
	};
}
