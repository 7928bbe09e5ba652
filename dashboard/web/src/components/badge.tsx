// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A state or a severity: a word with a sign of its own shape, so that colour alone never carries it.

type Tone = "good" | "info" | "warning" | "critical" | "quiet";

const SIGNS: Record<Tone, string> = { good: "●", info: "◆", warning: "▲", critical: "■", quiet: "○" };

export function Badge({ tone, children }: { tone: Tone; children: string }) {
	return (
		<span class={`badge ${tone}`}>
			<span aria-hidden="true">{SIGNS[tone]}</span> {children}
		</span>
	);
}

const NODE_TONES: Record<string, Tone> = { up: "good", lost: "critical", ended: "quiet" };

export function NodeBadge({ state }: { state: string }) {
	return <Badge tone={NODE_TONES[state] ?? "quiet"}>{state}</Badge>;
}

export function severityTone(severity: string): Tone {
	if (severity === "critical" || severity === "warning" || severity === "info") return severity;
	return "info";
}

export function SeverityBadge({ severity }: { severity: string }) {
	return <Badge tone={severityTone(severity)}>{severity}</Badge>;
}
