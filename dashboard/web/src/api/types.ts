// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The JSON of weir-dashboard, as dashboard/API.md describes it. null: not known. Members that a controller may not
// know of yet are optional.

export type Figure = number | null;

export interface Status {
	now_ns: number;
	version: string;
	state: "live" | "stale" | "empty";
	since_ns: Figure;
	reason: string | null;
	redis: { state: "connected" | "away"; endpoint: string; since_ns: Figure; error: string | null };
	controller: {
		version: string;
		epoch: number;
		started_ns: Figure;
		stored_ns: Figure;
		interval_ns: Figure;
		refused?: Record<string, number>;
	} | null;
	windows_s: number[];
	lists: string[];
	history: Record<string, { first_ms?: number }>;
	login: boolean;
}

export interface Overview {
	stored_ns: number;
	rates: {
		packets_per_s: Figure;
		bits_per_s: Figure;
		flows_per_s: Figure;
		dropped_per_s: Figure;
		lost_outside_per_s: Figure;
	};
	totals: Record<string, number>;
	dropped: Figure;
	lost_outside: Figure;
	flows_live: Figure;
	nodes: { up: number; lost: number; ended: number };
	alerts: { active: number; by_severity: Record<string, number> };
	tcp: {
		window_s: number;
		rtt_p50_ns: Figure;
		rtt_p95_ns: Figure;
		rtt_p99_ns: Figure;
		retransmitted_share: Figure;
	} | null;
	unknown: { nodes: number; since_ns: Figure };
	gaps: { missing: number };
}

export interface Interval {
	from_ns: number;
	to_ns: number;
	count: number;
}

export interface Node {
	name: string;
	state: "up" | "lost" | "ended";
	host: string;
	version: string;
	pid: number;
	workers: number;
	incarnation: number;
	incarnations: number;
	rates: { packets_per_s: Figure; bits_per_s: Figure; flows_per_s: Figure } | null;
	flows_live: Figure;
	totals: Record<string, number>;
	unknown: { since_ns: Figure; duration_ns: number; count: number; intervals?: Interval[] };
	gaps: { missing: number; count: number; intervals?: Interval[] };
	registered_ns: Figure;
	beat_ns: Figure;
	missed_beats: Figure;
	clock_offset_ns: Figure;
	duplicates: Figure;
	late: Figure;
	shed: Figure;
	dropped: Figure;
	lost_outside: Figure;
	dropped_per_s?: Figure;
	lost_outside_per_s?: Figure;
	uplink: {
		submitted: number;
		acknowledged: number;
		resent: number;
		discarded: number;
		queued: number;
		bytes: number;
	} | null;
}

export interface Nodes {
	stored_ns: number;
	nodes: Node[];
}

export interface Drop {
	name: string;
	count: number;
	per_s: Figure;
}

export interface Instance {
	index: number;
	worker: number;
	in: number;
	in_per_s: Figure;
	in_bytes: number;
	in_bits_per_s: Figure;
	forwarded: number;
	absorbed: number;
	created: number;
	out: number;
	out_per_s: Figure;
	held: number;
	blocked: number;
	blocked_per_s: Figure;
	lost_outside: number;
	lost_outside_per_s: Figure;
	dropped: number;
	dropped_per_s: Figure;
	drops: Drop[];
	gauges: Record<string, number>;
	watermark_ns: Figure;
	/** Of the tuples that ended there in the last second. */
	latency: { tuples: number; p50_ns: number; p99_ns: number; max_ns: number } | null;
	holds: boolean;
}

export interface Operator {
	pipeline: string;
	name: string;
	type: string | null;
	in_per_s: Figure;
	out_per_s: Figure;
	dropped_per_s: Figure;
	lost_outside_per_s: Figure;
	instances: Instance[];
}

export interface Channel {
	from_index: number;
	to_index: number;
	ring: boolean;
	sent: number;
	sent_per_s: Figure;
	received: number;
	ring_size: number;
	ring_used: number;
	ring_fill: Figure;
}

export interface Stream {
	pipeline: string;
	from: string;
	to: string;
	grouping: string | null;
	sent_per_s: Figure;
	ring_fill: Figure;
	channels: Channel[];
}

export interface Graph {
	node: string;
	state: Node["state"];
	over_s: Figure;
	operators: Operator[];
	streams: Stream[];
}

export interface Graphs {
	stored_ns: number;
	nodes: Graph[];
}

/** An entry of a top list: what names it, and its figures. */
export type Entry = Record<string, string | number | boolean | null | undefined>;

export interface Top {
	stored_ns: number;
	what: string;
	window_s: number;
	duration_s: number;
	exact: boolean;
	entries: Entry[];
	rest: { count: number; packets: number; bytes: number };
	totals: Record<string, number>;
	error?: number;
}

