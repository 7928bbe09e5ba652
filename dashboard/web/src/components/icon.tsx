// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The page's few pictures, 20 by 20, drawn in the colour of the text around them.

const PATHS = {
	overview: "M3 12l4-5 3 3 4-6 3 4M3 16.5h14",
	traffic: "M3 6h11m-3-3 3 3-3 3M17 14H6m3-3-3 3 3 3",
	tcp: "M2.5 10h3l2-5.5 4 11 2-5.5h4",
	pipeline: "M2.5 7.5h4v5h-4zM13.5 3h4v5h-4zM13.5 12h4v5h-4zM6.5 10h3.5V5.5h3.5M10 10v4.5h3.5",
	nodes: "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01",
	links: "M2.5 8h4v4h-4zM13.5 8h4v4h-4zM6.5 9h7M6.5 11h7",
	alerts: "M10 3.5 17.5 16.5h-15zM10 8.5v4M10 14.5h.01",
	light: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
	dark: "M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5z",
	hold: "M7 4v12M13 4v12",
	go: "M6 4l10 6-10 6z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
	return (
		<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
			<path d={PATHS[name]} />
		</svg>
	);
}
