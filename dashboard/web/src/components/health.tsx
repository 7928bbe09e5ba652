// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Can what is shown be trusted? A pill that always says so, and a banner when it can't.
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../api/hooks";
import { clock, duration } from "../lib/format";
import { type Health, judge } from "../lib/health";

export function useHealth(): Health {
	return judge(useLive());
}

export function HealthPill({ health }: { health: Health }) {
	const live = useLive();
	const stored_ns = live.status?.controller?.stored_ns;
	return (
		<span class={`pill ${health.tone}`} role="status" aria-live="polite">
			<i aria-hidden="true" /> {health.short}
			{health.tone === "good" && stored_ns && (
				<span class="at" aria-hidden="true">
					{clock(stored_ns / 1e6)}
				</span>
			)}
		</span>
	);
}

/** How old the data are, counted up while nothing comes. */
function Age({ since_ms }: { since_ms: number }) {
	const [now_ms, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 1000);
		return () => clearInterval(timer);
	}, []);
	return <b>{duration(Math.max(0, now_ms - since_ms) * 1e6)} old.</b>;
}

export function HealthBanner({ health }: { health: Health }) {
	const live = useLive();
	if (!health.reason) return null;
	const since_ms = live.connection === "broken" ? live.heard_ms : (live.status?.controller?.stored_ns ?? 0) / 1e6;
	return (
		<p class={`banner ${health.tone}`} role="alert">
			{health.reason} {since_ms > 0 && <Age since_ms={since_ms} />}
		</p>
	);
}
