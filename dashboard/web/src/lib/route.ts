// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where in the page one is, as its address says: #/VIEW/PART/…?NAME=VALUE. A link leads back to the same sight.
import { useEffect, useState } from "preact/hooks";

export interface Route {
	view: string;
	/** what follows the view: a list, a node */
	parts: string[];
	params: URLSearchParams;
}

export function parseRoute(hash: string): Route {
	const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
	const [view = "", ...parts] = path.split("/").map(decodePart);
	return { view: view || "overview", parts, params: new URLSearchParams(query) };
}

function decodePart(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export function formatRoute(view: string, parts: readonly string[], params: URLSearchParams): string {
	const path = [view, ...parts].map(encodeURIComponent).join("/");
	const query = params.toString();
	return `#/${path}${query && `?${query}`}`;
}

/** The address of another view; what holds for all of them, the range of time, goes along. */
export function linkTo(route: Route, view: string, ...parts: string[]): string {
	const params = new URLSearchParams();
	const range = route.params.get("range");
	if (range) params.set("range", range);
	return formatRoute(view, parts, params);
}

/** Change one parameter of the address, without a new entry in the browser's history. */
export function setParam(name: string, value: string | null): void {
	const { view, parts, params } = parseRoute(location.hash);
	if (value) params.set(name, value);
	else params.delete(name);
	history.replaceState(null, "", formatRoute(view, parts, params));
	dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
	const [hash, setHash] = useState(location.hash);
	useEffect(() => {
		const update = (): void => setHash(location.hash);
		addEventListener("hashchange", update);
		return () => removeEventListener("hashchange", update);
	}, []);
	return parseRoute(hash);
}
