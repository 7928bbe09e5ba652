// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The nodes, what is not known of them, and the paths between them that flows were seen on.
import { usePart, useSeries, useWanted } from "../api/hooks";
import type { Interval, Node, Nodes } from "../api/types";
import { NodeBadge } from "../components/badge";
import { Chart } from "../components/chart";
import { Empty, Missing } from "../components/notice";
import { Refused } from "../components/refused";
import { type Column, Table } from "../components/table";
import { Tile } from "../components/tile";
import { bits, bytes, clockOffset, count, duration, moment, packets, perSecond, si } from "../lib/format";
import { linkTo, type Route } from "../lib/route";
import { Paths } from "./paths";
import type { ViewProps } from "./view";

function columnsFor(route: Route, nodes: Node[]): Column<Node>[] {
	const clock: Column<Node> = {
		name: "clock",
		title: "Clock",
		figure: true,
		minor: true,
		value: (node) => node.clock_offset_ns,
		show: (node) => clockOffset(node.clock_offset_ns),
		hint: "of its traffic, against the controller's: set wrong, or a capture is replayed",
	};
	return [
		{
			name: "name",
			title: "Node",
			value: (node) => node.name,
			show: (node) => <a href={linkTo(route, "nodes", node.name)}>{node.name}</a>,
		},
		{
			name: "state",
			title: "State",
			value: (node) => node.state,
			show: (node) => <NodeBadge state={node.state} />,
		},
		{ name: "host", title: "Host", value: (node) => node.host, minor: true },
		{
			name: "bits",
			title: "Throughput",
			figure: true,
			value: (node) => node.rates?.bits_per_s,
			show: (node) => bits(node.rates?.bits_per_s),
		},
		{
			name: "packets",
			title: "Packets",
			figure: true,
			minor: true,
			value: (node) => node.rates?.packets_per_s,
			show: (node) => packets(node.rates?.packets_per_s),
		},
		{
			name: "flows_live",
			title: "Live flows",
			figure: true,
			minor: true,
			value: (node) => node.flows_live,
			show: (node) => si(node.flows_live),
		},
		{
			name: "dropped",
			title: "Dropped",
			figure: true,
			value: (node) => node.dropped,
			show: (node) => count(node.dropped),
			hint: "tuples, in all",
		},
		{
			name: "lost_outside",
			title: "Lost outside",
			figure: true,
			minor: true,
			value: (node) => node.lost_outside,
			show: (node) => count(node.lost_outside),
			hint: "by the capture, before weir had them",
		},
		{
			name: "missing",
			title: "Summaries missing",
			figure: true,
			minor: true,
			value: (node) => node.gaps.missing,
			show: (node) => count(node.gaps.missing),
		},
		{
			name: "unknown",
			title: "Not known",
			figure: true,
			value: (node) => node.unknown.duration_ns,
			show: (node) => duration(node.unknown.duration_ns),
			hint: "for how long, in all, nothing was known of it",
		},
		...(nodes.some((node) => node.clock_offset_ns != null) ? [clock] : []),
	];
}

function Stretches({
	title,
	intervals,
	none,
	unit,
}: {
	title: string;
	intervals: Interval[];
	none: string;
	unit?: string;
}) {
	return (
		<section class="card">
			<header>
				<h3>{title}</h3>
			</header>
			{intervals.length === 0 && <Empty>{none}</Empty>}
			<ul class="rows">
				{[...intervals].reverse().map((interval) => (
					<li key={interval.from_ns}>
						<span class="grow">
							{moment(interval.from_ns / 1e6)} to {moment(interval.to_ns / 1e6)}
						</span>
						<span class="figure">
							{unit ? `${count(interval.count)} ${unit}` : duration(interval.to_ns - interval.from_ns)}
						</span>
					</li>
				))}
			</ul>
		</section>
	);
}

