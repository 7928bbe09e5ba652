// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What components ask: the live parts of the one stream of events, and time series.
import { useEffect, useReducer, useState } from "preact/hooks";
import { query, type Range, refresh_ms } from "../lib/range";
import { ApiError, ask } from "./client";
import { type Answer, Live } from "./live";
import type { Series } from "./types";

export const live = new Live();

/** What every view needs. */
const ALWAYS = ["status", "overview", "alerts"];

/** Have the stream carry these parts while the component is shown. */
export function useWanted(...parts: string[]): void {
	const wanted = [...ALWAYS, ...parts.filter((part) => !ALWAYS.includes(part))];
	const key = wanted.join();
	// biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the list
	useEffect(() => live.want(wanted), [key]);
}

/** The latest answer of a part; drawn again with each event. */
export function usePart<T>(part: string): Answer<T> {
	useLive();
	return live.get<T>(part);
}

export function useLive(): Live {
	const [, redraw] = useReducer<number, void>((n) => n + 1, 0);
	useEffect(() => live.subscribe(() => redraw()), []);
	return live;
}

export interface Asked<T> {
	data?: T | undefined;
	error?: string | undefined;
}

/** Ask again and again, the next time `every_ms` after an answer; 0: once. A hidden page asks nothing. */
export function useAsked<T>(path: string, every_ms: number): Asked<T> {
	const [asked, setAsked] = useState<Asked<T> & { path: string }>({ path });
	useEffect(() => {
		const abort = new AbortController();
		let timer = 0;
		const next = (): void => {
			if (every_ms > 0 && !abort.signal.aborted) timer = window.setTimeout(run, every_ms);
		};
		const run = async (): Promise<void> => {
			if (document.hidden) return next();
			try {
				const data = await ask<T>(path, abort.signal);
				setAsked({ path, data });
			} catch (error) {
				if (abort.signal.aborted) return;
				// What was shown stays: the state above says that it is old.
				const message = error instanceof ApiError ? error.message : String(error);
				setAsked((before) => ({
					path,
					data: before.path === path ? before.data : undefined,
					error: message,
				}));
			}
			next();
		};
		void run();
		return () => {
			abort.abort();
			clearTimeout(timer);
		};
	}, [path, every_ms]);
	return asked.path === path ? asked : {};
}

/** The series of these fields over a range, of one node or of all; as many points as a wide chart has pixels. */
export function useSeries(range: Range, fields: readonly string[], node?: string): Asked<Series> {
	const points = "last_s" in range && range.last_s <= 300 ? 300 : 600;
	const of = node ? `&node=${encodeURIComponent(node)}` : "";
	return useAsked<Series>(`series?${query(range, points)}&fields=${fields.join()}${of}`, refresh_ms(range));
}
