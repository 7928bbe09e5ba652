// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What one looks at first: rates now, their course, what is wrong, who causes most of it.
import { usePart, useSeries, useWanted } from "../api/hooks";
import type { ActiveAlerts, Nodes, Overview, Status, Top } from "../api/types";
import { NodeBadge, SeverityBadge } from "../components/badge";
import { Bar } from "../components/bar";
import { Chart } from "../components/chart";
import { Empty, Missing } from "../components/notice";
import { Tile } from "../components/tile";
import { figure, type List, listNamed, nameOf, shareOf } from "../lib/entries";
import { bits, bytes, count, duration, latency, packets, perSecond, share, si } from "../lib/format";
import { linkTo, type Route } from "../lib/route";
import type { ViewProps } from "./view";

const FIELDS = [
	"bits_per_s",
	"tcp_bits_per_s",
	"udp_bits_per_s",
	"packets_per_s",
	"flows_per_s",
	"flows_live",
	"dropped_per_s",
	"tcp_retransmitted_share",
];
const SHOWN = 6;

function DropsTile({ overview, route }: { overview: Overview; route: Route }) {
	const { dropped_per_s, lost_outside_per_s } = overview.rates;
	const known = dropped_per_s !== null || lost_outside_per_s !== null;
	const rate = known ? (dropped_per_s ?? 0) + (lost_outside_per_s ?? 0) : null;
	return (
		<Tile
			name="Dropped and lost"
			value={perSecond(rate)}
			tone={rate ? "warning" : undefined}
			href={linkTo(route, "pipeline")}
		>
			{count(overview.dropped)} dropped; {count(overview.lost_outside)} lost outside
		</Tile>
	);
}

function AlertsTile({ overview, route }: { overview: Overview; route: Route }) {
	const { active, by_severity } = overview.alerts;
	const words = Object.entries(by_severity).map(([severity, n]) => `${n} ${severity}`);
	const tone = active === 0 ? "good" : by_severity.critical ? "critical" : "warning";
	return (
		<Tile name="Alerts firing" value={count(active)} tone={tone} href={linkTo(route, "alerts")}>
			{active === 0 ? "all quiet" : words.join(", ")}
		</Tile>
	);
}

function Tiles({ overview, route }: { overview: Overview; route: Route }) {
	const { rates, totals, nodes } = overview;
	return (
		<div class="tiles">
			<Tile name="Throughput" value={bits(rates.bits_per_s)}>
				{bytes(totals.bytes)} in all
			</Tile>
			<Tile name="Packets" value={packets(rates.packets_per_s)}>
				{count(totals.packets)} in all
			</Tile>
			<Tile name="New flows" value={perSecond(rates.flows_per_s)}>
				{count(totals.flows_started)} in all
			</Tile>
			<Tile name="Live flows" value={si(overview.flows_live)}>
				on {nodes.up} {nodes.up === 1 ? "node" : "nodes"}
			</Tile>
			<DropsTile overview={overview} route={route} />
			<AlertsTile overview={overview} route={route} />
		</div>
	);
}

function Firing({ route }: { route: Route }) {
	const { data, error } = usePart<ActiveAlerts>("alerts");
	return (
		<section class="card">
			<header>
				<h3>Alerts firing</h3>
				<a href={linkTo(route, "alerts")}>all alerts</a>
			</header>
			{!data && <Missing error={error} />}
			{data?.active.length === 0 && <Empty>Nothing fires.</Empty>}
			<ul class="rows">
				{data?.active.slice(0, SHOWN).map((alert) => (
					<li key={alert.id}>
						<SeverityBadge severity={alert.severity} />
						<span class="grow">
							<b>{alert.rule}</b> <span class="subject">{alert.subject}</span>
						</span>
						<span class="figure">{duration(alert.last_ns - alert.start_ns)}</span>
					</li>
				))}
			</ul>
		</section>
	);
}

function NodeList({ route }: { route: Route }) {
	const { data, error } = usePart<Nodes>("nodes");
	return (
		<section class="card">
			<header>
				<h3>Nodes</h3>
				<a href={linkTo(route, "nodes")}>all nodes</a>
			</header>
			{!data && <Missing error={error} />}
			{data?.nodes.length === 0 && <Empty>No node has registered yet.</Empty>}
			<ul class="rows">
				{data?.nodes.slice(0, SHOWN).map((node) => (
					<li key={node.name}>
						<NodeBadge state={node.state} />
						<a class="grow" href={linkTo(route, "nodes", node.name)}>
							{node.name}
						</a>
						<span class="figure">{bits(node.rates?.bits_per_s)}</span>
					</li>
				))}
			</ul>
		</section>
	);
}

