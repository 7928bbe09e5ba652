// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Every view with real traffic: does it show what the controller knows?
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Controller } from "./controller";
import { until } from "./visit";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A figure as the page writes it: "1,234,567 in all" is 1234567. */
export function number(text: string | null): number {
	return Number((text ?? "").replace(/[^0-9.]/g, ""));
}

export async function go(page: Page, view: string): Promise<void> {
	await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: view }).click();
	await page.getByRole("heading", { level: 1, name: view }).waitFor({ state: "attached" });
}

function tile(page: Page, name: string): ReturnType<Page["locator"]> {
	return page.locator(".tile").filter({ has: page.locator(".name", { hasText: name }) });
}

/** Rules of WCAG 2.1 A and AA that a program can check, contrast included. */
export async function checkAccess(page: Page, view: string): Promise<void> {
	await page.evaluate(axeSource);
	const found = await page.evaluate(async () => {
		const { axe } = globalThis as unknown as {
			axe: { run: (options: object) => Promise<{ violations: object[] }> };
		};
		const result = await axe.run({
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
			// Experimental, and glues the texts of an SVG together before it compares them.
			rules: { "label-content-name-mismatch": { enabled: false } },
		});
		return (result.violations as { id: string; nodes: { html: string; failureSummary: string }[] }[]).map(
			({ id, nodes }) => `${id}: ${nodes[0]?.html} (${nodes[0]?.failureSummary})`,
		);
	});
	assert.deepEqual(found, [], `accessibility of ${view}`);
}

/** The page's sum is one that the controller had between two questions, while traffic runs. */
export async function checkOverview(page: Page, controller: Controller): Promise<void> {
	await go(page, "Overview");
	const more = tile(page, "Packets").locator(".more");
	const before = controller.status().totals.packets;
	const shown = await until("the packets of the overview", async () => {
		const packets = number(await more.textContent());
		return packets >= before && packets;
	});
	assert.ok(shown <= controller.status().totals.packets, "the page has no packets that the controller has not");
	await page.locator(".chart canvas").nth(3).waitFor();
	await page.locator("aside").getByRole("link", { name: "demo" }).waitFor();
}

export async function checkTraffic(page: Page, controller: Controller): Promise<void> {
	await go(page, "Traffic");
	await page.locator("tbody tr").first().waitFor();
	const named = (entry: Record<string, unknown>): string =>
		[entry.protocol, entry.src_ip, entry.src_port, entry.dst_ip, entry.dst_port].join(" ");
	await until("the flows of the controller", async () => {
		const known = controller.ask<{ entries: Record<string, unknown>[] }>("top", "flows").entries.map(named);
		const rows = await page.locator("tbody tr").allTextContents();
		const first = known[0]?.split(" ") ?? [];
		return rows.some((row) => first.every((word) => row.includes(word)));
	});
	for (const [tab, list] of [
		["Hosts", "hosts"],
		["Services", "ports"],
		["Prefixes", "prefixes"],
	] as const) {
		await page.getByRole("link", { name: tab, exact: true }).click();
		const entry = controller.ask<{ entries: { ip?: string; port?: number; prefix?: string }[] }>("top", list)
			.entries[0];
		const name = entry?.ip ?? entry?.prefix ?? `/${entry?.port}`;
		await page.locator("tbody tr", { hasText: name }).first().waitFor();
	}
}

export async function checkTcp(page: Page): Promise<void> {
	await go(page, "TCP health");
	const rtt = tile(page, "Median round trip").locator(".value");
	await until("a round-trip time", async () => number(await rtt.textContent()) > 0);
	await page.locator(".histogram rect").first().waitFor();
	await page.locator("tbody tr").first().waitFor();
}

/** Drops and losses grow while traffic runs: each figure lies between two answers of the controller. */
export async function checkPipeline(page: Page, controller: Controller): Promise<void> {
	await go(page, "Pipeline");
	const [node] = controller.operators().nodes;
	assert.ok(node && node.operators.length > 0);
	for (const { operator } of node.operators)
		await page.locator(`.operator .name`, { hasText: operator }).first().waitFor();
	await page.locator(".operator", { hasText: "source" }).click();
	const rows = page.getByRole("region", { name: "Instances" }).locator("tbody tr");
	const sources = node.operators.filter(({ operator }) => operator === "source");
	await until("the instances of source alone", async () => (await rows.count()) === sources.length);
	const least = sources.reduce((sum, one) => sum + one.lost_outside, 0);
	await until("what was lost outside", async () => {
		const cells = await rows.locator("td:nth-child(11)").allTextContents();
		return cells.map(number).reduce((a, b) => a + b, 0) >= least;
	});
	await page.getByRole("button", { name: "show all" }).click();
	await until("all instances", async () => (await rows.count()) === node.operators.length);
}

