// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Questions to weir-dashboard, relative to where the page came from.

export class ApiError extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

/** What the JSON of a refused request says, or else its status. */
async function reasonOf(response: Response): Promise<string> {
	try {
		const body: unknown = await response.json();
		if (typeof body === "object" && body !== null && "error" in body) return String(body.error);
	} catch {
		// not JSON: an intermediary answered
	}
	return `the dashboard answered ${response.status}`;
}

/** The JSON of api/v1/PATH. Who is not logged in (any more) is sent to the form. */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
	let response: Response;
	try {
		response = await fetch(`api/v1/${path}`, { signal: signal ?? null, cache: "no-store" });
	} catch (error) {
		if (signal?.aborted) throw error;
		throw new ApiError(0, "the dashboard does not answer");
	}
	if (response.status === 401) location.assign("login");
	if (!response.ok) throw new ApiError(response.status, await reasonOf(response));
	return (await response.json()) as T;
}
