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

/** Nanoseconds, of one that fires up to when it was last seen; null: not known. */
export function lasted(alert: Alert): Figure {
	const end = endOf(alert);
	if (end === null) return null;
	return (end === "now" ? alert.last_ns : end) - alert.start_ns;
}
