// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./lib/theme";
import "./style/colours.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/cards.css";
import "./style/charts.css";
import "./style/controls.css";
import "./style/graph.css";
import "./style/lists.css";
import "./style/tables.css";
import "./style/phone.css";

applyTheme();
const place = document.getElementById("app");
if (place) render(<App />, place);
