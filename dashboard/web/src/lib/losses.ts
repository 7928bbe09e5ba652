// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Whether what is dropped and lost is worth a warning. A lost packet always is. A few dropped ones are not: every
// Ethernet has frames that are no IP, and they are dropped by that name.

type Rate = number | null | undefined;

export interface Losses {
	/** null: not known */
	per_s: number | null;
	tone: "warning" | undefined;
}

const WORTH_A_WARNING = 0.001; // of the packets

export function lossesOf(dropped_per_s: Rate, lost_outside_per_s: Rate, packets_per_s: Rate): Losses {
	if (dropped_per_s == null && lost_outside_per_s == null) return { per_s: null, tone: undefined };
	const dropped = dropped_per_s ?? 0;
	const lost = lost_outside_per_s ?? 0;
	const isMuch = lost > 0 || dropped > WORTH_A_WARNING * (packets_per_s ?? 0);
	return { per_s: dropped + lost, tone: isMuch ? "warning" : undefined };
}
