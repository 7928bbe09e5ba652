// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The page by keyboard alone, and at the width of a phone.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { until } from "./visit";

const VIEWS = ["overview", "traffic", "tcp", "pipeline", "nodes", "links", "alerts"];

const viewOf = (page: Page): string => /#\/(\w+)/.exec(page.url())?.[1] ?? "";

export async function checkKeys(page: Page): Promise<void> {
	for (const [i, view] of VIEWS.entries()) {
		await page.keyboard.press(String(i + 1));
		await until(`key ${i + 1}`, async () => viewOf(page) === view);
	}
	await page.keyboard.press("?");
	await page.getByRole("dialog", { name: "Keys" }).waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "detached" });

	const theme = (): Promise<string | null> => page.locator("html").getAttribute("data-theme");
	const before = await theme();
	await page.keyboard.press("t");
	assert.notEqual(await theme(), before);
	await page.keyboard.press("t");
	assert.equal(await theme(), before);

	await page.keyboard.press("1");
	await page.keyboard.press("r");
	await until("the next range", async () => page.url().includes("range=1h"));
	await page.getByRole("radio", { name: "5m" }).focus();
	await page.keyboard.press("Space");
	await until("the live range", async () => !page.url().includes("range=1h"));
}

export async function checkTables(page: Page): Promise<void> {
	await page.keyboard.press("2");
	await page.locator("tbody tr").first().waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("no such flow");
	await page.getByText(/None of \d+ matches/).waitFor();
	await page.keyboard.press("Escape");
	await page.locator("tbody tr").first().waitFor();

	const head = page.getByRole("columnheader", { name: "Source" });
	await head.getByRole("button").focus();
	await page.keyboard.press("Enter");
	assert.equal(await head.getAttribute("aria-sort"), "ascending");
	await page.keyboard.press("Enter");
	assert.equal(await head.getAttribute("aria-sort"), "descending");

	// Held, it stays although events go on coming.
	await page.keyboard.press("p");
	const held = await page.locator("tbody").textContent();
	const clock = page.locator(".pill .at");
	const time = await clock.textContent();
	await until("two more seconds", async () => (await clock.textContent()) !== time);
	assert.equal(await page.locator("tbody").textContent(), held);
	await page.keyboard.press("p");
	await until("the table goes on", async () => (await page.locator("tbody").textContent()) !== held);
}

export async function checkFocus(page: Page): Promise<void> {
	await page.reload();
	await page.locator(".tile, tbody tr").first().waitFor();
	await page.keyboard.press("Tab");
	assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
	const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
	assert.notEqual(outline, "none", "focus is to be seen");
	await page.keyboard.press("Enter");
	assert.equal(await page.evaluate(() => document.activeElement?.id), "main");

	await page.keyboard.press("4");
	const source = page.getByRole("button", { name: /^source / });
	await source.focus();
	await page.keyboard.press("Enter");
	await until("an operator chosen by key", async () => (await source.getAttribute("aria-pressed")) === "true");
}

/** Nothing sticks out sideways, and the tabs at the bottom are within reach. */
export async function checkPhone(page: Page): Promise<void> {
	for (const view of VIEWS) {
		await page.locator(`nav.views a[href^="#/${view}"]`).tap();
		await page.locator("main .card").first().waitFor();
		const over = await page.evaluate(() => (document.scrollingElement?.scrollWidth ?? 0) - innerWidth);
		assert.ok(over <= 0, `${view} sticks out by ${over} pixels`);
	}
}
