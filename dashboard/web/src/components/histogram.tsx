// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A distribution of times: bars over a logarithmic axis, with its percentiles marked by the figures beneath.
import type { Distribution } from "../api/types";
import { count, latency, round } from "../lib/format";
import { toBars } from "../lib/histogram";
import { useWidth } from "../lib/width";
import { Empty } from "./notice";

const HEIGHT = 150;
const BOTTOM = 20;

interface Props {
	title: string;
	hint: string;
	of: Distribution;
}

function Picture({ of, width }: { of: Distribution; width: number }) {
	const { bars, ticks } = toBars(of.buckets);
	const words = [
		`${count(of.samples)} samples`,
		`median ${latency(of.p50_ns)}`,
		`95 % below ${latency(of.p95_ns)}`,
		`greatest ${latency(of.max_ns)}`,
	];
	return (
		<svg class="histogram" width={width} height={HEIGHT + BOTTOM} role="img" aria-label={words.join(", ")}>
			{ticks.map((tick) => (
				<g key={tick.ns}>
					<line class="grid" x1={tick.at * width} x2={tick.at * width} y1={0} y2={HEIGHT} />
					<text
						x={tick.at * width}
						y={HEIGHT + 15}
						text-anchor={tick.at < 0.04 ? "start" : tick.at > 0.96 ? "end" : "middle"}
					>
						{round(latency(tick.ns))}
					</text>
				</g>
			))}
			{bars.map((bar) => (
				<rect
					key={bar.to_ns}
					x={bar.left * width + 0.5}
					width={Math.max(1, (bar.right - bar.left) * width - 1)}
					y={HEIGHT * (1 - bar.height)}
					height={Math.max(1, HEIGHT * bar.height)}
				>
					<title>{`${latency(bar.from_ns)} to ${latency(bar.to_ns)}: ${count(bar.count)}`}</title>
				</rect>
			))}
			<line class="axis" x1={0} x2={width} y1={HEIGHT} y2={HEIGHT} />
		</svg>
	);
}

export function Histogram({ title, hint, of }: Props) {
	const [figure, width] = useWidth<HTMLElement>();
	return (
		<figure class="card" ref={figure}>
			<figcaption>
				<h3>{title}</h3>
				<span class="hint">{hint}</span>
				<span class="spacer" />
				<span class="at">{count(of.samples)} samples</span>
			</figcaption>
			{of.samples > 0 ? width > 0 && <Picture of={of} width={width} /> : <Empty>No sample in this window.</Empty>}
			<dl class="across">
				<dt>p50</dt>
				<dd>{latency(of.p50_ns)}</dd>
				<dt>p90</dt>
				<dd>{latency(of.p90_ns)}</dd>
				<dt>p95</dt>
				<dd>{latency(of.p95_ns)}</dd>
				<dt>p99</dt>
				<dd>{latency(of.p99_ns)}</dd>
				<dt>greatest</dt>
				<dd>{latency(of.max_ns)}</dd>
			</dl>
		</figure>
	);
}
