// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** How wide the element with this reference is, without its padding; 0 before it is there. */
export function useWidth<T extends HTMLElement>(): [RefObject<T>, number] {
	const element = useRef<T>(null);
	const [width, setWidth] = useState(0);
	useLayoutEffect(() => {
		if (!element.current) return;
		const watch = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
		watch.observe(element.current);
		return () => watch.disconnect();
	}, []);
	return [element, width];
}
