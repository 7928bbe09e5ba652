// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A running pipeline as a picture: a box per operator with a row per instance, a line per stream with its rate,
// grouping and how full its fullest ring is. From left to right, or downwards where there is no room.
import type { Graph, Instance, Operator, Stream } from "../api/types";
import { perSecond, si } from "../lib/format";
import { type End, labelEnds, layout, layoutDown, type Placed, type Routed, smooth } from "../lib/layout";
import { fillTone } from "./bar";

const HEAD = 48;
const ROW = 22;
const ROWS_MAX = 8;
const MARGIN = 8;
// Of a line that its label stands along, and of its bend: from left to right, downwards.
const ACROSS = { run: 88, bend: 44 };
const DOWN = { run: 44, bend: 28 };
const HEAD_ROOM = 8; // before an arrow's head, so that it points the right way

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

/** Rate and grouping stand above and below the straight part of the line; downwards beside it. */
function labelOf({ points }: Routed, end: End, down: boolean): { x: number; y: number } {
	const tail = points[0] ?? { x: 0, y: 0 };
	const head = points[points.length - 1] ?? tail;
	const near = end === "tail" ? tail : head;
	if (down) return { x: near.x + 10, y: end === "tail" ? near.y + 22 : near.y - 28 };
	return { x: end === "tail" ? near.x + ACROSS.run / 2 : near.x - ACROSS.run / 2 - 4, y: near.y - 9 };
}

function StreamLine({ edge, stream, down, end }: { edge: Routed; stream: Stream; down: boolean; end: End }) {
	const label = labelOf(edge, end, down);
	const anchor = down ? "start" : "middle";
	const rings = stream.channels.filter((channel) => channel.ring).length;
	const what = `${stream.from} to ${stream.to}: ${perSecond(stream.sent_per_s)}, ${stream.grouping ?? "grouping not known"}`;
	return (
		<g class={`stream${rings > 0 ? " ring" : ""}`}>
			<title>{`${what}, ${stream.channels.length} channels, ${rings} of them rings`}</title>
			<path
				class="line"
				d={smooth(edge.points, down, { end, ...(down ? DOWN : ACROSS) })}
				marker-end="url(#arrow)"
			/>
			<g transform={`translate(${label.x},${label.y})`}>
				<text class="rate" text-anchor={anchor}>
					{perSecond(stream.sent_per_s)}
				</text>
				<text class="quiet" text-anchor={anchor} y={down ? 14 : 23}>
					{stream.grouping ?? ""}
				</text>
				{stream.ring_fill !== null && (
					<g transform={down ? "translate(22,-19)" : "translate(0,29)"}>
						<Fill part={stream.ring_fill} />
					</g>
				)}
			</g>
		</g>
	);
}

export function PipelineGraph({ graph, pipeline, width, selected, onSelect }: Props) {
	const operators = graph.operators.filter((operator) => operator.pipeline === pipeline);
	const isKnown = (name: string): boolean => operators.some((operator) => operator.name === name);
	const streams = graph.streams.filter(
		(stream) => stream.pipeline === pipeline && isKnown(stream.from) && isKnown(stream.to),
	);
	const boxesOf = (width: number) =>
		operators.map((operator) => ({ id: operator.name, width, height: heightOf(operator) }));
	const across = layout(boxesOf(178), streams, { x: ACROSS.run + ACROSS.bend + HEAD_ROOM, y: 34 });
	const downwards = layoutDown(boxesOf(158), streams, { x: DOWN.run + DOWN.bend + HEAD_ROOM, y: 16 });
	const isTooWide = across.width + 2 * MARGIN > width && downwards.width < across.width;
	const down = width < 700 || isTooWide;
	const placed = down ? downwards : across;
	const ends = labelEnds(placed.edges);
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
					<StreamLine
						key={`${i} ${edge.from} ${edge.to}`}
						edge={edge}
						stream={streams[i] as Stream}
						down={down}
						end={ends[i] ?? "head"}
					/>
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
