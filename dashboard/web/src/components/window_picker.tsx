// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which of the controller's sliding windows a view shows: in the address as `window`.
import { usePart } from "../api/hooks";
import type { Status } from "../api/types";
import { type Route, setParam } from "../lib/route";
import { Choice } from "./controls";

export interface Windows {
	/** all there are, shortest first */
	all_s: number[];
	chosen_s: number;
}

export function useWindow(route: Route, preferred: "shortest" | "longest"): Windows {
	const status = usePart<Status>("status").data;
	const all_s = status?.windows_s.length ? status.windows_s : [10, 60];
	const wanted = Number(route.params.get("window"));
	const chosen_s = all_s.includes(wanted) ? wanted : all_s[preferred === "shortest" ? 0 : all_s.length - 1];
	return { all_s, chosen_s: chosen_s as number };
}

export function WindowPicker({ windows }: { windows: Windows }) {
	return (
		<Choice
			label="Window"
			value={windows.chosen_s}
			options={windows.all_s.map((s) => ({ value: s, text: `${s} s`, title: `the last ${s} seconds` }))}
			onChange={(s) => setParam("window", String(s))}
		/>
	);
}
