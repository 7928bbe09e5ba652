// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the controller decided, why, and how it went: of each decision how it stands now. Rates of channels change
// often: they are told apart, where the channels are.
import { usePart } from "../api/hooks";
import type { Decision, Decisions as DecisionsAnswer } from "../api/types";
import { Badge } from "../components/badge";
import { Gaps } from "../components/gaps";
import { Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { moment } from "../lib/format";
import { latestOfEach } from "../lib/table";

type Tone = Parameters<typeof Badge>[0]["tone"];

const TONES: Record<string, Tone> = { done: "good", refused: "critical", timed_out: "warning" };

const commandOf = (decision: Decision): string =>
	[decision.command, decision.target, decision.value].filter(Boolean).join(" ");
const byOf = ({ kind, cause }: Decision): string => [kind, cause === kind ? "" : cause].filter(Boolean).join(" ");
const whyOf = (decision: Decision): string => [decision.reason, decision.answer].filter(Boolean).join("; ");

const COLUMNS: Column<Decision>[] = [
	{ name: "time", title: "When", value: (one) => one.time_ms, show: (one) => moment(one.time_ms) },
	{
		name: "status",
		title: "Status",
		value: (one) => one.status ?? "",
		show: (one) => <Badge tone={TONES[one.status ?? ""] ?? "info"}>{(one.status ?? "–").replace("_", " ")}</Badge>,
	},
	{ name: "node", title: "Node", value: (one) => one.node ?? "" },
	{
		name: "command",
		title: "Command",
		value: commandOf,
		show: (one) => <span class="subject">{commandOf(one)}</span>,
	},
	{
		name: "cause",
		title: "By",
		minor: true,
		value: byOf,
	},
	{ name: "why", title: "Why", minor: true, value: whyOf },
	{ name: "id", title: "Id", minor: true, value: (one) => one.id, hint: "weirctl explain ID says all of it" },
];

interface Props {
	title: string;
	hint: string;
	/** those that tell nodes rates, or all others */
	ofRates: boolean;
}

export function Decisions({ title, hint, ofRates }: Props) {
	const { data, error } = usePart<DecisionsAnswer>("decisions");
	const chosen = (ofRates ? data?.rates : data?.decisions) ?? [];
	return (
		<section class="card table-card">
			<header>
				<h3>{title}</h3>
				<span class="hint">{hint}</span>
			</header>
			<Gaps gaps={data?.gaps ?? []} what="entries" />
			{data ? (
				<Table
					caption={`${title}, latest first`}
					columns={COLUMNS}
					rows={latestOfEach(chosen)}
					keyOf={(one) => one.id}
					order={{ column: "time", descending: true }}
					empty="Nothing was decided yet."
				/>
			) : (
				<Missing error={error} />
			)}
		</section>
	);
}
