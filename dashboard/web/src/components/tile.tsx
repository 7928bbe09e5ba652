// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One great figure with its name, unit and a line that says more.
import type { ComponentChildren } from "preact";
import { figureAndUnit } from "../lib/format";

interface Props {
	name: string;
	/** as lib/format writes it: number, no-break space, unit */
	value: string;
	tone?: "good" | "warning" | "critical" | undefined;
	children?: ComponentChildren;
	href?: string;
}

export function Tile({ name, value, tone, children, href }: Props) {
	const [number, unit] = figureAndUnit(value);
	const body = (
		<>
			<span class="name">{name}</span>
			<span class="value">
				{number} {unit && <small>{unit}</small>}
			</span>
			<span class="more">{children ?? "\u00a0"}</span>
		</>
	);
	const kind = `card tile${tone ? ` ${tone}` : ""}`;
	return href ? (
		<a class={kind} href={href}>
			{body}
		</a>
	) : (
		<div class={kind}>{body}</div>
	);
}
