// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What to do so that there are channels between nodes, and that the controller knows of them.

const STAGE = `stages:
  - {type: collect}
  - {type: lists}
  - type: bandwidth
    capacity: 1G        # of each node's uplink and downlink
  - {type: store, redis: "unix:///run/weir/redis.sock"}`;

const PIPELINE = `nodes: {edge: "tcp://10.0.0.1:5580", core: "tcp://10.0.0.2:5580"}
pipeline: example
operators:
  - {name: source,  type: port,       node: edge, interface: eth0}
  - {name: flow_id, type: flow_id,    node: edge}
  - {name: stats,   type: flow_stats, node: core}
  - {name: sink,    type: json,       node: core, path: flows.jsonl}`;

export function HowToGetChannels({ hasStage }: { hasStage: boolean }) {
	return (
		<section class="card empty">
			<header>
				<h3>
					{hasStage
						? "No node reports a channel to another node"
						: "The controller does not look at channels"}
				</h3>
			</header>
			{!hasStage && (
				<>
					<p>
						Channels between nodes, and the links that they share, are shown once the controller has a stage{" "}
						<code>bandwidth</code>. In its configuration:
					</p>
					<pre>{STAGE}</pre>
				</>
			)}
			<p>There is a channel wherever a pipeline goes from one node to another:</p>
			<pre>{PIPELINE}</pre>
			<p>
				Start <code>weir-dataplane --config FILE --node edge --controller …</code> on one host, with{" "}
				<code>--node core</code> on the other.
			</p>
		</section>
	);
}
