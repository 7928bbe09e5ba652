// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the controller says at the same time: the other opinion on every figure.
import { execFileSync } from "node:child_process";

export interface Totals {
	packets: number;
	bytes: number;
	flows_started: number;
}

export interface ControllerNode {
	name: string;
	state: string;
	host: string;
	dropped: number;
	lost_outside: number;
	totals: Totals;
}

export interface ControllerOperator {
	operator: string;
	index: number;
	worker: number;
	dropped: number;
	lost_outside: number;
}

export class Controller {
	constructor(readonly command: string[]) {}

	ask<T>(...words: string[]): T {
		const [program = "", ...leading] = this.command;
		return JSON.parse(
			execFileSync(program, [...leading, "--timeout", "30", ...words, "--json"], { encoding: "utf8" }),
		) as T;
	}

	status(): { totals: Totals; nodes: ControllerNode[]; alerts_active: number } {
		return this.ask("status");
	}

	operators(): { nodes: { name: string; operators: ControllerOperator[] }[] } {
		return this.ask("operators");
	}
}
