// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Paths between nodes: flows that two of them saw, the delay between the two sights, and what was lost on the way.
import { useState } from "preact/hooks";
import { usePart } from "../api/hooks";
import type { Pair, PathFlow, Paths as PathsAnswer } from "../api/types";
import { Search } from "../components/controls";
import { Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { count, endpoint, latency, share } from "../lib/format";

const PAIRS: Column<Pair>[] = [
	{ name: "from", title: "From", value: (pair) => pair.from_node },
	{ name: "to", title: "To", value: (pair) => pair.to_node },
	{
		name: "p50",
		title: "Median delay",
		figure: true,
		value: (pair) => pair.delay.p50_ns,
		show: (pair) => latency(pair.delay.p50_ns),
		hint: "of the last minutes, with what the nodes' clocks differ by",
	},
	{
		name: "p95",
		title: "p95 delay",
		figure: true,
		value: (pair) => pair.delay.p95_ns,
		show: (pair) => latency(pair.delay.p95_ns),
	},
	{
		name: "flows",
		title: "Flows",
		figure: true,
		minor: true,
		value: (pair) => pair.flows,
		show: (pair) => count(pair.flows),
	},
	{
		name: "packets",
		title: "Packets",
		figure: true,
		minor: true,
		value: (pair) => pair.packets,
		show: (pair) => count(pair.packets),
	},
	{
		name: "lost",
		title: "Lost",
		figure: true,
		value: (pair) => pair.lost_packets,
		show: (pair) => count(pair.lost_packets),
	},
	{
		name: "share",
		title: "Share lost",
		figure: true,
		value: (pair) => pair.lost_share,
		show: (pair) => share(pair.lost_share),
	},
];

const nameOf = (flow: PathFlow): string =>
	`${flow.protocol} ${endpoint(flow.src_ip, flow.src_port)} → ${endpoint(flow.dst_ip, flow.dst_port)}`;
const textOf = (flow: PathFlow): string => `${nameOf(flow)} ${flow.from_node} ${flow.to_node}`;

const FLOWS: Column<PathFlow>[] = [
	{ name: "flow", title: "Flow", value: nameOf, show: (flow) => <span class="subject">{nameOf(flow)}</span> },
	{ name: "from", title: "From", minor: true, value: (flow) => flow.from_node },
	{ name: "to", title: "To", minor: true, value: (flow) => flow.to_node },
	{
		name: "delay",
		title: "Delay",
		figure: true,
		value: (flow) => flow.delay_ns,
		show: (flow) => latency(flow.delay_ns),
	},
	{
		name: "packets",
		title: "Packets",
		figure: true,
		minor: true,
		value: (flow) => flow.packets,
		show: (flow) => count(flow.packets),
	},
	{
		name: "lost",
		title: "Lost",
		figure: true,
		value: (flow) => flow.lost_packets,
		show: (flow) => count(flow.lost_packets),
	},
	{
		name: "reverse",
		title: "Lost back",
		figure: true,
		minor: true,
		value: (flow) => flow.reverse_lost_packets,
		show: (flow) => count(flow.reverse_lost_packets),
		hint: "of the packets that answered",
	},
];

function Flows({ flows }: { flows: PathFlow[] }) {
	const [search, setSearch] = useState("");
	return (
		<section class="card table-card">
			<header>
				<h3>Flows seen at two nodes</h3>
				<Search label="Search flows" value={search} onInput={setSearch} />
			</header>
			<Table
				caption="Flows seen at two nodes"
				columns={FLOWS}
				rows={flows}
				keyOf={textOf}
				order={{ column: "lost", descending: true }}
				search={search}
				textOf={textOf}
			/>
		</section>
	);
}

export function Paths() {
	const { data } = usePart<PathsAnswer>("paths");
	const flows = data?.flows ?? [];
	return (
		<>
			<section class="card table-card">
				<header>
					<h3>Paths between nodes</h3>
					<span class="hint">from flows that two nodes saw</span>
				</header>
				{data?.pairs ? (
					<Table
						caption="Paths between nodes"
						columns={PAIRS}
						rows={data.pairs}
						keyOf={(pair) => `${pair.from_node} ${pair.to_node}`}
						order={{ column: "share", descending: true }}
						empty="No flow was seen by two nodes."
					/>
				) : (
					<Missing error={undefined}>No flow was seen by two nodes.</Missing>
				)}
			</section>
			{flows.length > 0 && <Flows flows={flows} />}
		</>
	);
}
