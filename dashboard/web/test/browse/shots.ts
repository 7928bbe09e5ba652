// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The pictures of the documents: desktop and phone, light and dark.
import { join } from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { DESKTOP, open, PHONE } from "./visit";

type Shot = [file: string, view: string, size: BrowserContextOptions, scheme: "light" | "dark", ready: string];

const SHOTS: Shot[] = [
	["overview", "overview", DESKTOP, "light", ".chart canvas"],
	["overview-dark", "overview", DESKTOP, "dark", ".chart canvas"],
	["traffic", "traffic", DESKTOP, "light", "tbody tr"],
	["tcp", "tcp", DESKTOP, "light", ".histogram rect"],
	["pipeline-dark", "pipeline", DESKTOP, "dark", ".operator"],
	["nodes", "nodes", DESKTOP, "light", "tbody tr"],
	["links", "links", DESKTOP, "light", "tbody tr"],
	["links-dark", "links", DESKTOP, "dark", "tbody tr"],
	["alerts", "alerts", DESKTOP, "light", "tbody tr"],
	["phone-overview", "overview", PHONE, "light", ".chart canvas"],
	["phone-pipeline", "pipeline", PHONE, "light", ".operator"],
	["phone-links", "links", PHONE, "light", "tbody tr"],
	["phone-traffic-dark", "traffic", PHONE, "dark", "tbody tr"],
];

export async function takeShots(url: string, folder: string): Promise<void> {
	for (const [file, view, size, scheme, ready] of SHOTS) {
		const visit = await open(`${url}#/${view}`, { ...size, colorScheme: scheme });
		await visit.page.locator(ready).first().waitFor();
		// The rates of the graph are there from the second event on.
		const clock = visit.page.locator(".pill .at");
		const time = await clock.textContent();
		await visit.page.waitForFunction((old) => document.querySelector(".pill .at")?.textContent !== old, time);
		await visit.page.screenshot({ path: join(folder, `dashboard-${file}.png`) });
		await visit.close();
	}
}
