// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The choice of the time that charts show.
import { useState } from "preact/hooks";
import { moment } from "../lib/format";
import { bounds, formatRange, PRESETS, parseRange, type Range } from "../lib/range";
import { setParam } from "../lib/route";
import { Choice } from "./controls";

/** As <input type="datetime-local"> has it: the reader's own time. */
function toInput(ms: number): string {
	const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60000);
	return at.toISOString().slice(0, 19);
}

function Custom({ range, onDone }: { range: Range; onDone: () => void }) {
	const now = bounds(range, Date.now());
	const [from, setFrom] = useState(toInput(now.from_ms));
	const [to, setTo] = useState(toInput(now.to_ms));
	const chosen = { from_ms: Date.parse(from), to_ms: Date.parse(to) };
	const valid = chosen.from_ms < chosen.to_ms;
	return (
		<form
			class="custom"
			onSubmit={(event) => {
				event.preventDefault();
				if (!valid) return;
				setParam("range", formatRange(chosen));
				onDone();
			}}
		>
			<label>
				From{" "}
				<input
					type="datetime-local"
					step="1"
					value={from}
					onInput={(event) => setFrom(event.currentTarget.value)}
				/>
			</label>
			<label>
				To{" "}
				<input
					type="datetime-local"
					step="1"
					value={to}
					onInput={(event) => setTo(event.currentTarget.value)}
				/>
			</label>
			<button type="submit" disabled={!valid}>
				Show
			</button>
			<button type="button" onClick={onDone}>
				Cancel
			</button>
			{!valid && (
				<p class="wrong" role="alert">
					“From” must be before “To”.
				</p>
			)}
		</form>
	);
}

export function RangePicker({ range }: { range: Range }) {
	const [open, setOpen] = useState(false);
	const fixed = "from_ms" in range;
	const options = [
		...PRESETS.map(({ name, title }) => ({ value: name, text: name, title })),
		{
			value: "custom",
			text: fixed ? `${moment(range.from_ms)} – ${moment(range.to_ms)}` : "custom",
			title: "from one time to another; dragging over a chart does the same",
		},
	];
	return (
		<div class="range">
			<Choice
				label="Time shown"
				value={open || fixed ? "custom" : formatRange(range)}
				options={options}
				onChange={(name) => {
					setOpen(name === "custom");
					if (name !== "custom") setParam("range", "last_s" in parseRange(name) ? name : null);
				}}
			/>
			{fixed && !open && (
				<button type="button" onClick={() => setOpen(true)}>
					change
				</button>
			)}
			{open && <Custom range={range} onDone={() => setOpen(false)} />}
		</div>
	);
}
