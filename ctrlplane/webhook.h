// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Webhooks: JSON posted to HTTP servers, without waiting for any. Each target has a bounded queue that is delivered in
// order, one request at a time. A delivery that fails (no answer in time, no connection, 408, 429, 5xx) is tried again
// after a pause that doubles up to a minute; any other answer but 2xx is final. Redirects are not followed, and
// certificates are verified.
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "ctrlplane/action.h"

struct webhooks;

int webhooks_new(struct webhooks **out);
// What is queued is given up to a second.
void webhooks_free(struct webhooks *webhooks);

// Make ready to have these targets, and no others; then have them, or forget about it. One whose action is the same
// goes on undisturbed, one that stays under its name keeps its queue.
//   actions  [length]; those that are no webhooks are passed over
//   return   0, -ENOMEM: nothing is prepared
int webhooks_prepare(struct webhooks *webhooks, const struct action *actions, size_t length);
void webhooks_commit(struct webhooks *webhooks);
void webhooks_abandon(struct webhooks *webhooks);
// Queue a body; a full queue refuses it, counted.
void webhooks_post(struct webhooks *webhooks, const char *name, const json_t *body);

// For the loop: a descriptor that is readable when there is something to do, and that which does it.
int webhooks_descriptor(const struct webhooks *webhooks);
void webhooks_work(struct webhooks *webhooks);
//   return  a new list, an object for each target
json_t *webhooks_status(const struct webhooks *webhooks);
