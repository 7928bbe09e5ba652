// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Does the page say so when its figures are not of now? Its server and the controller are held by signals.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { until, type Visit } from "./visit";

const pill = (page: Page): ReturnType<Page["locator"]> => page.locator(".pill");

async function held(pid: number, during: () => Promise<void>): Promise<void> {
	process.kill(pid, "SIGSTOP");
	try {
		await during();
	} finally {
		process.kill(pid, "SIGCONT");
	}
}

export async function checkStale({ page }: Visit, controllerPid: number): Promise<void> {
	await page.keyboard.press("1");
	await held(controllerPid, async () => {
		await pill(page).filter({ hasText: "stale since" }).waitFor();
		await page.getByRole("alert").filter({ hasText: "nothing has come since" }).waitFor();
	});
	await pill(page).filter({ hasText: "live" }).waitFor();
	assert.equal(await page.getByRole("alert").count(), 0);
	// What was not stored meanwhile is drawn and named as not known.
	await page.locator(".gaps").first().waitFor();
}

export async function checkNoContact(visit: Visit, dashboardPid: number): Promise<void> {
	const { page } = visit;
	visit.forgiving = true;
	await held(dashboardPid, async () => {
		await pill(page).filter({ hasText: "no contact since" }).waitFor();
	});
	await pill(page).filter({ hasText: "live" }).waitFor();
	const clock = page.locator(".pill .at");
	const time = await clock.textContent();
	await until("events again", async () => (await clock.textContent()) !== time);
	visit.forgiving = false;
}
