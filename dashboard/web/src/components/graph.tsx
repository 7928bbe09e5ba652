// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A running pipeline as a picture: a box per operator with a row per instance, a line per stream with its rate,
// grouping and how full its fullest ring is. From left to right, or downwards where there is no room.
import type { Graph, Instance, Operator, Stream } from "../api/types";
import { perSecond, si } from "../lib/format";
import { layout, layoutDown, type Placed, type Routed, smooth } from "../lib/layout";
import { fillTone } from "./bar";

const HEAD = 48;
const ROW = 22;
const ROWS_MAX = 8;
const MARGIN = 8;

interface Props {
	graph: Graph;
	pipeline: string;
	width: number;
	selected: string | null;
	onSelect: (operator: string) => void;
}

function heightOf(operator: Operator): number {
	const rows = Math.min(operator.instances.length, ROWS_MAX);
	return HEAD + rows * ROW + (operator.instances.length > ROWS_MAX ? ROW : 0) + 6;
}

const wordsOf = (instance: Instance): [string, string] => [
	`${instance.index} · worker ${instance.worker}`,
	perSecond(instance.in_per_s),
];

function Row({ instance, width }: { instance: Instance; width: number }) {
	const [who, rate] = wordsOf(instance);
	return (
		<>
			<text class="quiet" x={12} y={15}>
				{who}
			</text>
			<text class="figure" x={width - 12} y={15}>
				{rate}
			</text>
		</>
	);
}

function dropsOf(operator: Operator): string {
	const dropped = operator.instances.reduce((sum, instance) => sum + instance.dropped, 0);
	const lost = operator.instances.reduce((sum, instance) => sum + instance.lost_outside, 0);
	return [dropped > 0 && `dropped ${si(dropped)}`, lost > 0 && `lost ${si(lost)}`].filter(Boolean).join(", ");
}

function OperatorBox({
	box,
	operator,
	selected,
	onSelect,
}: {
	box: Placed;
	operator: Operator;
	selected: boolean;
	onSelect: () => void;
}) {
	const drops = dropsOf(operator);
	const left = operator.instances.length - ROWS_MAX;
	const rows = operator.instances.slice(0, ROWS_MAX);
	// The name says what is to be seen, in that order.
	const words = [operator.name, operator.type, drops, ...rows.flatMap(wordsOf), left > 0 && `and ${left} more`];
	return (
		<g
			class={`operator${selected ? " selected" : ""}${operator.dropped_per_s ? " drops" : ""}`}
			transform={`translate(${box.x},${box.y})`}
			role="button"
			tabindex={0}
			aria-label={words.filter(Boolean).join(" ")}
			aria-pressed={selected}
			onClick={onSelect}
			onKeyDown={(event) => {
				if (event.key !== "Enter" && event.key !== " ") return;
				event.preventDefault();
				onSelect();
			}}
		>
			<rect class="box" width={box.width} height={box.height} rx={6} />
			<text class="name" x={12} y={20}>
				{operator.name}
			</text>
			<text class="quiet" x={12} y={37}>
				{operator.type ?? ""}
			</text>
			<text class="dropped" x={box.width - 12} y={20}>
				{drops}
			</text>
			<line class="rule" x1={0} x2={box.width} y1={HEAD - 4} y2={HEAD - 4} />
			{rows.map((instance, i) => (
				<g key={instance.index} transform={`translate(0,${HEAD + i * ROW - 1})`}>
					<Row instance={instance} width={box.width} />
				</g>
			))}
			{left > 0 && (
				<text class="quiet" x={12} y={HEAD + ROWS_MAX * ROW + 15}>
					and {left} more
				</text>
			)}
		</g>
	);
}

function Fill({ part }: { part: number }) {
	return (
		<g class={`fill ${fillTone(part) ?? ""}`}>
			<rect class="whole" x={-22} width={44} height={5} rx={2} />
			<rect class="part" x={-22} width={Math.max(1, 44 * part)} height={5} rx={2} />
		</g>
	);
}

/** Rate and grouping stand near the arrow's head, where streams out of one operator have parted. */
function StreamLine({ edge, stream, down }: { edge: Routed; stream: Stream; down: boolean }) {
	const head = edge.points[edge.points.length - 1] ?? { x: 0, y: 0 };
	// Downwards it stands outside of the bend.
	const left = down && head.x < (edge.points[0]?.x ?? 0);
	const label = down ? { x: head.x + (left ? -10 : 10), y: head.y - 28 } : { x: head.x - 50, y: head.y - 9 };
	const anchor = !down ? "middle" : left ? "end" : "start";
	const rings = stream.channels.filter((channel) => channel.ring).length;
	const what = `${stream.from} to ${stream.to}: ${perSecond(stream.sent_per_s)}, ${stream.grouping ?? "grouping not known"}`;
	return (
		<g class={`stream${rings > 0 ? " ring" : ""}`}>
			<title>{`${what}, ${stream.channels.length} channels, ${rings} of them rings`}</title>
			<path class="line" d={smooth(edge.points, down)} marker-end="url(#arrow)" />
			<g transform={`translate(${label.x},${label.y})`}>
				<text class="rate" text-anchor={anchor}>
					{perSecond(stream.sent_per_s)}
				</text>
				<text class="quiet" text-anchor={anchor} y={down ? 14 : 23}>
					{stream.grouping ?? ""}
				</text>
				{stream.ring_fill !== null && (
					<g transform={!down ? "translate(0,29)" : left ? "translate(-22,-19)" : "translate(22,-19)"}>
						<Fill part={stream.ring_fill} />
					</g>
				)}
			</g>
		</g>
	);
}

export function PipelineGraph({ graph, pipeline, width, selected, onSelect }: Props) {
	const operators = graph.operators.filter((operator) => operator.pipeline === pipeline);
	const streams = graph.streams.filter((stream) => stream.pipeline === pipeline);
	const down = width < 700;
	const boxes = operators.map((operator) => ({
		id: operator.name,
		width: down ? 158 : 178,
		height: heightOf(operator),
	}));
	const placed = down ? layoutDown(boxes, streams, { x: 58, y: 16 }) : layout(boxes, streams, { x: 124, y: 34 });
	const size = { width: placed.width + 2 * MARGIN, height: placed.height + 2 * MARGIN };
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section class="scroll graph" tabIndex={0} aria-label={`Pipeline ${pipeline} on ${graph.node}`}>
			<svg
				width={size.width}
				height={size.height}
				viewBox={`${-MARGIN} ${-MARGIN} ${size.width} ${size.height}`}
				aria-label="operators and streams"
			>
				<defs>
					<marker
						id="arrow"
						viewBox="0 0 8 8"
						refX="7"
						refY="4"
						markerWidth="7"
						markerHeight="7"
						orient="auto"
					>
						<path d="M0,0 L8,4 L0,8 z" />
					</marker>
				</defs>
				{placed.edges.map((edge, i) => (
					<StreamLine key={`${edge.from} ${edge.to}`} edge={edge} stream={streams[i] as Stream} down={down} />
				))}
				{placed.boxes.map((box) => {
					const operator = operators.find(({ name }) => name === box.id) as Operator;
					return (
						<OperatorBox
							key={box.id}
							box={box}
							operator={operator}
							selected={selected === box.id}
							onSelect={() => onSelect(box.id)}
						/>
					);
				})}
			</svg>
		</section>
	);
}
