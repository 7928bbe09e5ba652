// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands of the controller to nodes.
#pragma once

// A controller has no more under way at a time, and a node remembers the answers to at least as many.
enum { COMMANDS_UNDER_WAY_MAX = 256 };
