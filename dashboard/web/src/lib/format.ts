// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Figures as text: every one with its unit, three significant digits, and a dash for what is not known. Number and
// unit are kept on one line by a no-break space.

export type Maybe<T> = T | null | undefined;

export const UNKNOWN = "–";
const NBSP = "\u00a0";

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** Three significant digits without an exponent: 8.85, 88.7, 887. They keep their zeros, so that they don't jump. */
function digits(value: number): string {
	const size = Math.abs(value);
	if (size === 0) return "0";
	return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** As on an axis, whose figures are round: "50.0 Mbit/s" is "50 Mbit/s". */
export function round(text: string): string {
	return text.replace(/(\d)\.0+(?!\d)/, "$1").replace(/(\.\d*[1-9])0+(?!\d)/, "$1");
}

/** A quantity with an SI prefix: si(88_700_000, "bit/s") is "88.7 Mbit/s". */
export function si(value: Maybe<number>, unit = ""): string {
	if (value == null || !Number.isFinite(value)) return UNKNOWN;
	let scaled = value;
	let prefix = 0;
	// 999.6 would be rounded to 1000.
	while (Math.abs(scaled) >= 999.5 && prefix < PREFIXES.length - 1) {
		scaled /= 1000;
		prefix++;
	}
	if (prefix === 0 && scaled !== 0 && Math.abs(scaled) < 0.01) return `<${NBSP}0.01${unit && NBSP + unit}`;
	const tail = `${PREFIXES[prefix]}${unit}`;
	const whole = prefix === 0 && Number.isInteger(scaled);
	return (whole ? String(scaled) : digits(scaled)) + (tail && NBSP + tail);
}

/** A quantity's figure, and what follows it: "88.7", "Mbit/s"; "< 0.01", "%"; "2", "h 5 min". */
export function figureAndUnit(text: string): [string, string] {
	const words = text.replace(/^<\u00a0/, "< ").split(NBSP);
	return [words[0] ?? "", words.slice(1).join(" ")];
}

export const bits = (value: Maybe<number>): string => si(value, "bit/s");
export const bytes = (value: Maybe<number>): string => si(value, "B");
export const packets = (value: Maybe<number>): string => si(value, "pps");
export const perSecond = (value: Maybe<number>): string => si(value, "/s");

/** A whole number, exact: "1,234,567". */
export function count(value: Maybe<number>): string {
	return value == null ? UNKNOWN : Math.round(value).toLocaleString("en-US");
}

/** A share of 1 in percent: "0.42 %". */
export function share(value: Maybe<number>): string {
	if (value == null || !Number.isFinite(value)) return UNKNOWN;
	const percent = value * 100;
	if (percent !== 0 && Math.abs(percent) < 0.01) return `<${NBSP}0.01${NBSP}%`;
	return `${digits(percent)}${NBSP}%`;
}

/** A short time, such as a round trip: "1.24 ms". */
export function latency(ns: Maybe<number>): string {
	if (ns == null || !Number.isFinite(ns)) return UNKNOWN;
	const units: [number, string][] = [
		[1e9, "s"],
		[1e6, "ms"],
		[1e3, "µs"],
	];
	const [size, unit] = units.find(([least]) => Math.abs(ns) >= least * 0.9995) ?? [1, "ns"];
	return `${digits(ns / size)}${NBSP}${unit}`;
}

/** How long something lasts, its two greatest units: "2 h 5 min". */
export function duration(ns: Maybe<number>): string {
	if (ns == null || !Number.isFinite(ns)) return UNKNOWN;
	const seconds = ns / 1e9;
	if (seconds < 10) return round(`${seconds.toFixed(1)}${NBSP}s`);
	const parts: [number, string][] = [
		[86400, "d"],
		[3600, "h"],
		[60, "min"],
		[1, "s"],
	];
	let left = Math.floor(seconds);
	const words: string[] = [];
	for (const [size, unit] of parts) {
		const n = Math.floor(left / size);
		left -= n * size;
		if (n > 0) words.push(`${n}${NBSP}${unit}`);
		else if (words.length > 0) break;
		if (words.length === 2) break;
	}
	return words.join(" ");
}

/** What a node's clock shows against the controller's; not known means that there is nothing to tell: "as here". */
export function clockOffset(ns: Maybe<number>): string {
	if (ns == null) return "as here";
	return `${duration(Math.abs(ns))} ${ns < 0 ? "behind" : "ahead"}`;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** The time of day where the reader is: "14:03:07". */
export function clock(ms: Maybe<number>): string {
	if (ms == null) return UNKNOWN;
	const at = new Date(ms);
	return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Date and time of day, the date left out if it is that of `now_ms`: "21 Nov 14:03:07". */
export function moment(ms: Maybe<number>, now_ms = Date.now()): string {
	if (ms == null) return UNKNOWN;
	const at = new Date(ms);
	if (at.toDateString() === new Date(now_ms).toDateString()) return clock(ms);
	const month = at.toLocaleString("en-GB", { month: "short" });
	return `${at.getDate()} ${month} ${clock(ms)}`;
}

/** An endpoint as people write it: "10.0.0.1:80", "[fd77::1]:80". */
export function endpoint(ip: string, port: number): string {
	return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const SERVICES: Record<string, string> = {
	"tcp/20": "ftp-data",
	"tcp/21": "ftp",
	"tcp/22": "ssh",
	"tcp/25": "smtp",
	"tcp/53": "dns",
	"udp/53": "dns",
	"udp/67": "dhcp",
	"tcp/80": "http",
	"tcp/110": "pop3",
	"udp/123": "ntp",
	"tcp/143": "imap",
	"tcp/179": "bgp",
	"tcp/389": "ldap",
	"tcp/443": "https",
	"udp/443": "quic",
	"udp/514": "syslog",
	"tcp/853": "dns over tls",
	"tcp/993": "imaps",
	"tcp/3306": "mysql",
	"tcp/3389": "rdp",
	"tcp/5201": "iperf3",
	"udp/5353": "mdns",
	"tcp/5432": "postgresql",
	"tcp/6379": "redis",
	"tcp/8080": "http-alt",
	"tcp/9092": "kafka",
};

/** The usual name of a service, or "". */
export function service(protocol: string, port: number): string {
	return SERVICES[`${protocol}/${port}`] ?? "";
}
