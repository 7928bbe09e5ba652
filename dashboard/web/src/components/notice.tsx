// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What stands where figures would: still loading, nothing there, or why it failed.
import type { ComponentChildren } from "preact";

interface Props {
	children?: ComponentChildren;
}

export function Loading() {
	return (
		<div class="notice loading" role="status">
			<span class="visually-hidden">Loading</span>
			<i />
			<i />
			<i />
		</div>
	);
}

export function Empty({ children }: Props) {
	return <div class="notice">{children}</div>;
}

export function Failed({ children }: Props) {
	return (
		<div class="notice failed" role="status">
			{children}
		</div>
	);
}

/** One of the three for an answer that has no data. */
export function Missing({ error, children }: { error: string | undefined } & Props) {
	if (error) return <Failed>{error}</Failed>;
	return children ? <Empty>{children}</Empty> : <Loading />;
}
