// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `vite build` makes the page; `vite build --ssr` of the tests' entry bundles them for node's own test runner;
// `vite` serves the page for whoever works on it, with the data of a weir-dashboard at $WEIR_DASHBOARD.
import { defineConfig } from "vite";

export default defineConfig({
	base: "./",
	esbuild: { jsx: "automatic", jsxImportSource: "preact" },
	build: {
		target: "es2022",
		// An inlined file would be a data: address, which the page's policy refuses.
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		emptyOutDir: true,
	},
	server: { proxy: { "/api": process.env.WEIR_DASHBOARD ?? "http://127.0.0.1:8080" } },
});
