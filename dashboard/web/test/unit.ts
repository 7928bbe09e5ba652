// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// All unit tests of the page, for node's own test runner: scripts/build-page test.
import "./alerts.test";
import "./channels.test";
import "./format.test";
import "./health.test";
import "./histogram.test";
import "./layout.test";
import "./range.test";
import "./series.test";
import "./table.test";
