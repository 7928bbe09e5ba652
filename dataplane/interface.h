// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What Linux says about a network interface: for messages, and for devices that capture through the kernel. No EAL.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/packet.h"

// Whether weir can capture on an interface, and how its frames begin.
//   error   [size] filled on failure, with what exists or what is allowed
//   return  0; -ENODEV: no such interface; -EPERM: not allowed to capture; -EINVAL: of a kind that weir does not read
int interface_check(const char *name, enum packet_link *link, char *error, size_t size);

// Names of all interfaces: `lo, eth0`.
void interface_list(char *text, size_t size);

// Whether the interface is up; false where it is gone.
bool interface_is_up(const char *name);

// Offloads that make captured frames differ from those on the wire, those that are on: `tso, gro`.
//   return  characters written, 0 where there are none or the interface does not tell
size_t interface_offloads(const char *name, char *text, size_t size);

// The descriptor of a packet socket of this process that is bound to the interface: readable when packets wait. A DPDK
// device that captures through the kernel has one, but no way to tell it.
//   return  a descriptor, which stays the device's; 0: none found
int interface_capture_fd(const char *name);
