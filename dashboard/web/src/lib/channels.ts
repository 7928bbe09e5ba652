// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Why a channel between nodes is as fast as it is, in words.
import type { Link, RemoteChannel } from "../api/types";
import { bits, bytes, share } from "./format";
import { sortRows } from "./table";

export type Tone = "good" | "info" | "warning" | "critical" | "quiet";

export interface Verdict {
	tone: Tone;
	/** a word or two: what holds it */
	short: string;
	sentences: string[];
}

const WHOLE = 0.995;
/** Below this part of its demand a channel counts as slower than it may be. */
const NEARLY = 0.85;
const IDLE_BPS = 100;
/** What a channel offers that was blocked all the time is taken for twenty times what it sent. */
const BLOCKED = 19.5;

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

function heldByLink(channel: RemoteChannel, name: string, links: readonly Link[]): Verdict {
	const link = links.find((one) => one.link === name);
	const sentences = [`It wants ${bits(channel.demand_bps)} and gets ${share(channel.share)} of that.`];
	if (link) {
		const wanted = `${plural(link.channels, "channel")} ${link.channels === 1 ? "wants" : "want"}`;
		sentences.unshift(
			`The ${name} holds it: its ${wanted} ${bits(link.demand_bps)}, and its capacity is ${bits(link.capacity_bps)}.`,
		);
		if (link.price_per_mbit)
			sentences.push(`Each Mbit/s more there would serve another ${share(link.price_per_mbit)} of it.`);
	}
	if (channel.fair_share !== null && Math.abs(channel.fair_share - (channel.share ?? 0)) > 0.02)
		sentences.push(`Plain TCP would come near to ${bits(channel.fair_bps)}, ${share(channel.fair_share)}.`);
	if (channel.sent_bps && channel.offered_bps >= BLOCKED * channel.sent_bps)
		sentences.push(
			"It waits all the time, so that nobody knows what it wants: it counts as 20 times what it sends.",
		);
	return { tone: (channel.share ?? 1) < 0.5 ? "critical" : "warning", short: name, sentences };
}

function heldByReceiver(channel: RemoteChannel): Verdict {
	const { to_node, receiver_begin_bytes, receiver_end_bytes } = channel;
	return {
		tone: "warning",
		short: `${to_node} is slow`,
		sentences: [
			`What receives it on ${to_node} is slower than what comes: ${bytes(receiver_end_bytes)} wait there, ` +
				`${bytes(receiver_begin_bytes)} an interval before.`,
			"More bandwidth would not help; more instances of that operator might.",
		],
	};
}

/** It may send what it wants by the allocation, and still sends less. */
function heldOtherwise(channel: RemoteChannel, sent_bps: number): Verdict {
	const { from_node, in_force_bps, sender_end_bytes } = channel;
	if (in_force_bps !== null && sent_bps >= NEARLY * in_force_bps)
		return {
			tone: "warning",
			short: "its rate",
			sentences: [`${from_node} holds it to ${bits(in_force_bps)}: the rate of its stream, or one told before.`],
		};
	if ((channel.receiver_end_bytes ?? 0) > sender_end_bytes) return heldByReceiver(channel);
	if (sender_end_bytes > 0 && sent_bps < NEARLY * channel.offered_bps)
		return {
			tone: "warning",
			short: "the way",
			sentences: [
				`${bytes(sender_end_bytes)} wait on ${from_node}, though no link that is known here is full.`,
				"A link carries less than its capacity here says, other traffic takes it, or one of the nodes is busy.",
			],
		};
	return {
		tone: "good",
		short: "nothing",
		sentences: ["It sends less than it did lately, because less is handed to it. Nothing holds it back."],
	};
}

export function verdictOf(channel: RemoteChannel, links: readonly Link[]): Verdict {
	const { share: served, demand_bps, sent_bps, bottleneck } = channel;
	if (served === null || demand_bps === null)
		return { tone: "quiet", short: "not known", sentences: ["No rate was worked out for it yet."] };
	if (demand_bps < IDLE_BPS)
		return { tone: "quiet", short: "idle", sentences: ["Nothing is handed to it: it is idle."] };
	if (served < WHOLE && bottleneck) return heldByLink(channel, bottleneck, links);
	if (served < WHOLE)
		return {
			tone: "warning",
			short: "its cap",
			sentences: [`No link holds it: its cap keeps it to ${share(served)} of the ${bits(demand_bps)} it wants.`],
		};
	if (sent_bps !== null && sent_bps < NEARLY * demand_bps) return heldOtherwise(channel, sent_bps);
	return {
		tone: "good",
		short: "nothing",
		sentences: [`Nothing holds it back: it sends all of the ${bits(demand_bps)} that it wants.`],
	};
}

const ROUNDED = 1e4;

/** What channels are ordered by: shares that are the same but for rounding are equal, so that rows don't swap. */
export const rankOf = ({ share: served }: RemoteChannel): number | null =>
	served === null ? null : Math.round(served * ROUNDED);

/** The worst served first, and by name. */
export function inOrder(channels: readonly RemoteChannel[]): RemoteChannel[] {
	return sortRows(
		sortRows(channels, (one) => one.channel, false),
		rankOf,
		false,
	);
}

/** How much of a link is used; null: its capacity is not known, or there is none. */
export function utilisation(link: Link): number | null {
	if (link.capacity_bps === null || link.sent_bps === null) return null;
	return link.capacity_bps > 0 ? link.sent_bps / link.capacity_bps : null;
}
