// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What to do so that there are channels between nodes, and that the controller knows of them.

const STAGE = `stages:
  - {type: collect}
  - {type: lists}
  # of each node's uplink and downlink
  - {type: bandwidth, capacity: 1G}
  - {type: store}`;

const PIPELINE = `nodes:
  edge: "tcp://127.0.0.1:5580"
  core: "tcp://127.0.0.1:5581"
pipeline: example
operators:
  - {name: source, node: edge,
     type: port, interface: eth0}
  - {name: flow_id, node: edge,
     type: flow_id}
  - {name: stats, node: edge,
     type: flow_stats}
  - {name: sink, node: core,
     type: json, path: flows.jsonl}`;

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
				Start <code>weir-dataplane --config FILE --node edge --controller …</code>, and another with{" "}
				<code>--node core</code>.
			</p>
		</section>
	);
}
