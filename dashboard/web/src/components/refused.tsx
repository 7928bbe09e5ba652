// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the controller refused since its start, by reason. Nothing while there is nothing.
import { usePart } from "../api/hooks";
import type { Status } from "../api/types";
import { count, moment } from "../lib/format";

const REASONS: Record<string, string> = {
	unknown_key: "keys on no list",
	not_encrypted: "clients without encryption, or with it where none is asked for",
	other_controller: "clients of a controller with another key",
	bad_handshake: "connections that were not ZeroMQ, or broke off",
	wrong_name: "messages of a node in another's name",
	wrong_role: "messages that are not for that key to send",
	revoked: "messages by a key that was taken off the list",
	oversized: "messages that were too large",
};

export function Refused() {
	const controller = usePart<Status>("status").data?.controller;
	const refused = Object.entries(controller?.refused ?? {}).filter(([, number]) => number > 0);
	if (!controller || refused.length === 0) return null;
	return (
		<section class="card">
			<header>
				<h3>
					Refused by the controller <small>since {moment((controller.started_ns ?? 0) / 1e6)}</small>
				</h3>
			</header>
			<ul class="rows">
				{refused.map(([reason, number]) => (
					<li key={reason}>
						<span class="grow">{REASONS[reason] ?? reason}</span>
						<span class="figure">{count(number)}</span>
					</li>
				))}
			</ul>
		</section>
	);
}
