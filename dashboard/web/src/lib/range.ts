// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The stretch of time that charts show: the last minutes, hours or days, moving on with the clock, or a fixed one.

export type Range = { last_s: number } | { from_ms: number; to_ms: number };

export interface Preset {
	name: string;
	title: string;
	last_s: number;
}

export const PRESETS: Preset[] = [
	{ name: "5m", title: "last 5 minutes, live", last_s: 300 },
	{ name: "1h", title: "last hour", last_s: 3600 },
	{ name: "24h", title: "last 24 hours", last_s: 86400 },
	{ name: "7d", title: "last 7 days", last_s: 7 * 86400 },
];

export const LIVE: Range = { last_s: 300 };

/** As it stands in the page's address: "1h", or "1700000000000-1700000360000". */
export function formatRange(range: Range): string {
	if ("from_ms" in range) return `${range.from_ms}-${range.to_ms}`;
	return PRESETS.find((preset) => preset.last_s === range.last_s)?.name ?? `${range.last_s}s`;
}

/** The reverse; what is no range is the live one. */
export function parseRange(text: string): Range {
	const preset = PRESETS.find(({ name }) => name === text);
	if (preset) return { last_s: preset.last_s };
	const fixed = /^(\d{12,14})-(\d{12,14})$/.exec(text);
	const from_ms = Number(fixed?.[1]);
	const to_ms = Number(fixed?.[2]);
	return fixed && from_ms < to_ms ? { from_ms, to_ms } : LIVE;
}

export function bounds(range: Range, now_ms: number): { from_ms: number; to_ms: number } {
	return "from_ms" in range ? range : { from_ms: now_ms - range.last_s * 1000, to_ms: now_ms };
}

/** How often a chart asks again: every second when live, about a 300th of what it shows otherwise. */
export function refresh_ms(range: Range): number {
	if ("from_ms" in range) return 0;
	return Math.min(Math.max(1000, (range.last_s * 1000) / 300), 60000);
}

/** The parameters of `series`. The finest history holds the last hour. */
export function query(range: Range, points: number): string {
	if ("from_ms" in range) return `from=${range.from_ms}&to=${range.to_ms}&points=${points}`;
	const resolution = range.last_s <= 3600 ? "1s" : "auto";
	return `last=${range.last_s}&points=${points}&resolution=${resolution}`;
}
