// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keys of links. Each node has a pair, as for ZeroMQ's CURVE, and the public keys of the others: of its own secret and
// another's public key it makes what only those two can know (X25519), which TLS takes as a pre-shared key
// (link_tls.h). It holds for one direction of opening, so that what a node says can't be played back to it.
#pragma once

struct link_switch;

// Read the files, and set the secret of each link whose node is on the list.
//   key      the node's secret file, whose name is the node's
//   allowed  a folder of public files, or one file of several
//   return   0 or a negative errno, after a message
int link_keys_read(struct link_switch *links, const char *key, const char *allowed);
