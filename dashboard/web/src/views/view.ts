// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import type { Range } from "../lib/range";
import type { Route } from "../lib/route";

/** What every view is given. */
export interface ViewProps {
	range: Range;
	route: Route;
	/** live figures stand still, so that they can be read */
	held: boolean;
}
