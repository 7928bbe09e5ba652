// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The overlay that lists the keys.
import { useEffect, useRef } from "preact/hooks";

const KEYS: [string, string][] = [
	["1 … 7", "overview, traffic, TCP health, pipeline, nodes, links, alerts"],
	["r", "the next range of time: 5 min, 1 h, 24 h, 7 d"],
	["/", "search in this view"],
	["p", "hold the tables still, and let them go on"],
	["t", "light or dark"],
	["?", "this help"],
	["Esc", "close, or empty the search"],
];

export function Help({ onClose }: { onClose: () => void }) {
	const dialog = useRef<HTMLDialogElement>(null);
	useEffect(() => dialog.current?.showModal(), []);
	return (
		<dialog ref={dialog} class="card help" aria-labelledby="help-title" onClose={onClose}>
			<header>
				<h2 id="help-title">Keys</h2>
				<button type="button" onClick={() => dialog.current?.close()}>
					close
				</button>
			</header>
			<dl class="keys">
				{KEYS.map(([key, what]) => (
					<div key={key}>
						<dt>
							<kbd>{key}</kbd>
						</dt>
						<dd>{what}</dd>
					</div>
				))}
			</dl>
			<p>
				Drag over a chart to see that stretch alone; a double click goes back. Hatched stretches are not known:
				nothing was stored then. Figures that stand still are marked stale above.
			</p>
		</dialog>
	);
}
