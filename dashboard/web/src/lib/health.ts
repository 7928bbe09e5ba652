// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the connection and the latest status come to: can what is shown be trusted?
import type { Connection } from "../api/live";
import type { Status } from "../api/types";
import { clock, moment } from "./format";

type Tone = "good" | "warning" | "critical" | "quiet";

export interface Health {
	tone: Tone;
	/** two or three words */
	short: string;
	/** the whole sentence; absent when all is well */
	reason?: string;
}

export interface Heard {
	connection: Connection;
	heard_ms: number;
	status: Status | undefined;
}

export function judge({ connection, heard_ms, status }: Heard): Health {
	if (connection === "broken") {
		const since = heard_ms > 0 ? ` since ${clock(heard_ms)}` : "";
		return {
			tone: "critical",
			short: `no contact${since}`,
			reason: `The dashboard does not answer${since}. What is shown is from then; the page keeps trying.`,
		};
	}
	if (!status) return { tone: "quiet", short: "connecting" };
	if (status.state === "empty")
		return {
			tone: "quiet",
			short: "no data yet",
			reason: status.reason ?? "The controller has not stored anything yet.",
		};
	if (status.state === "stale") {
		const stored_ms = (status.controller?.stored_ns ?? status.since_ns ?? 0) / 1e6;
		const why = status.reason ? `: ${status.reason}` : "";
		return {
			tone: "warning",
			short: `stale since ${moment(stored_ms)}`,
			reason: `What is shown was true at ${moment(stored_ms)} and nothing has come since${why}.`,
		};
	}
	return { tone: "good", short: "live" };
}
