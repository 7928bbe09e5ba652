// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The frame around the views: where one is, what time is shown, whether it is live, and the keys.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { usePart } from "./api/hooks";
import type { Overview, Status } from "./api/types";
import { HealthBanner, HealthPill, useHealth } from "./components/health";
import { Help } from "./components/help";
import { Icon, type IconName } from "./components/icon";
import { RangePicker } from "./components/range_picker";
import { formatRange, PRESETS, parseRange } from "./lib/range";
import { linkTo, parseRoute, type Route, setParam, useRoute } from "./lib/route";
import { toggleTheme, useTheme } from "./lib/theme";
import { AlertsView } from "./views/alerts";
import { LinksView } from "./views/links";
import { NodesView } from "./views/nodes";
import { OverviewView } from "./views/overview";
import { PipelineView } from "./views/pipeline";
import { TcpView } from "./views/tcp";
import { TrafficView } from "./views/traffic";
import type { ViewProps } from "./views/view";

interface View {
	name: IconName;
	title: string;
	/** where there is little room */
	short: string;
	view: ComponentType<ViewProps>;
	/** it has charts of a chosen time */
	timed: boolean;
	/** it has tables that can be held */
	live: boolean;
}

const VIEWS: View[] = [
	{ name: "overview", title: "Overview", short: "Overview", view: OverviewView, timed: true, live: false },
	{ name: "traffic", title: "Traffic", short: "Traffic", view: TrafficView, timed: false, live: true },
	{ name: "tcp", title: "TCP health", short: "TCP", view: TcpView, timed: true, live: false },
	{ name: "pipeline", title: "Pipeline", short: "Pipeline", view: PipelineView, timed: false, live: false },
	{ name: "nodes", title: "Nodes", short: "Nodes", view: NodesView, timed: true, live: false },
	{ name: "links", title: "Links", short: "Links", view: LinksView, timed: false, live: true },
	{ name: "alerts", title: "Alerts", short: "Alerts", view: AlertsView, timed: true, live: false },
];

function Nav({ route, current }: { route: Route; current: View }) {
	const active = usePart<Overview>("overview").data?.alerts.active ?? 0;
	return (
		<nav class="views" aria-label="Views">
			{VIEWS.map((view, i) => (
				<a
					key={view.name}
					href={linkTo(route, view.name)}
					aria-current={view === current ? "page" : undefined}
					title={`${view.title} (${i + 1})`}
				>
					<Icon name={view.name} />
					<span class="long">{view.title}</span>
					<span class="short">{view.short}</span>
					{view.name === "alerts" && active > 0 && (
						<span class="counter">
							{active}
							<span class="visually-hidden"> firing</span>
						</span>
					)}
				</a>
			))}
		</nav>
	);
}

function nextRange(): void {
	const now = parseRoute(location.hash).params.get("range") ?? "5m";
	const next = (PRESETS.findIndex((preset) => preset.name === now) + 1) % PRESETS.length;
	setParam("range", PRESETS[next]?.name ?? null);
}

/** Keys, unless somebody writes or means a key of the browser's. */
function useKeys(actions: Record<string, () => void>): void {
	const latest = useRef(actions);
	latest.current = actions;
	useEffect(() => {
		const onKey = (event: KeyboardEvent): void => {
			if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
			const writing = "input:not([type=radio]), select, textarea, dialog[open]";
			if ((event.target as HTMLElement).closest(writing)) return;
			const action = latest.current[event.key];
			if (!action) return;
			event.preventDefault();
			action();
		};
		addEventListener("keydown", onKey);
		return () => removeEventListener("keydown", onKey);
	}, []);
}

function Foot() {
	const status = usePart<Status>("status").data;
	return (
		<footer>
			weir {status?.version ?? ""} · <a href="metrics">Prometheus metrics</a>
			{status?.login && (
				<form method="post" action="logout">
					<button type="submit">log out</button>
				</form>
			)}
		</footer>
	);
}

export function App() {
	const route = useRoute();
	const theme = useTheme();
	const health = useHealth();
	const [held, setHeld] = useState(false);
	const [help, setHelp] = useState(false);
	const main = useRef<HTMLElement>(null);
	const current = VIEWS.find((view) => view.name === route.view) ?? (VIEWS[0] as View);
	const range = parseRange(route.params.get("range") ?? "5m");

	const keys: Record<string, () => void> = {
		t: toggleTheme,
		r: nextRange,
		p: () => setHeld(!held),
		"?": () => setHelp(true),
		"/": () => main.current?.querySelector<HTMLInputElement>("input[type=search]")?.focus(),
	};
	VIEWS.forEach((view, i) => {
		keys[String(i + 1)] = () => location.assign(linkTo(route, view.name));
	});
	useKeys(keys);
	useEffect(() => {
		document.title = `${current.title} – weir`;
	}, [current]);

	return (
		<div class={`frame ${health.tone}`}>
			{/* biome-ignore lint/a11y/useValidAnchor: the address stays that of the view */}
			<a
				class="skip"
				href="#main"
				onClick={(event) => {
					event.preventDefault();
					main.current?.focus();
				}}
			>
				Skip to the content
			</a>
			<header class="top">
				<a class="brand" href={linkTo(route, "overview")}>
					<img src="favicon.svg" alt="" width="24" height="24" /> weir
				</a>
				<HealthPill health={health} />
				<span class="spacer" />
				{current.live && (
					<button
						type="button"
						aria-pressed={held}
						onClick={() => setHeld(!held)}
						title="hold the table still (p)"
						aria-label="hold the table still (p)"
					>
						<Icon name={held ? "go" : "hold"} /> <span class="word">{held ? "held" : "hold"}</span>
					</button>
				)}
				{current.timed && <RangePicker key={formatRange(range)} range={range} />}
				<button
					type="button"
					class="round"
					onClick={toggleTheme}
					aria-label={`switch to ${theme === "dark" ? "light" : "dark"} (t)`}
				>
					<Icon name={theme === "dark" ? "light" : "dark"} />
				</button>
				<button type="button" class="round" onClick={() => setHelp(true)} aria-label="keys and help (?)">
					?
				</button>
			</header>
			<Nav route={route} current={current} />
			<main id="main" ref={main} tabIndex={-1}>
				<h1 class="visually-hidden">{current.title}</h1>
				<HealthBanner health={health} />
				<current.view range={range} route={route} held={held} />
				<Foot />
			</main>
			{help && <Help onClose={() => setHelp(false)} />}
		</div>
	);
}
