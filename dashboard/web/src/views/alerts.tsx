// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What fires now, and what fired before.
import { useState } from "preact/hooks";
import { usePart, useWanted } from "../api/hooks";
import type { ActiveAlerts, Alert, AlertHistory } from "../api/types";
import { Badge, SeverityBadge } from "../components/badge";
import { Choice, Search } from "../components/controls";
import { Gaps } from "../components/gaps";
import { Empty, Missing } from "../components/notice";
import { type Column, Table } from "../components/table";
import { asOfNow, endOf, lasted } from "../lib/alerts";
import { duration, moment, si } from "../lib/format";
import { bounds, type Range } from "../lib/range";
import { Decisions } from "./decisions";
import type { ViewProps } from "./view";

const RANK: Record<string, number> = { info: 1, warning: 2, critical: 3 };

function End({ alert }: { alert: Alert }) {
	const end_ns = endOf(alert);
	if (end_ns === "now") return <Badge tone="critical">fires now</Badge>;
	if (end_ns === null) return <span class="quiet">not known</span>;
	return <>{moment(end_ns / 1e6)}</>;
}

const COLUMNS: Column<Alert>[] = [
	{
		name: "severity",
		title: "Severity",
		figure: false,
		value: (alert) => RANK[alert.severity] ?? 0,
		show: (alert) => <SeverityBadge severity={alert.severity} />,
	},
	{
		name: "rule",
		title: "Rule",
		value: (alert) => alert.rule,
		show: (alert) => <b title={alert.description}>{alert.rule}</b>,
	},
	{
		name: "subject",
		title: "Subject",
		value: (alert) => alert.subject,
		show: (alert) => <span class="subject">{alert.subject}</span>,
	},
	{
		name: "start",
		title: "Start",
		value: (alert) => alert.start_ns,
		show: (alert) => moment(alert.start_ns / 1e6),
	},
	{
		name: "end",
		title: "End",
		minor: true,
		value: (alert) => (endOf(alert) === "now" ? Number.MAX_SAFE_INTEGER : alert.end_ns),
		show: (alert) => <End alert={alert} />,
	},
	{
		name: "lasted",
		title: "Lasted",
		figure: true,
		minor: true,
		value: lasted,
		show: (alert) => duration(lasted(alert)),
	},
	{
		name: "peak",
		title: "Peak",
		figure: true,
		value: (alert) => alert.peak,
		show: (alert) => si(alert.peak),
		hint: "the greatest value it had",
	},
	{
		name: "threshold",
		title: "Threshold",
		figure: true,
		minor: true,
		value: (alert) => alert.threshold,
		show: (alert) => si(alert.threshold),
	},
	{
		name: "measure",
		title: "Of",
		minor: true,
		value: (alert) => alert.measure,
		show: (alert) => <span class="quiet">{alert.measure}</span>,
	},
];

function Card({ alert }: { alert: Alert }) {
	return (
		<li class={`card alert ${alert.severity}`}>
			<div class="line">
				<SeverityBadge severity={alert.severity} />
				<b>{alert.rule}</b>
				<span class="subject grow">{alert.subject}</span>
				<span class="figure">for {duration(lasted(alert))}</span>
			</div>
			<p>{alert.description}</p>
			<dl class="across">
				<dt>now</dt>
				<dd>{si(alert.value)}</dd>
				<dt>peak</dt>
				<dd>{si(alert.peak)}</dd>
				<dt>threshold</dt>
				<dd>{si(alert.threshold)}</dd>
				<dt>of</dt>
				<dd>{alert.measure}</dd>
				<dt>since</dt>
				<dd>{moment(alert.start_ns / 1e6)}</dd>
			</dl>
		</li>
	);
}

/** When alerts fired in the chosen stretch: a line per rule. */
function Timeline({ alerts, range }: { alerts: Alert[]; range: Range }) {
	const { from_ms, to_ms } = bounds(range, Date.now());
	const at = (ns: number): number => (Math.min(Math.max(ns / 1e6, from_ms), to_ms) - from_ms) / (to_ms - from_ms);
	const inside = alerts.filter(
		(alert) => alert.start_ns / 1e6 < to_ms && (alert.end_ns ?? alert.last_ns) / 1e6 > from_ms,
	);
	const rules = [...new Set(inside.map((alert) => alert.rule))].sort();
	return (
		<section class="card">
			<header>
				<h3>When</h3>
				<span class="hint">
					{moment(from_ms)} to {moment(to_ms)}
				</span>
			</header>
			{rules.length === 0 && <Empty>Nothing fired in this stretch of time.</Empty>}
			<ul class="timeline">
				{rules.map((rule) => (
					<li key={rule}>
						<span class="name">{rule}</span>
						<svg
							viewBox="0 0 1000 14"
							preserveAspectRatio="none"
							role="img"
							aria-label={`${rule}: ${inside.filter((a) => a.rule === rule).length} alerts`}
						>
							<rect class="whole" width="1000" height="14" />
							{inside
								.filter((alert) => alert.rule === rule)
								.map((alert) => {
									const left = at(alert.start_ns);
									const right = endOf(alert) === "now" ? 1 : at(alert.end_ns ?? alert.last_ns);
									return (
										<rect
											key={alert.id}
											class={alert.severity}
											x={left * 1000}
											width={Math.max(2, (right - left) * 1000)}
											height="14"
										>
											<title>{`${alert.subject}: ${moment(alert.start_ns / 1e6)}, ${duration(lasted(alert))}`}</title>
										</rect>
									);
								})}
						</svg>
					</li>
				))}
			</ul>
		</section>
	);
}

export function AlertsView({ range }: ViewProps) {
	useWanted("alerts/history", "decisions");
	const active = usePart<ActiveAlerts>("alerts");
	const history = usePart<AlertHistory>("alerts/history");
	const [search, setSearch] = useState("");
	const [severity, setSeverity] = useState("all");
	const alerts = asOfNow(history.data?.alerts ?? [], active.data?.active ?? []);
	const shown = severity === "all" ? alerts : alerts.filter((alert) => alert.severity === severity);
	return (
		<>
			<h2>Firing now</h2>
			{!active.data && <Missing error={active.error} />}
			{active.data?.active.length === 0 && (
				<section class="card">
					<Empty>Nothing fires.</Empty>
				</section>
			)}
			<ul class="alerts">
				{active.data?.active.map((alert) => (
					<Card key={alert.id} alert={alert} />
				))}
			</ul>
			<h2>History</h2>
			<Timeline alerts={alerts} range={range} />
			<div class="toolbar">
				<Search label="Search alerts" value={search} onInput={setSearch} />
				<Choice
					label="Severity"
					value={severity}
					options={["all", "info", "warning", "critical"].map((value) => ({
						value,
						text: value,
					}))}
					onChange={setSeverity}
				/>
			</div>
			<Gaps gaps={history.data?.gaps ?? []} what="starts and ends" />
			<section class="card table-card">
				{history.data ? (
					<Table
						caption="Alerts, latest first"
						columns={COLUMNS}
						rows={shown}
						keyOf={(alert) => alert.id}
						order={{ column: "start", descending: true }}
						search={search}
						textOf={(alert) => `${alert.rule} ${alert.subject} ${alert.severity} ${alert.description}`}
						empty="No alert was stored yet."
					/>
				) : (
					<Missing error={history.error} />
				)}
			</section>
			<Decisions title="Decisions" hint="commands to nodes, by rules and by people" ofRates={false} />
		</>
	);
}