function Greatest({ list, window_s, route }: { list: List; window_s: number; route: Route }) {
	const { data, error } = usePart<Top>(`top/${list.name}/${window_s}`);
	return (
		<section class="card">
			<header>
				<h3>
					{list.title} <small>last {window_s} s</small>
				</h3>
				<a href={linkTo(route, "traffic", list.name)}>all {list.title.toLowerCase()}</a>
			</header>
			{!data && <Missing error={error} />}
			{data?.entries.length === 0 && <Empty>No traffic in this window.</Empty>}
			<ul class="rows">
				{data?.entries.slice(0, SHOWN).map((entry) => (
					<li key={nameOf(list, entry)}>
						<span class="grow">
							{nameOf(list, entry)}
							<Bar part={shareOf(list, data, entry)} />
						</span>
						<span class="figure">{bits(figure(entry, "bits_per_s"))}</span>
					</li>
				))}
			</ul>
		</section>
	);
}

function TcpSummary({ overview, route }: { overview: Overview; route: Route }) {
	const { tcp } = overview;
	if (!tcp) return null;
	return (
		<section class="card">
			<header>
				<h3>
					TCP <small>last {tcp.window_s} s</small>
				</h3>
				<a href={linkTo(route, "tcp")}>TCP health</a>
			</header>
			<dl class="pairs">
				<dt>Median round trip</dt>
				<dd>{latency(tcp.rtt_p50_ns)}</dd>
				<dt>95 % below</dt>
				<dd>{latency(tcp.rtt_p95_ns)}</dd>
				<dt>Retransmitted</dt>
				<dd>{share(tcp.retransmitted_share)}</dd>
			</dl>
		</section>
	);
}

export function OverviewView({ range, route }: ViewProps) {
	const window_s = usePart<Status>("status").data?.windows_s[0] ?? 10;
	useWanted("nodes", `top/hosts/${window_s}`, `top/ports/${window_s}`);
	const { data, error } = usePart<Overview>("overview");
	const series = useSeries(range, FIELDS);
	return (
		<>
			{data ? <Tiles overview={data} route={route} /> : <Missing error={error} />}
			<div class="split">
				<div class="charts">
					<Chart
						title="Throughput"
						asked={series}
						format={bits}
						lines={[
							{ field: "bits_per_s", label: "all", colour: 1, fill: true },
							{ field: "tcp_bits_per_s", label: "TCP", colour: 2 },
							{
								field: "udp_bits_per_s",
								label: "UDP",
								colour: 3,
								dash: true,
							},
						]}
					/>
					<Chart
						title="Packets"
						asked={series}
						format={packets}
						lines={[{ field: "packets_per_s", label: "all", colour: 1, fill: true }]}
					/>
					<Chart
						title="New flows"
						asked={series}
						format={perSecond}
						lines={[{ field: "flows_per_s", label: "new", colour: 1, fill: true }]}
					/>
					<Chart
						title="Live flows"
						asked={series}
						format={si}
						lines={[{ field: "flows_live", label: "live", colour: 1, fill: true }]}
					/>
					<Chart
						title="Dropped and lost"
						asked={series}
						format={perSecond}
						lines={[
							{
								field: "dropped_per_s",
								label: "tuples",
								colour: 4,
								fill: true,
							},
						]}
					/>
					<Chart
						title="TCP retransmissions"
						asked={series}
						format={share}
						lines={[
							{
								field: "tcp_retransmitted_share",
								label: "of packets",
								colour: 4,
								fill: true,
							},
						]}
					/>
				</div>
				<aside aria-label="Now">
					<Firing route={route} />
					<NodeList route={route} />
					<Greatest list={listNamed("hosts")} window_s={window_s} route={route} />
					<Greatest list={listNamed("ports")} window_s={window_s} route={route} />
					{data && <TcpSummary overview={data} route={route} />}
				</aside>
			</div>
		</>
	);
}
