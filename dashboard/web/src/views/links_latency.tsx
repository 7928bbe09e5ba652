// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How long tuples of pipelines over several nodes take to where they end.
import { usePart } from "../api/hooks";
import type { Graphs, Instance } from "../api/types";
import { type Column, Table } from "../components/table";
import { count, latency } from "../lib/format";

interface End {
	pipeline: string;
	operator: string;
	node: string;
	latency: NonNullable<Instance["latency"]>;
}

const figure = (name: "p50_ns" | "p99_ns" | "max_ns", title: string): Column<End> => ({
	name,
	title,
	figure: true,
	minor: name === "max_ns",
	value: (end) => end.latency[name],
	show: (end) => latency(end.latency[name]),
});

const COLUMNS: Column<End>[] = [
	{ name: "pipeline", title: "Pipeline", value: (end) => end.pipeline, show: (end) => <b>{end.pipeline}</b> },
	{ name: "operator", title: "Ends at", value: (end) => end.operator },
	{ name: "node", title: "Node", value: (end) => end.node },
	{
		name: "tuples",
		title: "Tuples",
		figure: true,
		minor: true,
		value: (end) => end.latency.tuples,
		show: (end) => count(end.latency.tuples),
		hint: "that ended there in the last second",
	},
	figure("p50_ns", "Median"),
	figure("p99_ns", "p99"),
	figure("max_ns", "Longest"),
];

function endsOf(graphs: Graphs, pipelines: Set<string>): End[] {
	return graphs.nodes.flatMap(({ node, operators }) =>
		operators
			.filter(({ pipeline }) => pipelines.has(pipeline))
			.flatMap(({ pipeline, name, instances }) =>
				instances.flatMap((one) =>
					one.latency
						? [
								{
									pipeline,
									operator: instances.length > 1 ? `${name} ${one.index}` : name,
									node,
									latency: one.latency,
								},
							]
						: [],
				),
			),
	);
}

export function Latencies({ pipelines }: { pipelines: Set<string> }) {
	const { data } = usePart<Graphs>("graph");
	if (!data) return null;
	return (
		<section class="card table-card">
			<header>
				<h3>Latency</h3>
				<span class="hint">from where tuples were taken in to where they ended, in the last second</span>
			</header>
			<Table
				caption="Latency"
				columns={COLUMNS}
				rows={endsOf(data, pipelines)}
				keyOf={(end) => `${end.pipeline} ${end.operator} ${end.node}`}
				order={{ column: "p99_ns", descending: true }}
				empty="No tuple ended in the last second."
			/>
		</section>
	);
}
