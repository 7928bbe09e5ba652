#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
#
# test.sh PROGRAM FOLDER: run the pipeline with the plug-in of that folder, compare its records with those expected.
set -eu
WEIR_PLUGIN_DIR=$2 "$1" --config ttl_watch.yaml --set source.path=ttl_watch.pcap >"$2/records.jsonl"
sort "$2/records.jsonl" | diff -u ttl_watch.expect -
