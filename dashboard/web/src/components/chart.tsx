// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines over time. The legend has the figures under the pointer, in all charts of the view at once, and else the
// latest; dragging over a stretch shows it alone, a double click goes back to the last minutes.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Asked } from "../api/hooks";
import type { Series } from "../api/types";
import { moment } from "../lib/format";
import { formatRange } from "../lib/range";
import { setParam } from "../lib/route";
import { type Columns, describe, latest, toColumns } from "../lib/series";
import { useTheme } from "../lib/theme";
import { chartOptions, type Line } from "./chart_draw";
import { Empty, Failed, Loading } from "./notice";

interface Props {
	title: string;
	/** what the figures mean, where the title does not say it */
	hint?: string;
	asked: Asked<Series>;
	/** a line for each of these fields */
	lines: (Line & { field: string })[];
	format: (value: number | null) => string;
	height?: number;
}

const EMPTY: Columns = { from_ms: 0, to_ms: 1, times: [], values: [], gaps: [] };

function Legend({
	lines,
	columns,
	index,
	format,
}: Omit<Props, "title" | "asked"> & { columns: Columns; index: number | null }) {
	return (
		<ul class="legend">
			{lines.map((line, i) => {
				const values = columns.values[i] ?? [];
				const value = index === null ? latest(values) : (values[index] ?? null);
				return (
					<li key={line.field}>
						<span class={`swatch series-${line.colour}${line.dash ? " dashed" : ""}`} aria-hidden="true" />
						{line.label} <b>{format(value)}</b>
					</li>
				);
			})}
		</ul>
	);
}

/** What the picture says, for who does not see it. */
function inWords({ title, lines, format }: Props, columns: Columns): string {
	const words = lines.map((line, i) => {
		const what = describe(columns.values[i] ?? []);
		if (!what) return `${line.label}: nothing known`;
		const { last, mean, min, max } = what;
		return `${line.label}: now ${format(last)}, mean ${format(mean)}, from ${format(min)} to ${format(max)}`;
	});
	return `${title}. ${words.join("; ")}. ${columns.gaps.length} gaps.`;
}

function Gaps({ columns }: { columns: Columns }) {
	const gap = columns.gaps[columns.gaps.length - 1];
	if (!gap) return null;
	const more = columns.gaps.length > 1 ? `, and ${columns.gaps.length - 1} more` : "";
	return (
		<p class="gaps">
			<span class="swatch hatched" aria-hidden="true" /> not known {moment(gap.from_ms)} to {moment(gap.to_ms)}:{" "}
			{gap.reason}
			{more}
		</p>
	);
}

function Plot(props: Props & { columns: Columns; onCursor: (index: number | null) => void }) {
	const { lines, columns, onCursor, height = 190 } = props;
	const theme = useTheme();
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const shown = useRef(columns);
	shown.current = columns;

	// biome-ignore lint/correctness/useExhaustiveDependencies: colours come with the theme; data have their own effect
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const drawing = {
			lines,
			format: props.format,
			width: element.clientWidth,
			height,
			columns: () => shown.current,
			onCursor,
			onZoom: (from_ms: number, to_ms: number) => setParam("range", formatRange({ from_ms, to_ms })),
			onReset: () => setParam("range", null),
		};
		const made = new uPlot(chartOptions(drawing), dataOf(shown.current), element);
		plot.current = made;
		const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
		watch.observe(element);
		return () => {
			watch.disconnect();
			made.destroy();
		};
	}, [theme, height, lines.map((line) => line.field).join()]);

	useEffect(() => plot.current?.setData(dataOf(columns)), [columns]);

	return <div class="plot" ref={box} role="img" aria-label={inWords(props, columns)} />;
}

function dataOf(columns: Columns): uPlot.AlignedData {
	return [columns.times, ...columns.values] as uPlot.AlignedData;
}

export function Chart(props: Props) {
	const { title, hint, asked, lines } = props;
	const [index, setIndex] = useState<number | null>(null);
	const fields = lines.map((line) => line.field).join();
	const columns = useMemo(
		() => (asked.data ? toColumns(asked.data, fields.split(",")) : EMPTY),
		[asked.data, fields],
	);
	const known = columns.values.some((values) => values.some((value) => value !== null));
	const time = index === null ? undefined : columns.times[index];
	return (
		<figure class="card chart">
			<figcaption>
				<h3>{title}</h3>
				{hint && <span class="hint">{hint}</span>}
				<span class="spacer" />
				{time !== undefined && <span class="at">{moment(time * 1000)}</span>}
				<Legend {...props} columns={columns} index={index} />
			</figcaption>
			{asked.data && known && <Plot {...props} columns={columns} onCursor={setIndex} />}
			{asked.data && !known && <Empty>Nothing was stored in this stretch of time.</Empty>}
			{!asked.data && (asked.error ? <Failed>{asked.error}</Failed> : <Loading />)}
			<Gaps columns={columns} />
		</figure>
	);
}
