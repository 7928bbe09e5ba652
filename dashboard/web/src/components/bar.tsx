// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A share of a whole as a small bar. It repeats a figure that stands beside it, hence hidden from readers of text.

interface Props {
	/** 0..1 */
	part: number | null;
	tone?: "warning" | "critical" | undefined;
}

export function Bar({ part, tone }: Props) {
	const width = part === null ? 0 : Math.min(1, Math.max(0, part)) * 100;
	return (
		<svg class={`bar ${tone ?? ""}`} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
			<rect class="whole" width="100" height="6" rx="1" />
			<rect class="part" width={width} height="6" rx="1" />
		</svg>
	);
}

/** How full a ring is: it warns from 70 %, and alarms from 95 %. */
export function fillTone(part: number | null): "warning" | "critical" | undefined {
	if (part === null || part < 0.7) return undefined;
	return part < 0.95 ? "warning" : "critical";
}
