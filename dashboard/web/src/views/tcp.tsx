// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How TCP fares: round trips and retransmissions, over time, as distributions, and by prefix.
import { useState } from "preact/hooks";
import { usePart, useSeries, useWanted } from "../api/hooks";
import type { Tcp, TcpPrefix } from "../api/types";
import { Bar } from "../components/bar";
import { Chart } from "../components/chart";
import { Search } from "../components/controls";
import { Histogram } from "../components/histogram";
import { Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { Tile } from "../components/tile";
import { useWindow, WindowPicker } from "../components/window_picker";
import { count, latency, share } from "../lib/format";
import type { ViewProps } from "./view";

const FIELDS = ["packets_per_s", "tcp_rtt_p50_ns", "tcp_rtt_p95_ns", "tcp_rtt_p99_ns", "tcp_retransmitted_share"];

/** Bars are relative to the worst: shares are small. */
function columnsOf(worst: number): Column<TcpPrefix>[] {
	return [
		{
			name: "prefix",
			title: "Prefix",
			value: (p) => p.prefix,
			show: (p) => <span class="subject">{p.prefix}</span>,
		},
		{
			name: "retransmitted_share",
			title: "Retransmitted",
			figure: true,
			value: (p) => p.retransmitted_share,
			show: (p) => (
				<span class="with-bar">
					<Bar part={worst > 0 ? (p.retransmitted_share ?? 0) / worst : 0} tone="warning" />{" "}
					{share(p.retransmitted_share)}
				</span>
			),
			hint: "share of packets; the bar compares with the worst",
		},
		{
			name: "retransmitted_packets",
			title: "Packets again",
			figure: true,
			minor: true,
			value: (p) => p.retransmitted_packets,
			show: (p) => count(p.retransmitted_packets),
		},
		{
			name: "packets",
			title: "Packets",
			figure: true,
			minor: true,
			value: (p) => p.packets,
			show: (p) => count(p.packets),
		},
		{
			name: "rtt_p50_ns",
			title: "Median RTT",
			figure: true,
			value: (p) => p.rtt_p50_ns,
			show: (p) => latency(p.rtt_p50_ns),
		},
		{
			name: "rtt_p95_ns",
			title: "p95 RTT",
			figure: true,
			value: (p) => p.rtt_p95_ns,
			show: (p) => latency(p.rtt_p95_ns),
		},
		{
			name: "samples",
			title: "Samples",
			figure: true,
			minor: true,
			value: (p) => p.samples,
			show: (p) => count(p.samples),
		},
	];
}

function Now({ tcp }: { tcp: Tcp }) {
	return (
		<div class="tiles">
			<Tile name="Median round trip" value={latency(tcp.rtt.p50_ns)}>
				{count(tcp.rtt.samples)} samples
			</Tile>
			<Tile name="95 % of round trips below" value={latency(tcp.rtt.p95_ns)}>
				99 % below {latency(tcp.rtt.p99_ns)}
			</Tile>
			<Tile name="Median handshake" value={latency(tcp.handshake?.p50_ns)}>
				{count(tcp.handshake?.samples)} handshakes
			</Tile>
			<Tile name="Retransmitted" value={share(tcp.retransmitted_share)}>
				{count(tcp.retransmitted_packets)} of {count(tcp.packets)} packets
			</Tile>
			<Tile name="Out of order" value={count(tcp.out_of_order_packets)}>
				packets
			</Tile>
			<Tile name="Zero windows" value={count(tcp.zero_windows)}>
				a receiver was full
			</Tile>
		</div>
	);
}

function Prefixes({ tcp }: { tcp: Tcp }) {
	const [search, setSearch] = useState("");
	return (
		<section class="card table-card">
			<header>
				<h3>
					Worst prefixes <small>last {tcp.window_s} s</small>
				</h3>
				<Search label="Search prefixes" value={search} onInput={setSearch} />
			</header>
			<Table
				caption="Prefixes with the greatest share of retransmitted packets"
				columns={columnsOf(Math.max(...tcp.prefixes.map((prefix) => prefix.retransmitted_share ?? 0)))}
				rows={tcp.prefixes}
				keyOf={(prefix) => prefix.prefix}
				order={{ column: "retransmitted_share", descending: true }}
				search={search}
				textOf={(prefix) => prefix.prefix}
				empty="No TCP in this window."
			/>
		</section>
	);
}

export function TcpView({ range, route }: ViewProps) {
	const windows = useWindow(route, "longest");
	const window_s = windows.chosen_s;
	const part = `tcp/${window_s}`;
	useWanted(part);
	const { data: tcp, error } = usePart<Tcp>(part);
	const series = useSeries(range, FIELDS);
	return (
		<>
			<div class="toolbar">
				<p class="grow">
					Figures and distributions of the last {window_s} seconds; charts of the time chosen above.
				</p>
				<WindowPicker windows={windows} />
			</div>
			{tcp ? <Now tcp={tcp} /> : <Missing error={error} />}
			<div class="charts two">
				<Chart
					title="Round-trip time"
					asked={series}
					format={latency}
					height={220}
					lines={[
						{ field: "tcp_rtt_p50_ns", label: "median", colour: 1, fill: true },
						{ field: "tcp_rtt_p95_ns", label: "p95", colour: 2 },
						{ field: "tcp_rtt_p99_ns", label: "p99", colour: 4, dash: true },
					]}
				/>
				<Chart
					title="Retransmitted"
					asked={series}
					format={share}
					height={220}
					lines={[
						{
							field: "tcp_retransmitted_share",
							label: "of packets",
							colour: 4,
							fill: true,
						},
					]}
				/>
				{tcp && <Histogram title="Round-trip times" hint={`last ${tcp.window_s} s`} of={tcp.rtt} />}
				{tcp?.handshake && (
					<Histogram title="Handshakes" hint={`SYN to ACK, last ${tcp.window_s} s`} of={tcp.handshake} />
				)}
			</div>
			{tcp && <Prefixes tcp={tcp} />}
		</>
	);
}
