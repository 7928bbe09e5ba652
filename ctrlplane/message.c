// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/message.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

Weir__Message *message_unpack(const void *data, size_t size) {
	return size <= MESSAGE_SIZE_MAX ? weir__message__unpack(NULL, size, data) : NULL;
}

int message_send(void *socket, const struct identity *to, const Weir__Message *message) {
	size_t size = weir__message__get_packed_size(message);
	uint8_t *packed = malloc(size + 1);
	if (packed == NULL)
		return -ENOMEM;
	weir__message__pack(message, packed);
	int err = 0;
	if (to != NULL && zmq_send(socket, to->bytes, to->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		err = -zmq_errno();
	else if (zmq_send(socket, packed, size, ZMQ_DONTWAIT) < 0)
		err = -zmq_errno();
	free(packed);
	return err;
}

int message_send_error(void *socket, const struct identity *to, Weir__ErrorCode code, const char *text) {
	Weir__Error error = WEIR__ERROR__INIT;
	error.code = code;
	error.text = (char *)text;
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_ERROR;
	message.error = &error;
	return message_send(socket, to, &message);
}
