// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link, RemoteChannel } from "../src/api/types";
import { inOrder, utilisation, verdictOf } from "../src/lib/channels";

const M = 1e6;
const LINKS: Link[] = [
	{
		link: "g downlink",
		capacity_bps: 12 * M,
		demand_bps: 20 * M,
		allocated_bps: 12 * M,
		sent_bps: 11.4 * M,
		channels: 6,
		price_per_mbit: 0.05,
	},
];

function channel(values: Partial<RemoteChannel>): RemoteChannel {
	return {
		channel: "alone/in>out.0",
		pipeline: "alone",
		stream: "in>out",
		index: 0,
		from_node: "f",
		to_node: "g",
		offered_bps: 10 * M,
		demand_bps: 10 * M,
		sent_bps: 10 * M,
		rate_bps: 10 * M,
		before_bps: null,
		in_force_bps: null,
		share: 1,
		bottleneck: null,
		fair_bps: 10 * M,
		fair_share: 1,
		sender_begin_bytes: 0,
		sender_end_bytes: 0,
		receiver_begin_bytes: 0,
		receiver_end_bytes: 0,
		...values,
	};
}

const said = (values: Partial<RemoteChannel>): string => {
	const { tone, short, sentences } = verdictOf(channel(values), LINKS);
	return [tone, short, ...sentences].join(" | ").replaceAll("\u00a0", " ");
};

test("a full link is named, with what it carries, its price and what plain TCP would do", () => {
	assert.equal(
		said({ share: 0.6, bottleneck: "g downlink", fair_bps: 2 * M, fair_share: 0.2 }),
		"warning | g downlink | The g downlink holds it: its 6 channels want 20.0 Mbit/s, and its capacity is 12.0 Mbit/s. | " +
			"It wants 10.0 Mbit/s and gets 60.0 % of that. | " +
			"Each Mbit/s more there would serve another 5.00 % of it. | " +
			"Plain TCP would come near to 2.00 Mbit/s, 20.0 %.",
	);
	assert.match(
		said({ share: 0.2, bottleneck: "g downlink", fair_share: 0.2 }),
		/^critical .* 20.0 % of that. \| Each/,
	);
});

test("a slow receiver is told from a slow way and from a rate", () => {
	assert.match(
		said({ sent_bps: 4 * M, receiver_begin_bytes: 1000, receiver_end_bytes: 900_000, sender_end_bytes: 5 }),
		/g is slow \| What receives it on g .* 900 kB wait there, 1.00 kB an interval before/,
	);
	assert.match(said({ sent_bps: 4 * M, sender_end_bytes: 70_000 }), /the way \| 70.0 kB wait on f/);
	assert.match(said({ sent_bps: 4 * M, in_force_bps: 4 * M }), /its rate \| f holds it to 4.00 Mbit\/s/);
	assert.match(said({ share: 0.5 }), /its cap .* 50.0 % of the 10.0 Mbit\/s/);
});

test("where nothing holds it, that is said", () => {
	assert.match(said({}), /^good \| nothing \| Nothing holds it back/);
	assert.match(said({ sent_bps: M, offered_bps: M }), /^good \| nothing \| It sends less/);
	assert.match(said({ demand_bps: 0 }), /^quiet \| idle/);
	assert.match(said({ share: null }), /^quiet \| not known/);
});

test("channels that are served alike keep their places", () => {
	const names = (shares: [string, number | null][]): string =>
		inOrder(shares.map(([name, share]) => channel({ channel: name, share })))
			.map((one) => one.channel)
			.join(" ");
	assert.equal(
		names([
			["c", 1],
			["b", 0.05000001],
			["a", 0.05],
			["d", null],
		]),
		"a b c d",
	);
	assert.equal(
		names([
			["b", 0.05],
			["a", 0.05000001],
			["c", 0.04],
		]),
		"c a b",
	);
});

test("a link's utilisation is of its capacity, if that is known", () => {
	const [link] = LINKS as [Link];
	assert.equal(utilisation(link), 0.95);
	assert.equal(utilisation({ ...link, capacity_bps: null }), null);
	assert.equal(utilisation({ ...link, capacity_bps: 0 }), null);
});
