// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The stream of events: one connection for all that is shown, opened anew when the view asks for other parts, and
// again by itself when it breaks. `status` comes every second: when it stops coming, the page says since when.
import { ask } from "./client";
import type { Status } from "./types";

/** Without any word for this long, the connection counts as broken: three intervals and a half. */
const SILENCE_MS = 3500;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 10000;

export interface Answer<T = unknown> {
	data?: T;
	error?: string;
}

export type Connection = "connecting" | "open" | "broken";

export class Live {
	#source: EventSource | null = null;
	#parts: string[] = [];
	#answers = new Map<string, Answer>();
	#listeners = new Set<() => void>();
	#retry_ms = RETRY_MIN_MS;
	#timer = 0;
	connection: Connection = "connecting";
	/** when the last event came, by this browser's clock; 0: none yet */
	heard_ms = 0;

	constructor() {
		setInterval(() => {
			if (this.connection === "open" && Date.now() - this.heard_ms > SILENCE_MS) this.#break();
		}, 500);
	}

	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** What was last heard of a part; it stays while the part is not asked for. */
	get<T>(part: string): Answer<T> {
		return (this.#answers.get(part) ?? {}) as Answer<T>;
	}

	get status(): Status | undefined {
		return this.get<Status>("status").data;
	}

	/** Ask for these parts from now on. */
	want(parts: string[]): void {
		if (parts.join() === this.#parts.join() && this.#source) return;
		this.#parts = parts;
		this.#open();
	}

	#notify(): void {
		for (const listener of this.#listeners) listener();
	}

	#hear(part: string, text: string): void {
		const data = JSON.parse(text) as { error?: string };
		this.#answers.set(part, typeof data.error === "string" ? { error: data.error } : { data });
		this.heard_ms = Date.now();
		this.connection = "open";
		this.#retry_ms = RETRY_MIN_MS;
		this.#notify();
	}

	#open(): void {
		clearTimeout(this.#timer);
		this.#source?.close();
		const source = new EventSource(`api/v1/events?parts=${this.#parts.join()}`);
		this.#source = source;
		for (const part of this.#parts)
			source.addEventListener(part, (event) => {
				if (source === this.#source) this.#hear(part, (event as MessageEvent<string>).data);
			});
		source.onerror = () => {
			if (source === this.#source) this.#break();
		};
	}

	/** The browser's own retries end at a refusal: ask what it is, which leads to the form if that is it, and go on. */
	#break(): void {
		this.#source?.close();
		this.connection = "broken";
		this.#notify();
		clearTimeout(this.#timer);
		this.#timer = window.setTimeout(async () => {
			await ask("status").catch(() => undefined);
			this.#open();
		}, this.#retry_ms);
		this.#retry_ms = Math.min(2 * this.#retry_ms, RETRY_MAX_MS);
	}
}
