// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Links and the channels between nodes that share them: what each wants and gets, and why a channel is slow.
import { useRef, useState } from "preact/hooks";
import { usePart, useWanted } from "../api/hooks";
import type { Link, RemoteChannel, RemoteChannels } from "../api/types";
import { Badge } from "../components/badge";
import { Bar, fillTone } from "../components/bar";
import { Search } from "../components/controls";
import { Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { Tile } from "../components/tile";
import { inOrder, rankOf, utilisation, verdictOf } from "../lib/channels";
import { bits, bytes, count, share, UNKNOWN } from "../lib/format";
import { linkTo, type Route } from "../lib/route";
import { sortRows } from "../lib/table";
import { Decisions } from "./decisions";
import { HowToGetChannels } from "./links_empty";
import { Latencies } from "./links_latency";
import type { ViewProps } from "./view";

const LINKS: Column<Link>[] = [
	{ name: "link", title: "Link", value: (one) => one.link, show: (one) => <b>{one.link}</b> },
	{
		name: "used",
		title: "Used",
		figure: true,
		value: utilisation,
		show: (one) => {
			const used = utilisation(one);
			return used === null ? (
				UNKNOWN
			) : (
				<span class="with-bar">
					<Bar part={used} tone={fillTone(used)} /> {share(used)}
				</span>
			);
		},
		hint: "what its channels sent, of its capacity on the wire: some 95 % is all that frames of 1,500 bytes leave",
	},
	{
		name: "capacity",
		title: "Capacity",
		figure: true,
		value: (one) => one.capacity_bps,
		show: (one) => (one.capacity_bps === null ? "not known" : bits(one.capacity_bps)),
	},
	{
		name: "demand",
		title: "Wanted",
		figure: true,
		value: (one) => one.demand_bps,
		show: (one) => bits(one.demand_bps),
		hint: "by the channels that cross it",
	},
	{
		name: "allocated",
		title: "Allocated",
		figure: true,
		minor: true,
		value: (one) => one.allocated_bps,
		show: (one) => bits(one.allocated_bps),
		hint: "the sum of their rates",
	},
	{
		name: "sent",
		title: "Sent",
		figure: true,
		minor: true,
		value: (one) => one.sent_bps,
		show: (one) => bits(one.sent_bps),
	},
	{
		name: "channels",
		title: "Channels",
		figure: true,
		minor: true,
		value: (one) => one.channels,
		show: (one) => count(one.channels),
	},
	{
		name: "price",
		title: "Price per Mbit/s",
		figure: true,
		minor: true,
		value: (one) => one.price_per_mbit,
		show: (one) => share(one.price_per_mbit),
		hint: "how much more of their demand each Mbit/s more would serve: the dual value; 0: it is no bottleneck",
	},
];

function rateColumn(
	name: "demand_bps" | "sent_bps" | "rate_bps" | "in_force_bps",
	title: string,
	hint: string,
	none = UNKNOWN,
): Column<RemoteChannel> {
	const show = (one: RemoteChannel): string => (one[name] === null ? none : bits(one[name]));
	const minor = name !== "demand_bps" && name !== "sent_bps";
	return { name, title, figure: true, minor, value: (one) => one[name], show, hint };
}

function queueColumn(
	name: "sender_end_bytes" | "receiver_end_bytes",
	title: string,
	hint: string,
): Column<RemoteChannel> {
	return { name, title, figure: true, minor: true, value: (one) => one[name], show: (one) => bytes(one[name]), hint };
}

function columnsFor(route: Route, links: Link[], chosen: RemoteChannel | undefined): Column<RemoteChannel>[] {
	return [
		{
			name: "channel",
			title: "Channel",
			value: (one) => one.channel,
			show: (one) => (
				<>
					<a
						class="subject"
						href={linkTo(route, "links", one.channel)}
						aria-current={one === chosen ? "true" : undefined}
					>
						{one.channel}
					</a>
					<div class="hint">
						{one.from_node} → {one.to_node}
					</div>
				</>
			),
		},
		{
			name: "verdict",
			title: "Held by",
			minor: true,
			value: (one) => verdictOf(one, links).short,
			show: (one) => {
				const { tone, short } = verdictOf(one, links);
				return <Badge tone={tone}>{short}</Badge>;
			},
		},
		{
			name: "share",
			title: "Served",
			figure: true,
			value: rankOf,
			show: (one) => (
				<span class="with-bar">
					<Bar part={one.share} tone={(one.share ?? 1) < 0.995 ? "warning" : undefined} /> {share(one.share)}
				</span>
			),
			hint: "the part of what it wants that its rate serves",
		},
		rateColumn("demand_bps", "Wants", "what its operator wants to send, blocked or not"),
		rateColumn("sent_bps", "Sends", "what was acknowledged"),
		rateColumn("rate_bps", "Rate", "what it should have by the allocation", "any"),
		rateColumn("in_force_bps", "In force", "what its node holds it to", "no limit"),
		queueColumn("sender_end_bytes", "Queue, sender", "bytes that wait at the sender"),
		queueColumn("receiver_end_bytes", "Queue, receiver", "bytes that wait at the receiver"),
	];
}

function Sums({ data }: { data: RemoteChannels }) {
	const { totals } = data;
	const [fullest] = sortRows(data.links, utilisation, true);
	if (!totals) return null;
	const { demand_bps, sent_bps, served_bps, fair_bps, held, least_share, least_fair_share } = totals;
	const isWhole = least_share === null || least_share >= 0.995;
	return (
		<div class="tiles">
			<Tile name="Channels" value={count(data.total)}>
				{held > 0 ? `${count(held)} held back` : "none held back"}
			</Tile>
			<Tile name="They want" value={bits(demand_bps)}>
				to send
			</Tile>
			<Tile name="They send" value={bits(sent_bps)}>
				{served_bps && sent_bps !== null ? `${share(sent_bps / served_bps)} of what they may` : ""}
			</Tile>
			<Tile name="They may send" value={bits(served_bps)}>
				plain TCP: {bits(fair_bps)}
			</Tile>
			<Tile name="Worst served" value={share(least_share)} tone={isWhole ? "good" : "warning"}>
				{data.allocation === "global" ? "the optimum; " : ""}plain TCP: {share(least_fair_share)}
			</Tile>
			{fullest && (
				<Tile name="Fullest link" value={share(utilisation(fullest))}>
					{fullest.link}
				</Tile>
			)}
		</div>
	);
}

function Why({ channel, data }: { channel: RemoteChannel; data: RemoteChannels }) {
	const verdict = verdictOf(channel, data.links);
	const facts: [string, string][] = [
		["Wants", bits(channel.demand_bps)],
		["Sends", bits(channel.sent_bps)],
		["Rate", channel.rate_bps === null ? "any" : bits(channel.rate_bps)],
		["Rate before", channel.before_bps === null ? UNKNOWN : bits(channel.before_bps)],
		["In force", channel.in_force_bps === null ? "no limit" : bits(channel.in_force_bps)],
		["Plain TCP", bits(channel.fair_bps)],
		[
			`Waiting on ${channel.from_node}`,
			`${bytes(channel.sender_begin_bytes)}, then ${bytes(channel.sender_end_bytes)}`,
		],
		[
			`Waiting on ${channel.to_node}`,
			channel.receiver_end_bytes === null
				? "not reported"
				: `${bytes(channel.receiver_begin_bytes)}, then ${bytes(channel.receiver_end_bytes)}`,
		],
	];
	return (
		<section class={`card alert ${verdict.tone}`} aria-label="Why">
			<header>
				<h3>
					Why <span class="subject">{channel.channel}</span> is this fast
				</h3>
				<Badge tone={verdict.tone}>{`held by ${verdict.short}`}</Badge>
			</header>
			<p>{verdict.sentences.join(" ")}</p>
			<dl class="pairs columns">
				{facts.map(([name, value]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</div>
				))}
			</dl>
			<p>
				<kbd>weirctl explain '{channel.channel}'</kbd> says what would change it.
			</p>
		</section>
	);
}

export function LinksView({ route, held }: ViewProps) {
	useWanted("channels", "graph", "decisions");
	const { data: latest, error } = usePart<RemoteChannels>("channels");
	const kept = useRef(latest);
	const [search, setSearch] = useState("");
	if (!held || !kept.current) kept.current = latest;
	const data = kept.current;
	if (!data) return <Missing error={error} />;
	if (data.total === 0) return <HowToGetChannels hasStage={data.allocation !== null} />;
	const asked = route.parts[0];
	const channels = inOrder(data.channels);
	const found = channels.find(({ channel }) => channel === asked);
	const chosen = found ?? channels[0];
	return (
		<>
			{asked && !found && (
				<p class="banner" role="status">
					No channel is named “{asked}”.
				</p>
			)}
			{data.error && (
				<p class="banner warning" role="status">
					{data.error}: the last rates stay.
				</p>
			)}
			<Sums data={data} />
			{chosen && <Why channel={chosen} data={data} />}
			<section class="card table-card">
				<header>
					<h3>
						Channels <small>{data.allocation}</small>
					</h3>
					<Search label="Search channels" value={search} onInput={setSearch} />
				</header>
				<Table
					caption="Channels"
					columns={columnsFor(route, data.links, chosen)}
					rows={channels}
					keyOf={(one) => one.channel}
					order={{ column: "share", descending: false }}
					search={search}
					rowClass={(one) => (one === chosen ? "chosen" : "")}
					textOf={(one) => `${one.channel} ${one.from_node} ${one.to_node} ${one.bottleneck ?? ""}`}
				/>
				{data.total > data.channels.length && (
					<p class="foot">
						The {count(data.channels.length)} worst served of {count(data.total)}.
					</p>
				)}
			</section>
			<section class="card table-card">
				<header>
					<h3>Links</h3>
					<span class="hint">each node's way out and in</span>
				</header>
				<Table
					caption="Links"
					columns={LINKS}
					rows={data.links}
					keyOf={(one) => one.link}
					order={{ column: "used", descending: true }}
				/>
			</section>
			<Latencies pipelines={new Set(data.channels.map((one) => one.pipeline))} />
			<Decisions title="Rates told to nodes" hint="where the controller enforces them" ofRates={true} />
		</>
	);
}