export interface Distribution {
	samples: number;
	p50_ns: Figure;
	p90_ns: Figure;
	p95_ns: Figure;
	p99_ns: Figure;
	max_ns: Figure;
	/** [upper bound in ns, count], ascending */
	buckets: [number, number][];
}

export interface TcpPrefix {
	prefix: string;
	packets: number;
	retransmitted_packets: number;
	retransmitted_share: Figure;
	rtt_p50_ns: Figure;
	rtt_p95_ns: Figure;
	samples: number;
}

export interface Tcp {
	stored_ns: number;
	window_s: number;
	rtt: Distribution;
	handshake: Distribution;
	packets: number;
	retransmitted_packets: number;
	retransmitted_share: Figure;
	out_of_order_packets: number;
	zero_windows: number;
	prefixes: TcpPrefix[];
}

export interface Alert {
	id: string;
	rule: string;
	subject: string;
	severity: string;
	description: string;
	measure: string;
	start_ns: number;
	last_ns: number;
	end_ns: Figure;
	value: number;
	peak: number;
	threshold: number;
	hold_down_ns: number;
	state?: "active" | "ended" | "unknown";
}

export interface ActiveAlerts {
	stored_ns: number;
	active: Alert[];
}

/** Entries that could not be stored: so many before that time. */
export interface Gap {
	time_ms: number;
	lost: number;
}

export interface AlertHistory {
	alerts: Alert[];
	gaps: Gap[];
}

export interface Series {
	from_ms: number;
	to_ms: number;
	step_ms: number;
	resolution: string;
	node: string | null;
	time_ms: number[];
	fields: Record<string, Figure[]>;
	gaps: { from_ms: number; to_ms: number; reason: string }[];
}

/** Two nodes, and what went from one to the other. */
export interface Pair {
	from_node: string;
	to_node: string;
	flows: number;
	packets: number;
	lost_packets: number;
	lost_share: Figure;
	delay: { samples: number; min_ns: Figure; p50_ns: Figure; p95_ns: Figure; max_ns: Figure };
}

/** A flow that two nodes saw. */
export interface PathFlow {
	src_ip: string;
	dst_ip: string;
	src_port: number;
	dst_port: number;
	protocol: string;
	from_node: string;
	to_node: string;
	delay_ns: Figure;
	packets: number;
	lost_packets: Figure;
	reverse_packets: number;
	reverse_lost_packets: Figure;
	ended: boolean | number;
}

export interface Paths {
	stored_ns: number;
	pairs: Pair[];
	flows: PathFlow[];
}

/** One way into or out of a node, that channels share. */
export interface Link {
	link: string;
	capacity_bps: Figure;
	demand_bps: Figure;
	allocated_bps: Figure;
	sent_bps: Figure;
	channels: number;
	/** by how much the shares of the channels that it holds would rise for each Mbit/s more */
	price_per_mbit: Figure;
}

/** A channel between two nodes: null rates are without a limit, or not known. */
export interface RemoteChannel {
	channel: string;
	pipeline: string;
	stream: string;
	index: number;
	from_node: string;
	to_node: string;
	offered_bps: number;
	demand_bps: Figure;
	sent_bps: Figure;
	rate_bps: Figure;
	before_bps: Figure;
	in_force_bps: Figure;
	/** the part of its demand that is served */
	share: Figure;
	bottleneck: string | null;
	/** as plain TCP would come near to */
	fair_bps: Figure;
	fair_share: Figure;
	sender_begin_bytes: number;
	sender_end_bytes: number;
	receiver_begin_bytes: Figure;
	receiver_end_bytes: Figure;
}

export interface RemoteChannels {
	stored_ns: number;
	/** null: the controller has no stage for them */
	allocation: "global" | "s1" | "tcp" | null;
	error?: string | null;
	links: Link[];
	total: number;
	/** over all of them, however many are listed; absent: no stage */
	totals?: {
		demand_bps: Figure;
		sent_bps: Figure;
		/** of the demand, what the rates serve */
		served_bps: Figure;
		fair_bps: Figure;
		held: number;
		least_share: Figure;
		least_fair_share: Figure;
	};
	/** the worst served first */
	channels: RemoteChannel[];
}

/** What the controller decided; the stream has an entry each time one changes. */
export interface Decision {
	time_ms: number;
	id: string;
	kind?: string;
	cause?: string;
	command?: string;
	target?: string;
	value?: string;
	node?: string;
	reason?: string;
	status?: string;
	answer?: string;
}

export interface Decisions {
	decisions: Decision[];
	/** those that tell nodes the rates of channels */
	rates?: Decision[];
	gaps: Gap[];
}
