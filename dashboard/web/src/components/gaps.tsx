// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a history lacks because it could not be stored.
import type { Gap } from "../api/types";
import { count, moment } from "../lib/format";
import { Failed } from "./notice";

interface Props {
	gaps: Gap[];
	/** what the missing entries are, "starts and ends" */
	what: string;
}

export function Gaps({ gaps, what }: Props) {
	return (
		<>
			{gaps.map((gap) => (
				<Failed key={gap.time_ms}>
					{count(gap.lost)} {what} before {moment(gap.time_ms)} are missing: Redis was away for too long.
				</Failed>
			))}
		</>
	);
}
