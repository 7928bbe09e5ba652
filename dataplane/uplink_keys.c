// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/uplink_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/endpoint.h"

int uplink_keys_read(struct uplink_keys *out, const struct uplink_key_files *files, const char *controller,
	const char *node, char *error) {
	struct key key;
	*out = (struct uplink_keys){.controller = ""};
	if (files->key == NULL && files->controller_key == NULL && endpoint_is_local(controller))
		return 0;
	if (files->key == NULL || files->controller_key == NULL) {
		snprintf(error, KEY_FILE_ERROR_SIZE,
			"controller: \"%.200s\": %s: expected both key (the node's secret file) and controller_key "
			"(the "
			"controller's public file)",
			controller,
			endpoint_is_local(controller) ? "one of two keys" : "beyond loopback keys are required");
		return -EACCES;
	}
	int ret = key_file_read_secret(files->key, &out->own, error);
	if (ret == 0)
		ret = key_file_read_public(files->controller_key, &key, error);
	if (ret != 0)
		return ret;
	strcpy(out->controller, key.public);
	if (strcmp(out->own.name, node) == 0)
		return 0;
	snprintf(error, KEY_FILE_ERROR_SIZE, "key: %s is of \"%s\"; expected the key of this node, \"%s\"", files->key,
		out->own.name, node);
	return -EACCES;
}
