// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A visit to the page in a real browser: what went wrong is kept, whoever caused it.
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ARGUMENTS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

/** How long a visitor waits for what must come: only a failure waits in vain. */
export const PATIENCE_MS = 60000;

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1440, height: 900 } };
export const PHONE: BrowserContextOptions = {
	viewport: { width: 390, height: 844 },
	deviceScaleFactor: 2,
	hasTouch: true,
};

export interface Visit {
	page: Page;
	/** errors on the console, exceptions, requests to other origins, refused ones */
	faults: string[];
	/** while true, requests may fail: the server is held */
	forgiving: boolean;
	close: () => Promise<void>;
}

function watch(visit: Visit, origin: string): void {
	const { page, faults } = visit;
	page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
	page.on("console", (message) => {
		if (message.type() !== "error" && message.type() !== "warning") return;
		if (!visit.forgiving) faults.push(`console: ${message.text()}`);
	});
	page.on("request", (request) => {
		if (new URL(request.url()).origin !== origin) faults.push(`another origin: ${request.url()}`);
	});
	page.on("response", (response) => {
		if (response.status() >= 400 && !visit.forgiving) faults.push(`${response.status()}: ${response.url()}`);
	});
}

export async function open(url: string, options: BrowserContextOptions): Promise<Visit> {
	const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
	const context = await browser.newContext(options);
	context.setDefaultTimeout(PATIENCE_MS);
	const page = await context.newPage();
	const visit: Visit = { page, faults: [], forgiving: false, close: () => browser.close() };
	watch(visit, new URL(url).origin);
	await page.goto(url);
	return visit;
}

/** The first true value of a condition, asked again until there is one. */
export async function until<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> {
	const end = Date.now() + PATIENCE_MS;
	for (;;) {
		const value = await condition();
		if (value) return value;
		if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}
