// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The entries of the top lists: what names each, and what the columns of its table are.
import type { Entry, Top } from "../api/types";
import { endpoint, service } from "./format";

const text = (entry: Entry, field: string): string => String(entry[field] ?? "");

export function figure(entry: Entry, field: string): number | null {
	const value = entry[field];
	return typeof value === "number" ? value : null;
}

const source = (entry: Entry): string => endpoint(text(entry, "src_ip"), Number(entry.src_port));
const destination = (entry: Entry): string => endpoint(text(entry, "dst_ip"), Number(entry.dst_port));

export interface List {
	name: string;
	title: string;
	one: string;
	/** the parts of a name, for a column each */
	names: { title: string; of: (entry: Entry) => string; minor?: boolean; phone?: boolean }[];
	/** fields shown beside packets and bytes */
	figures: { field: string; title: string; unit: "count" | "bytes"; hint?: string }[];
	/** a packet is counted at both of its ends */
	twice?: boolean;
}

export const LISTS: List[] = [
	{
		name: "flows",
		title: "Flows",
		one: "flow",
		names: [
			{ title: "Protocol", of: (e) => text(e, "protocol"), minor: true },
			{ title: "Source", of: source, minor: true },
			{ title: "Destination", of: destination, minor: true },
			{ title: "Flow", of: (e) => `${text(e, "protocol")} ${source(e)} → ${destination(e)}`, phone: true },
		],
		figures: [
			{ field: "fwd_bytes", title: "Sent", unit: "bytes", hint: "by the source" },
			{ field: "rev_bytes", title: "Answered", unit: "bytes", hint: "by the destination" },
			{ field: "total_bytes", title: "In all", unit: "bytes", hint: "since the flow began" },
		],
	},
	{
		name: "hosts",
		title: "Hosts",
		one: "host",
		names: [{ title: "Address", of: (e) => text(e, "ip") }],
		figures: [
			{ field: "sent_bytes", title: "Sent", unit: "bytes" },
			{ field: "received_bytes", title: "Received", unit: "bytes" },
			{ field: "flows_out", title: "Flows out", unit: "count", hint: "flows it began" },
			{ field: "flows_in", title: "Flows in", unit: "count", hint: "flows others began with it" },
		],
		twice: true,
	},
	{
		name: "ports",
		title: "Services",
		one: "service",
		names: [
			{ title: "Port", of: (e) => `${text(e, "protocol")}/${text(e, "port")}` },
			{ title: "Usual name", of: (e) => service(text(e, "protocol"), Number(e.port)), minor: true },
		],
		figures: [{ field: "flows", title: "Flows", unit: "count" }],
	},
	{
		name: "prefixes",
		title: "Prefixes",
		one: "prefix",
		names: [{ title: "Prefix", of: (e) => text(e, "prefix") }],
		figures: [
			{ field: "sent_bytes", title: "Sent", unit: "bytes" },
			{ field: "received_bytes", title: "Received", unit: "bytes" },
		],
		twice: true,
	},
	{
		name: "applications",
		title: "Applications",
		one: "application",
		names: [{ title: "Application", of: (e) => text(e, "application") }],
		figures: [{ field: "flows", title: "Flows", unit: "count" }],
	},
];

export function listNamed(name: string | undefined): List {
	return LISTS.find((list) => list.name === name) ?? (LISTS[0] as List);
}

/** What tells an entry from all others of its list. */
export function nameOf(list: List, entry: Entry): string {
	return list.names
		.slice(0, 3)
		.map((name) => name.of(entry))
		.join(" ");
}

/** An entry's part of all bytes of the window. */
export function shareOf(list: List, top: Top, entry: Entry): number | null {
	const all = (top.totals.bytes ?? 0) * (list.twice ? 2 : 1);
	const bytes = figure(entry, "bytes");
	return all > 0 && bytes !== null ? Math.min(1, bytes / all) : null;
}
