// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Paths between nodes: flows that two of them saw, the delay between the two sights, and what was lost on the way.
import { useState } from "preact/hooks";
import { usePart } from "../api/hooks";
import type { Path, Paths as PathsAnswer } from "../api/types";
import { Search } from "../components/controls";
import { Empty } from "../components/notice";
import { type Column, Table } from "../components/table";
import { count, endpoint, latency, share } from "../lib/format";

const nameOf = (path: Path): string =>
	`${path.protocol} ${endpoint(path.src_ip, path.src_port)} → ${endpoint(path.dst_ip, path.dst_port)}`;
const lostShare = (path: Path): number | null =>
	path.lost_packets === null || path.packets === 0 ? null : path.lost_packets / path.packets;

const COLUMNS: Column<Path>[] = [
	{ name: "from", title: "From", value: (path) => path.from_node },
	{ name: "to", title: "To", value: (path) => path.to_node },
	{ name: "flow", title: "Flow", value: nameOf, show: (path) => <span class="subject">{nameOf(path)}</span> },
	{
		name: "delay",
		title: "Delay",
		figure: true,
		value: (path) => path.delay_ns,
		show: (path) => latency(path.delay_ns),
	},
	{
		name: "packets",
		title: "Packets",
		figure: true,
		value: (path) => path.packets,
		show: (path) => count(path.packets),
	},
	{
		name: "lost",
		title: "Lost",
		figure: true,
		value: (path) => path.lost_packets,
		show: (path) => count(path.lost_packets),
	},
	{ name: "share", title: "Share lost", figure: true, value: lostShare, show: (path) => share(lostShare(path)) },
];

export function Paths() {
	const { data } = usePart<PathsAnswer>("paths");
	const [search, setSearch] = useState("");
	return (
		<section class="card table-card">
			<header>
				<h3>Paths between nodes</h3>
				<span class="hint">flows that two nodes saw</span>
				<span class="spacer" />
				{data && <Search label="Search paths" value={search} onInput={setSearch} />}
			</header>
			{data ? (
				<Table
					caption="Paths between nodes"
					columns={COLUMNS}
					rows={data.paths ?? []}
					keyOf={(path) => `${path.from_node} ${path.to_node} ${nameOf(path)}`}
					order={{ column: "lost", descending: true }}
					search={search}
					textOf={(path) => `${path.from_node} ${path.to_node} ${nameOf(path)}`}
					empty="No flow was seen by two nodes."
				/>
			) : (
				<Empty>No flow was seen by two nodes.</Empty>
			)}
		</section>
	);
}
