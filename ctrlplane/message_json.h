// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any message of weir.proto as JSON, by its descriptor, so that what is added to the file is there by itself. Members
// have the names of the fields; addresses are texts, sketches of endpoints their estimate, histograms of times
// {"count","p50_ns","p95_ns","p99_ns"}; fields that are not set are left out, numbers that are zero are not.
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

//   return  a new object
json_t *message_to_json(const ProtobufCMessage *message);
