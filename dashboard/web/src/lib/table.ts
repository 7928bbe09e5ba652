// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sort and search of tables.

export type Cell = string | number | null | undefined;

export interface Order {
	column: string;
	descending: boolean;
}

/** The rows in order; equal ones stay as they were, and what is not known comes last, whatever the direction. */
export function sortRows<T>(rows: readonly T[], cellOf: (row: T) => Cell, descending: boolean): T[] {
	const sign = descending ? -1 : 1;
	return [...rows].sort((a, b) => {
		const x = cellOf(a);
		const y = cellOf(b);
		if (x == null || y == null) return (x == null ? 1 : 0) - (y == null ? 1 : 0);
		if (typeof x === "number" && typeof y === "number") return sign * (x - y);
		return sign * String(x).localeCompare(String(y), "en", { numeric: true });
	});
}

/** Does a row's text have every word of the search, in any order and case? */
export function matches(text: string, search: string): boolean {
	const words = search.toLowerCase().split(/\s+/).filter(Boolean);
	const where = text.toLowerCase();
	return words.every((word) => where.includes(word));
}

/** Of entries that come newest first, the first of each id: how it stands. */
export function latestOfEach<T extends { id: string }>(entries: readonly T[]): T[] {
	const seen = new Map<string, T>();
	for (const entry of entries) if (!seen.has(entry.id)) seen.set(entry.id, entry);
	return [...seen.values()];
}
