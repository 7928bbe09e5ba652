// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The running pipelines of a node: the picture, and every instance with what it did with its tuples.
import { useState } from "preact/hooks";
import { usePart, useWanted } from "../api/hooks";
import type { Graph, Graphs, Instance, Operator } from "../api/types";
import { Badge, NodeBadge } from "../components/badge";
import { Bar, fillTone } from "../components/bar";
import { Choice } from "../components/controls";
import { PipelineGraph } from "../components/graph";
import { Empty, Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { bits, count, latency, perSecond, share } from "../lib/format";
import { formatRoute } from "../lib/route";
import { useWidth } from "../lib/width";
import type { ViewProps } from "./view";

interface InstanceRow extends Instance {
	operator: string;
	fill: number | null;
}

function rowsOf(graph: Graph, pipeline: string, operator: string | null): InstanceRow[] {
	return graph.operators
		.filter((one) => one.pipeline === pipeline && (operator === null || one.name === operator))
		.flatMap((one) => one.instances.map((i) => ({ ...i, operator: one.name, fill: fillOf(graph, one, i) })));
}

/** How full the fullest ring into an instance is. */
function fillOf(graph: Graph, operator: Operator, instance: Instance): number | null {
	const fills = graph.streams
		.filter((stream) => stream.pipeline === operator.pipeline && stream.to === operator.name)
		.flatMap((stream) => stream.channels)
		.filter((channel) => channel.to_index === instance.index && channel.ring_fill !== null)
		.map((channel) => channel.ring_fill as number);
	return fills.length > 0 ? Math.max(...fills) : null;
}

function figureColumn(
	name: keyof Instance,
	title: string,
	show: (value: number | null) => string,
	hint?: string,
): Column<InstanceRow> {
	const value = (row: InstanceRow): number | null => row[name] as number | null;
	return { name, title, figure: true, value, show: (row) => show(value(row)), ...(hint ? { hint } : {}) };
}

function latencyColumn(name: "p50_ns" | "p99_ns", title: string): Column<InstanceRow> {
	const value = (row: InstanceRow): number | null => row.latency?.[name] ?? null;
	const hint = "from where tuples were taken in to where they ended here, in the last second";
	return { name: `latency_${name}`, title, figure: true, value, show: (row) => latency(value(row)), hint };
}

const COLUMNS: Column<InstanceRow>[] = [
	{ name: "operator", title: "Operator", value: (row) => row.operator, show: (row) => <b>{row.operator}</b> },
	{ name: "index", title: "Instance", figure: true, value: (row) => row.index },
	{ name: "worker", title: "Worker", figure: true, value: (row) => row.worker },
	figureColumn("in_per_s", "In", perSecond),
	{
		name: "in_bits_per_s",
		title: "Bits in",
		figure: true,
		value: (row) => (row.in > 0 && row.in_bytes === 0 ? null : row.in_bits_per_s),
		show: (row) => bits(row.in > 0 && row.in_bytes === 0 ? null : row.in_bits_per_s),
		hint: "where an operator counts bytes",
	},
	figureColumn("out_per_s", "Out", perSecond),
	{
		name: "fill",
		title: "Ring",
		figure: true,
		value: (row) => row.fill,
		show: (row) =>
			row.fill === null ? (
				<span class="quiet">direct</span>
			) : (
				<span class="with-bar">
					<Bar part={row.fill} tone={fillTone(row.fill)} /> {share(row.fill)}
				</span>
			),
		hint: "how full the fullest ring into the instance is; direct: called by the one before",
	},
	figureColumn("held", "Held", count, "tuples it keeps for later"),
	figureColumn("blocked_per_s", "Blocked", perSecond, "times it could not run for want of room behind it"),
	figureColumn("dropped", "Dropped", count, "tuples, in all"),
	figureColumn("lost_outside", "Lost outside", count, "by the capture, before weir had them"),
	latencyColumn("p50_ns", "Latency p50"),
	latencyColumn("p99_ns", "p99"),
	{
		name: "holds",
		title: "Adds up",
		value: (row) => (row.holds ? 1 : 0),
		show: (row) => (row.holds ? <Badge tone="good">yes</Badge> : <Badge tone="warning">no</Badge>),
		hint: "in = forwarded + absorbed + dropped + held, and out = forwarded + created",
	},
];

interface DropRow {
	operator: string;
	name: string;
	count: number;
	per_s: number | null;
}

function dropsOf(rows: InstanceRow[]): DropRow[] {
	const sums = new Map<string, DropRow>();
	for (const row of rows)
		for (const drop of row.drops) {
			if (drop.count === 0) continue;
			const key = `${row.operator} ${drop.name}`;
			const sum = sums.get(key) ?? { operator: row.operator, name: drop.name, count: 0, per_s: null };
			sum.count += drop.count;
			if (drop.per_s !== null) sum.per_s = (sum.per_s ?? 0) + drop.per_s;
			sums.set(key, sum);
		}
	return [...sums.values()];
}

function Drops({ rows }: { rows: InstanceRow[] }) {
	return (
		<section class="card table-card">
			<header>
				<h3>Drops by name</h3>
			</header>
			<Table
				caption="Drops by name"
				columns={[
					{
						name: "operator",
						title: "Operator",
						value: (drop: DropRow) => drop.operator,
					},
					{
						name: "name",
						title: "Reason",
						value: (drop) => drop.name,
						show: (drop) => <b>{drop.name}</b>,
					},
					{
						name: "count",
						title: "Tuples",
						figure: true,
						value: (drop) => drop.count,
						show: (drop) => count(drop.count),
					},
					{
						name: "per_s",
						title: "Now",
						figure: true,
						value: (drop) => drop.per_s,
						show: (drop) => perSecond(drop.per_s),
					},
				]}
				rows={dropsOf(rows)}
				keyOf={(drop) => `${drop.operator} ${drop.name}`}
				order={{ column: "count", descending: true }}
				empty="Nothing was dropped."
			/>
		</section>
	);
}

function Gauges({ rows }: { rows: InstanceRow[] }) {
	const gauges = rows.flatMap((row) =>
		Object.entries(row.gauges).map(([name, value]) => ({
			operator: row.operator,
			index: row.index,
			name,
			value,
		})),
	);
	if (gauges.length === 0) return null;
	type Gauge = (typeof gauges)[number];
	return (
		<section class="card table-card">
			<header>
				<h3>Gauges</h3>
			</header>
			<Table
				caption="Gauges"
				columns={[
					{
						name: "operator",
						title: "Operator",
						value: (gauge: Gauge) => gauge.operator,
					},
					{
						name: "index",
						title: "Instance",
						figure: true,
						value: (gauge) => gauge.index,
					},
					{
						name: "name",
						title: "Gauge",
						value: (gauge) => gauge.name,
						show: (gauge) => <b>{gauge.name}</b>,
					},
					{
						name: "value",
						title: "Now",
						figure: true,
						value: (gauge) => gauge.value,
						show: (gauge) => count(gauge.value),
					},
				]}
				rows={gauges}
				keyOf={(gauge) => `${gauge.operator} ${gauge.index} ${gauge.name}`}
				order={{ column: "operator", descending: false }}
			/>
		</section>
	);
}

function OneNode({ graph }: { graph: Graph }) {
	const pipelines = [...new Set(graph.operators.map((operator) => operator.pipeline))];
	const [chosen, setChosen] = useState<string | null>(null);
	const [operator, setOperator] = useState<string | null>(null);
	const [box, width] = useWidth<HTMLElement>();
	const pipeline = chosen !== null && pipelines.includes(chosen) ? chosen : pipelines[0];
	if (pipeline === undefined) return <Empty>This node has not reported its operators yet.</Empty>;
	const rows = rowsOf(graph, pipeline, operator);
	return (
		<>
			<section class="card" ref={box}>
				<header>
					<h3>{pipeline}</h3>
					<NodeBadge state={graph.state} />
					<span class="hint">
						{graph.over_s === null
							? "rates come with the second report"
							: "rates of the last seconds; choose an operator for its figures"}
					</span>
					<span class="spacer" />
					{pipelines.length > 1 && (
						<Choice
							label="Pipeline"
							value={pipeline}
							options={pipelines.map((name) => ({ value: name, text: name }))}
							onChange={(name) => {
								setChosen(name);
								setOperator(null);
							}}
						/>
					)}
				</header>
				{width > 0 && (
					<PipelineGraph
						graph={graph}
						pipeline={pipeline}
						width={width}
						selected={operator}
						onSelect={(name) => setOperator(name === operator ? null : name)}
					/>
				)}
			</section>
			<section class="card table-card">
				<header>
					<h3>Instances {operator !== null && <small>of {operator}</small>}</h3>
					<span class="spacer" />
					{operator !== null && (
						<button type="button" onClick={() => setOperator(null)}>
							show all
						</button>
					)}
				</header>
				<Table
					caption="Instances"
					columns={COLUMNS}
					rows={rows}
					keyOf={(row) => `${row.operator} ${row.index}`}
					order={{ column: "", descending: false }}
				/>
			</section>
			<div class="charts two">
				<Drops rows={rows} />
				<Gauges rows={rows} />
			</div>
		</>
	);
}

export function PipelineView({ route }: ViewProps) {
	useWanted("graph");
	const { data, error } = usePart<Graphs>("graph");
	if (!data) return <Missing error={error} />;
	const graph = data.nodes.find(({ node }) => node === route.parts[0]) ?? data.nodes[0];
	if (!graph) return <Empty>No node has registered yet.</Empty>;
	return (
		<>
			{data.nodes.length > 1 && (
				<div class="toolbar">
					<nav class="tabs" aria-label="Nodes">
						{data.nodes.map(({ node }) => (
							<a
								key={node}
								href={formatRoute("pipeline", [node], route.params)}
								aria-current={node === graph.node ? "page" : undefined}
							>
								{node}
							</a>
						))}
					</nav>
				</div>
			)}
			<OneNode key={graph.node} graph={graph} />
		</>
	);
}
