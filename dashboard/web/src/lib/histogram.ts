// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Bars of a distribution on a logarithmic axis, and round figures for its ticks.

export interface BarBox {
	/** 0..1 of the axis */
	left: number;
	right: number;
	/** 0..1 of the highest bar */
	height: number;
	from_ns: number;
	to_ns: number;
	count: number;
}

export interface Bars {
	bars: BarBox[];
	ticks: { at: number; ns: number }[];
}

const BARS_MAX = 44;

type Bucket = readonly [upper_ns: number, count: number];

/** How wide a bucket is whose lower neighbour is empty and so not there: as the narrowest of them. */
function narrowest(uppers: readonly number[]): number {
	let ratio = 2;
	for (let i = 1; i < uppers.length; i++) {
		const step = (uppers[i] as number) / (uppers[i - 1] as number);
		if (step > 1.0001) ratio = Math.min(ratio, step);
	}
	return ratio;
}

/** Fine buckets put together, so that bars are wide enough to be seen; each keeps its count. */
function merge(buckets: readonly Bucket[], ratio: number): { merged: Bucket[]; ratio: number } {
	const low = Math.log((buckets[0] as Bucket)[0] / ratio);
	const high = Math.log((buckets[buckets.length - 1] as Bucket)[0]);
	const width = (high - low) / BARS_MAX;
	if (width <= Math.log(ratio)) return { merged: [...buckets], ratio };
	const counts = new Map<number, number>();
	for (const [upper, count] of buckets) {
		const bar = Math.min(BARS_MAX, Math.max(1, Math.ceil((Math.log(upper) - low) / width - 1e-9)));
		counts.set(bar, (counts.get(bar) ?? 0) + count);
	}
	const merged = [...counts].map(([bar, count]): Bucket => [Math.exp(low + bar * width), count]);
	return { merged, ratio: Math.exp(width) };
}

/** Buckets are [upper bound, count] with ascending bounds above 0; empty ones may be left out. */
export function toBars(buckets: readonly Bucket[]): Bars {
	const known = buckets.filter(([upper, count]) => upper > 0 && count > 0);
	if (known.length === 0) return { bars: [], ticks: [] };
	const { merged: full, ratio } = merge(known, narrowest(known.map(([upper]) => upper)));
	const low = Math.log((full[0] as Bucket)[0] / ratio);
	const high = Math.log((full[full.length - 1] as Bucket)[0]);
	const at = (ns: number): number => (Math.log(ns) - low) / (high - low);
	const most = Math.max(...full.map(([, count]) => count));
	const bars = full.map(([upper, count], i) => {
		const from_ns = Math.max(upper / ratio, full[i - 1]?.[0] ?? 0);
		return { left: at(from_ns), right: at(upper), height: count / most, from_ns, to_ns: upper, count };
	});
	return { bars, ticks: ticksOf(low, high).map((ns) => ({ at: at(ns), ns })) };
}

/** Powers of ten; where there are fewer than three of them, 2 and 5 times those as well. */
function ticksOf(low: number, high: number): number[] {
	const inside = (factors: readonly number[]): number[] => {
		const found: number[] = [];
		for (let power = Math.floor(low / Math.LN10); power <= high / Math.LN10; power++)
			for (const factor of factors) {
				const ns = factor * 10 ** power;
				if (Math.log(ns) >= low && Math.log(ns) <= high) found.push(ns);
			}
		return found;
	};
	const tens = inside([1]);
	return tens.length >= 3 ? tens : inside([1, 2, 5]);
}