function Facts({ node }: { node: Node }) {
	const { uplink } = node;
	const facts: [string, string][] = [
		["Host", node.host],
		["Version", node.version],
		["Process", String(node.pid)],
		["Workers", String(node.workers)],
		["Started", moment(node.incarnation / 1e6)],
		["Starts", count(node.incarnations)],
		["Registered", moment((node.registered_ns ?? 0) / 1e6)],
		["Last heartbeat", moment((node.beat_ns ?? 0) / 1e6)],
		["Its clock", clockOffset(node.clock_offset_ns)],
		["Duplicate summaries", count(node.duplicates)],
		["Late summaries", count(node.late)],
		["Taken without lists", count(node.shed)],
		["Summaries sent", count(uplink?.submitted)],
		["Acknowledged", count(uplink?.acknowledged)],
		["Sent again", count(uplink?.resent)],
		["Given up", count(uplink?.discarded)],
		["Waiting", count(uplink?.queued)],
		["Bytes sent", bytes(uplink?.bytes)],
	];
	return (
		<section class="card">
			<header>
				<h3>Process and uplink</h3>
			</header>
			<dl class="pairs columns">
				{facts.map(([name, value]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</div>
				))}
			</dl>
		</section>
	);
}

function Losses({ node }: { node: Node }) {
	const { dropped_per_s, lost_outside_per_s } = node;
	const known = dropped_per_s != null || lost_outside_per_s != null;
	const rate = known ? (dropped_per_s ?? 0) + (lost_outside_per_s ?? 0) : null;
	return (
		<Tile name="Dropped and lost" value={perSecond(rate)} tone={rate ? "warning" : undefined}>
			{count(node.dropped)} dropped; {count(node.lost_outside)} lost outside
		</Tile>
	);
}

function OneNode({ node, range, route }: { node: Node } & Omit<ViewProps, "held">) {
	const series = useSeries(range, ["bits_per_s", "packets_per_s", "flows_per_s", "flows_live"], node.name);
	const since_ns = node.unknown.since_ns;
	return (
		<>
			<div class="toolbar">
				<h2 class="grow">
					<a href={linkTo(route, "nodes")}>Nodes</a> › {node.name} <NodeBadge state={node.state} />
				</h2>
				<a class="button" href={linkTo(route, "pipeline", node.name)}>
					its pipeline
				</a>
			</div>
			{since_ns !== null && (
				<p class="banner critical" role="status">
					Nothing is known of this node since {moment(since_ns / 1e6)}.
				</p>
			)}
			<div class="tiles">
				<Tile name="Throughput" value={bits(node.rates?.bits_per_s)}>
					{bytes(node.totals.bytes)} in all
				</Tile>
				<Tile name="Packets" value={packets(node.rates?.packets_per_s)}>
					{count(node.totals.packets)} in all
				</Tile>
				<Tile name="New flows" value={perSecond(node.rates?.flows_per_s)}>
					{count(node.totals.flows_started)} in all
				</Tile>
				<Tile name="Live flows" value={si(node.flows_live)} />
				<Losses node={node} />
				<Tile name="Not known" value={duration(node.unknown.duration_ns)}>
					{count(node.gaps.missing)} summaries missing
				</Tile>
			</div>
			<div class="charts two">
				<Chart
					title="Throughput"
					asked={series}
					format={bits}
					lines={[{ field: "bits_per_s", label: "all", colour: 1, fill: true }]}
				/>
				<Chart
					title="Packets"
					asked={series}
					format={packets}
					lines={[{ field: "packets_per_s", label: "all", colour: 1, fill: true }]}
				/>
				<Stretches
					title="Stretches not known"
					intervals={node.unknown.intervals ?? []}
					none="It was never out of sight."
				/>
				<Stretches
					title="Missing summaries"
					intervals={node.gaps.intervals ?? []}
					none="Every summary arrived."
					unit="missing"
				/>
			</div>
			<Facts node={node} />
		</>
	);
}

export function NodesView({ range, route }: ViewProps) {
	useWanted("nodes", "paths");
	const { data, error } = usePart<Nodes>("nodes");
	if (!data) return <Missing error={error} />;
	const name = route.parts[0];
	const node = data.nodes.find((one) => one.name === name);
	if (node) return <OneNode key={node.name} node={node} range={range} route={route} />;
	return (
		<>
			{name && (
				<p class="banner" role="status">
					No node is named “{name}”.
				</p>
			)}
			<section class="card table-card">
				<header>
					<h3>
						Nodes <small>{data.nodes.length}</small>
					</h3>
				</header>
				<Table
					caption="Nodes"
					columns={columnsFor(route, data.nodes)}
					rows={data.nodes}
					keyOf={(one) => one.name}
					order={{ column: "name", descending: false }}
					empty="No node has registered yet."
				/>
			</section>
			<Paths />
			<Refused />
		</>
	);
}
