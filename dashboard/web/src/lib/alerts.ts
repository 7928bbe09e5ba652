// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// When alerts ended, and how long they lasted.
import type { Alert, Figure } from "../api/types";

/** When it ended, in ns; "now": it fires; null: it ended, and the history does not know when. */
export function endOf(alert: Alert): Figure | "now" {
	if (alert.end_ns !== null) return alert.end_ns;
	return alert.state === "unknown" ? null : "now";
}

/** A history whose alerts that fire are those of now: what is stored of them is from their start. */
export function asOfNow(history: Alert[], active: Alert[]): Alert[] {
	const byId = new Map(active.map((alert) => [alert.id, alert]));
	return history.map((alert) => (endOf(alert) === "now" ? { ...alert, ...byId.get(alert.id) } : alert));
}

/** Nanoseconds, of one that fires up to when it was last seen; null: not known. */
export function lasted(alert: Alert): Figure {
	const end = endOf(alert);
	if (end === null) return null;
	return (end === "now" ? alert.last_ns : end) - alert.start_ns;
}
