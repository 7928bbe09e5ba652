// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A table that sorts by any column. Where the window is narrow it scrolls sideways in its own box.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Cell, matches, type Order, sortRows } from "../lib/table";
import { Empty } from "./notice";

export interface Column<T> {
	name: string;
	title: string;
	/** what it is sorted by */
	value: (row: T) => Cell;
	/** what is shown; the value if absent */
	show?: (row: T) => ComponentChildren;
	/** a figure: to the right, greatest first */
	figure?: boolean;
	hint?: string;
	/** left out on a phone */
	minor?: boolean;
	/** shown on a phone alone */
	phone?: boolean;
}

interface Props<T> {
	caption: string;
	columns: Column<T>[];
	rows: T[];
	keyOf: (row: T) => string;
	order: Order;
	search?: string;
	/** the text a search looks at */
	textOf?: (row: T) => string;
	empty?: ComponentChildren;
	foot?: ComponentChildren;
	rowClass?: (row: T) => string;
}

interface HeadProps<T> {
	column: Column<T>;
	order: Order;
	onSort: (order: Order) => void;
}

function classOf<T>(column: Column<T>): string {
	return [column.figure && "figure", column.minor && "minor", column.phone && "phone"].filter(Boolean).join(" ");
}

function Head<T>({ column, order, onSort }: HeadProps<T>) {
	const sorted = order.column === column.name;
	const direction = order.descending ? "descending" : "ascending";
	const descending = sorted ? !order.descending : (column.figure ?? false);
	return (
		<th scope="col" class={classOf(column)} aria-sort={sorted ? direction : "none"} title={column.hint}>
			<button type="button" onClick={() => onSort({ column: column.name, descending })}>
				{column.title}
				<span class="arrow" aria-hidden="true">
					{sorted ? (order.descending ? "▾" : "▴") : ""}
				</span>
			</button>
		</th>
	);
}

export function Table<T>(props: Props<T>) {
	const { caption, columns, rows, keyOf, search = "", textOf, empty, foot, rowClass } = props;
	const [order, setOrder] = useState(props.order);
	const by = columns.find((column) => column.name === order.column); // none: as they came
	const found = search && textOf ? rows.filter((row) => matches(textOf(row), search)) : rows;
	const sorted = by ? sortRows(found, by.value, order.descending) : found;
	if (sorted.length === 0)
		return (
			<Empty>
				{rows.length > 0 ? `None of ${rows.length} matches “${search}”.` : (empty ?? "Nothing here.")}
			</Empty>
		);
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
		<section class="scroll" tabIndex={0} aria-label={caption}>
			<table>
				<caption class="visually-hidden">{caption}</caption>
				<thead>
					<tr>
						{columns.map((column) => (
							<Head key={column.name} column={column} order={order} onSort={setOrder} />
						))}
					</tr>
				</thead>
				<tbody>
					{sorted.map((row) => (
						<tr key={keyOf(row)} class={rowClass?.(row)}>
							{columns.map((column) => (
								<td key={column.name} class={classOf(column)}>
									{column.show ? column.show(row) : column.value(row)}
								</td>
							))}
						</tr>
					))}
				</tbody>
				{foot && <tfoot>{foot}</tfoot>}
			</table>
		</section>
	);
}