export async function checkNodes(page: Page, controller: Controller): Promise<void> {
	await go(page, "Nodes");
	const [node] = controller.status().nodes;
	assert.ok(node);
	const row = page.getByRole("region", { name: "Nodes" }).locator("tbody tr", { hasText: node.name }).first();
	// A busy machine may miss heartbeats: asked again, both are of one mind.
	await until("the node's state", async () => {
		const state = controller.status().nodes[0]?.state ?? "";
		return (await row.locator(".badge").textContent())?.includes(state);
	});
	await page.getByRole("region", { name: "Nodes" }).getByRole("link", { name: node.name }).click();
	await page.getByText(node.host, { exact: true }).waitFor();
	await page.locator(".chart canvas").first().waitFor();
}

export async function checkAlerts(page: Page, controller: Controller): Promise<void> {
	await go(page, "Alerts");
	const alert = await until("an alert of the controller's", async () => {
		type Answer = { active: Alert[]; history: { alert: Alert }[] };
		type Alert = { rule: string; subject: string };
		const { active, history } = controller.ask<Answer>("alerts", "--all");
		return active[0] ?? history[0]?.alert;
	});
	await page.getByRole("region", { name: "Alerts" }).locator("tr", { hasText: alert.rule }).first().waitFor();
	await page.locator("tr", { hasText: alert.subject }).first().waitFor();
}

interface Channel {
	channel: string;
	bottleneck: string | null;
	share: number;
}

/** The controller's channels, the worst served first, and in words what holds it and one that nothing holds. */
export async function checkLinks(page: Page, controller: Controller): Promise<void> {
	await go(page, "Links");
	const why = page.getByRole("region", { name: "Why" });
	const rows = page.getByRole("region", { name: "Channels" }).locator("tbody tr");
	const channels = await until("a channel that a link holds", async () => {
		const { channels: all } = controller.ask<{ channels: Channel[] }>("channels");
		return all[0]?.bottleneck && all.some(({ share }) => share > 0.999) ? all : undefined;
	});
	const [worst] = channels as [Channel];
	assert.ok(worst.bottleneck === "warehouse downlink");
	for (const { channel } of channels) await rows.filter({ hasText: channel }).waitFor();
	await why.getByText("The warehouse downlink holds it: its 2 channels want").waitFor();
	const link = page.getByRole("region", { name: "Links" }).locator("tbody tr", { hasText: worst.bottleneck });
	await link.getByText("2.00 Mbit/s", { exact: true }).first().waitFor();
	await until("what the link carries", async () => number(await link.locator("td").nth(1).textContent()) > 50);
	const free = channels.find(({ share }) => share > 0.999) as Channel;
	await page.getByRole("link", { name: free.channel }).focus();
	await page.keyboard.press("Enter");
	await why.getByText(free.channel).first().waitFor();
	await why.getByText("Nothing holds it back").waitFor();
	await page.getByRole("region", { name: "Latency" }).locator("tbody tr").first().waitFor();
}

/** With no traffic left, every sum is exactly the controller's. */
export async function checkSettled(page: Page, controller: Controller): Promise<void> {
	await go(page, "Overview");
	await until("the controller's sums", async () => {
		const { totals, nodes } = controller.status();
		const dropped = nodes.reduce((sum, node) => sum + node.dropped, 0);
		const lost = nodes.reduce((sum, node) => sum + node.lost_outside, 0);
		const shown = [
			number(await tile(page, "Packets").locator(".more").textContent()),
			number(await tile(page, "New flows").locator(".more").textContent()),
			...((await tile(page, "Dropped").locator(".more").textContent()) ?? "").split(";").map(number),
		];
		return shown.join() === [totals.packets, totals.flows_started, dropped, lost].join();
	});
}
