// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The top lists of a sliding window, live: search, sort, hold.
import { useRef, useState } from "preact/hooks";
import { usePart, useWanted } from "../api/hooks";
import type { Entry, Status, Top } from "../api/types";
import { Bar } from "../components/bar";
import { Search } from "../components/controls";
import { Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { useWindow, WindowPicker } from "../components/window_picker";
import { figure, LISTS, type List, listNamed, nameOf, shareOf } from "../lib/entries";
import { bits, bytes, count, packets, share } from "../lib/format";
import { linkTo } from "../lib/route";
import type { ViewProps } from "./view";

function columnsOf(list: List, top: Top): Column<Entry>[] {
	const part = (entry: Entry): number | null => shareOf(list, top, entry);
	return [
		...list.names.map((name) => ({
			name: name.title,
			title: name.title,
			value: name.of,
			show: (entry: Entry) => <span class="subject">{name.of(entry)}</span>,
			minor: name.minor ?? false,
			phone: name.phone ?? false,
		})),
		{
			name: "bits_per_s",
			title: "Rate",
			figure: true,
			value: (entry) => figure(entry, "bits_per_s"),
			show: (entry) => bits(figure(entry, "bits_per_s")),
			hint: "IP bytes, both directions",
		},
		{
			name: "share",
			title: "Share",
			figure: true,
			value: part,
			show: (entry) => (
				<span class="with-bar">
					<Bar part={part(entry)} /> {share(part(entry))}
				</span>
			),
			hint: "of all bytes of the window",
		},
		{
			name: "packets_per_s",
			title: "Packets",
			figure: true,
			minor: true,
			value: (entry) => figure(entry, "packets_per_s"),
			show: (entry) => packets(figure(entry, "packets_per_s")),
		},
		...list.figures.map(({ field, title, unit, hint }) => ({
			name: field,
			title,
			figure: true,
			minor: true,
			value: (entry: Entry) => figure(entry, field),
			show: (entry: Entry) => (unit === "bytes" ? bytes : count)(figure(entry, field)),
			...(hint ? { hint } : {}),
		})),
	];
}

/** What the list leaves out, and how exact it is. */
function Rest({ list, top }: { list: List; top: Top }) {
	const { rest, totals, exact, error } = top;
	const all = (totals.bytes ?? 0) * (list.twice ? 2 : 1);
	return (
		<p class="foot">
			{rest.bytes > 0 && (
				<>
					<b>{share(all > 0 ? rest.bytes / all : null)}</b> of all bytes are not in the list (
					{bytes(rest.bytes)}, {count(rest.packets)} packets).{" "}
				</>
			)}
			{list.twice && "A packet counts at both of its ends. "}
			{exact
				? "Exact."
				: error
					? `An entry may be off by ${bytes(error)} at most.`
					: "Something was left out on its way here: an entry may be too low, by the rest at most."}
		</p>
	);
}

function Listing({ list, top, search }: { list: List; top: Top; search: string }) {
	return (
		<>
			<Table
				caption={`${list.title} of the last ${top.window_s} seconds`}
				columns={columnsOf(list, top)}
				rows={top.entries}
				keyOf={(entry) => nameOf(list, entry)}
				order={{ column: "bits_per_s", descending: true }}
				search={search}
				textOf={(entry) => list.names.map((name) => name.of(entry)).join(" ")}
				empty="No traffic in this window."
			/>
			<Rest list={list} top={top} />
		</>
	);
}

export function TrafficView({ route, held }: ViewProps) {
	const status = usePart<Status>("status").data;
	const [search, setSearch] = useState("");
	const list = listNamed(route.parts[0]);
	const windows = useWindow(route, "shortest");
	const window_s = windows.chosen_s;
	const part = `top/${list.name}/${window_s}`;
	useWanted(part);
	const answer = usePart<Top>(part);
	const kept = useRef({ part, answer });
	if (!held || kept.current.part !== part) kept.current = { part, answer };
	const { data, error } = kept.current.answer;
	const lists = LISTS.filter((one) => !status || status.lists.includes(one.name));
	return (
		<>
			<div class="toolbar">
				<nav class="tabs" aria-label="Lists">
					{lists.map((one) => (
						<a
							key={one.name}
							href={linkTo(route, "traffic", one.name)}
							aria-current={one.name === list.name ? "page" : undefined}
						>
							{one.title}
						</a>
					))}
				</nav>
				<Search label={`Search ${list.title.toLowerCase()}`} value={search} onInput={setSearch} />
				<WindowPicker windows={windows} />
			</div>
			<section class="card table-card">
				{data ? <Listing key={list.name} list={list} top={data} search={search} /> : <Missing error={error} />}
			</section>
		</>
	);
}
