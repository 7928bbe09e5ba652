// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Goes through the page as a person would while real traffic runs; tests/system/test_dashboard_page.py starts all that
// takes. One argument, a Task as JSON. Exit status 0: every step succeeded.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { Controller } from "./browse/controller";
import { checkFocus, checkKeys, checkPhone, checkTables } from "./browse/keys";
import { takeShots } from "./browse/shots";
import { checkNoContact, checkStale } from "./browse/trouble";
import * as views from "./browse/views";
import { DESKTOP, open, PHONE, until, type Visit } from "./browse/visit";

interface Task {
	url: string;
	/** the program and the words that go before every question */
	weirctl: string[];
	controllerPid: number;
	dashboardPid: number;
	/** made by this program when it needs no more traffic */
	enough: string;
	/** made by the other side when there is none left */
	settled: string;
	/** folder for the documents' pictures; null: none wanted */
	shots: string | null;
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
const controller = new Controller(task.weirctl);

async function step(visit: Visit, name: string, action: () => Promise<void>): Promise<void> {
	const start = Date.now();
	try {
		await action();
		assert.deepEqual(visit.faults, []);
	} catch (error) {
		await visit.page.screenshot({ path: "failed.png" }).catch(() => undefined);
		console.log(`${name}: FAILED at ${visit.page.url()}; the last sight is failed.png`);
		throw error;
	}
	console.log(`${name}: ok (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}

async function onDesktop(): Promise<void> {
	const visit = await open(task.url, { ...DESKTOP, colorScheme: "light" });
	const { page } = visit;
	const seen: [string, () => Promise<void>][] = [
		["Overview", () => views.checkOverview(page, controller)],
		["Traffic", () => views.checkTraffic(page, controller)],
		["TCP health", () => views.checkTcp(page)],
		["Pipeline", () => views.checkPipeline(page, controller)],
		["Nodes", () => views.checkNodes(page, controller)],
		["Links", () => views.checkLinks(page, controller)],
		["Alerts", () => views.checkAlerts(page, controller)],
	];
	for (const [view, check] of seen) {
		await step(visit, view, check);
		await step(visit, `${view}: accessibility`, () => views.checkAccess(page, view));
	}
	await step(visit, "tables by key", () => checkTables(page));
	await step(visit, "keys", () => checkKeys(page));
	await step(visit, "focus", () => checkFocus(page));
	await step(visit, "stale", () => checkStale(visit, task.controllerPid));
	await step(visit, "no contact", () => checkNoContact(visit, task.dashboardPid));
	writeFileSync(task.enough, "");
	await until("the end of the traffic", async () => existsSync(task.settled));
	await step(visit, "settled sums", () => views.checkSettled(page, controller));
	await visit.close();
}

async function onPhone(): Promise<void> {
	const visit = await open(task.url, { ...PHONE, colorScheme: "dark" });
	await step(visit, "phone", () => checkPhone(visit.page));
	await step(visit, "dark: accessibility", () => views.checkAccess(visit.page, "alerts, dark"));
	await visit.close();
}

await onPhone();
if (task.shots) await takeShots(task.url, task.shots);
await onDesktop();
