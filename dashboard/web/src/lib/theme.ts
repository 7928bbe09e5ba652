// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Light or dark: what the system prefers, until the reader chooses.
import { useEffect, useState } from "preact/hooks";

export type Theme = "light" | "dark";

const KEY = "weir-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
	const theme = localStorage.getItem(KEY);
	return theme === "light" || theme === "dark" ? theme : null;
}

export function currentTheme(): Theme {
	return chosen() ?? (system.matches ? "dark" : "light");
}

export function applyTheme(): void {
	document.documentElement.dataset.theme = currentTheme();
	dispatchEvent(new Event("themechange"));
}

/** Change sides. The choice is forgotten when it is the system's again. */
export function toggleTheme(): void {
	const other: Theme = currentTheme() === "dark" ? "light" : "dark";
	if (other === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
	else localStorage.setItem(KEY, other);
	applyTheme();
}

system.addEventListener("change", applyTheme);

export function useTheme(): Theme {
	const [theme, setTheme] = useState(currentTheme());
	useEffect(() => {
		const update = (): void => setTheme(currentTheme());
		addEventListener("themechange", update);
		return () => removeEventListener("themechange", update);
	}, []);
	return theme;
}
