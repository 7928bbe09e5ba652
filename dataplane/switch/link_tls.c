// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/link_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dataplane/switch/link.h"
#include "dataplane/text.h"

enum {
	READ_AHEAD = 256 << 10,
	HANDSHAKE_RECORD = 22,   // what a connection begins with
	RECORDS_OF_KEY = 1 << 22 // then a new one: AES-GCM allows 2^24.5 (RFC 8446 section 5.5)
};

// The hash of a pre-shared key is that of both suites.
static const unsigned char suite[] = {0x13, 0x01};

static SSL_SESSION *session_of(SSL *tls, const struct link *link) {
	const SSL_CIPHER *cipher = SSL_CIPHER_find(tls, suite);
	SSL_SESSION *session = SSL_SESSION_new();
	if (session != NULL && cipher != NULL &&
		SSL_SESSION_set1_master_key(session, link->secret, sizeof(link->secret)) > 0 &&
		SSL_SESSION_set_cipher(session, cipher) > 0 &&
		SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) > 0)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static int offer(SSL *tls, const EVP_MD *hash, const unsigned char **identity, size_t *size, SSL_SESSION **session) {
	const struct connection *connection = SSL_get_app_data(tls);
	*identity = (const unsigned char *)connection->owner->node;
	*size = strlen(connection->owner->node);
	*session = hash != NULL && !EVP_MD_is_a(hash, "SHA256") ? NULL : session_of(tls, connection->link);
	return *session != NULL;
}

// Who comes names itself. Whether it is that node shows next: what it says is bound to the secret.
static int find(SSL *tls, const unsigned char *identity, size_t size, SSL_SESSION **session) {
	struct connection *connection = SSL_get_app_data(tls);
	*session = NULL;
	connection->peer = NULL;
	for (unsigned i = 0; i < connection->owner->link_count; i++) {
		struct link *link = &connection->owner->links[i];
		if (size != strlen(link->node.name) || memcmp(identity, link->node.name, size) != 0)
			continue;
		if (link->connects || !link->has_secret)
			continue;
		connection->peer = link;
		*session = session_of(tls, link);
		return *session != NULL;
	}
	return 1;
}

int link_tls_new(SSL_CTX **out) {
	*out = SSL_CTX_new(TLS_method());
	if (*out == NULL || SSL_CTX_set_min_proto_version(*out, TLS1_3_VERSION) <= 0 ||
		SSL_CTX_set_ciphersuites(*out, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") <= 0 ||
		SSL_CTX_set1_groups_list(*out, "X25519") <= 0 || SSL_CTX_set_num_tickets(*out, 0) <= 0) {
		const char *reason = ERR_reason_error_string(ERR_peek_error());
		fprintf(stderr, "weir-dataplane: links: no TLS 1.3 with X25519 from OpenSSL: %s\n",
			reason != NULL ? reason : "out of memory");
		return -EINVAL;
	}
	SSL_CTX_set_session_cache_mode(*out, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(*out, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(*out, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(*out, 1);
	SSL_CTX_set_default_read_buffer_len(*out, READ_AHEAD);
	SSL_CTX_set_psk_use_session_callback(*out, offer);
	SSL_CTX_set_psk_find_session_callback(*out, find);
	return 0;
}

void link_tls_free(SSL_CTX *tls) {
	SSL_CTX_free(tls);
}

int link_tls_begin(struct connection *connection) {
	connection->tls = SSL_new(connection->owner->tls);
	if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->fd) <= 0)
		return -ENOMEM;
	SSL_set_app_data(connection->tls, connection);
	if (connection->link == NULL) {
		SSL_set_accept_state(connection->tls);
		return 0;
	}
	SSL_set_connect_state(connection->tls);
	// No certificate stands in for the secret: none is trusted.
	SSL_set_verify(connection->tls, SSL_VERIFY_PEER, NULL);
	return 0;
}

// Before anything was read: a node without keys says its name at once.
static bool begins_otherwise(const struct connection *connection) {
	uint8_t first = HANDSHAKE_RECORD;
	return recv(connection->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first != HANDSHAKE_RECORD;
}

static int explain(struct connection *connection, const char *reason) {
	const char *node = connection->owner->node;
	reason = reason != NULL ? reason : "it broke off";
	if (connection->link != NULL) {
		const char *peer = connection->link->node.name;
		link_say(connection->link,
			"%s: no handshake (%s): expected %s.public, as %s has it, in allowed_nodes of %s, and "
			"%s.public in those of %s",
			connection->link->node.address, reason, node, node, peer, peer, node);
	} else if (connection->peer == NULL) {
		link_refuse(connection->owner, LINK_REFUSED_UNKNOWN,
			"somebody who is none of allowed_nodes of %s, or none that connects to it (%s)", node, reason);
	} else {
		link_refuse(connection->owner, LINK_REFUSED_KEY, "who calls itself %s has not its key (%s)",
			connection->peer->node.name, reason);
	}
	return -EACCES;
}

int link_tls_shake(struct connection *connection) {
	if (connection->link == NULL && BIO_number_read(SSL_get_rbio(connection->tls)) == 0 &&
		begins_otherwise(connection)) {
		link_refuse(connection->owner, LINK_REFUSED_PLAIN,
			"somebody who does not encrypt; expected key and allowed_nodes there, as at %s",
			connection->owner->node);
		return -EACCES;
	}
	ERR_clear_error();
	errno = 0;
	int done = SSL_do_handshake(connection->tls);
	if (done > 0) // by the secret, which counts as a session that was there before, or else by nothing that counts
		return SSL_session_reused(connection->tls) ? 0 : explain(connection, "it went without the key");
	int what = SSL_get_error(connection->tls, done);
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (what == SSL_ERROR_SSL)
		return explain(connection, ERR_reason_error_string(ERR_peek_error()));
	if (connection->link != NULL)
		explain(connection, NULL);
	return errno != 0 ? -errno : -ECONNRESET;
}

void link_tls_end(struct connection *connection) {
	SSL_free(connection->tls);
	connection->tls = NULL;
}

// What the library says of a call that did nothing, as readv and sendmsg would.
static ssize_t translate(SSL *tls, int done) {
	switch (SSL_get_error(tls, done)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return errno != 0 ? -errno : -ECONNRESET;
	default:
		return -EBADMSG;
	}
}

ssize_t link_tls_read(struct connection *connection, void *data, size_t size) {
	size_t done = 0;
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(connection->tls, data, size, &done);
	return rc > 0 ? (ssize_t)done : translate(connection->tls, rc);
}

ssize_t link_tls_write(struct connection *connection, const void *data, size_t size) {
	size_t done = 0;
	ERR_clear_error();
	errno = 0;
	int rc = SSL_write_ex(connection->tls, data, size, &done);
	if (rc <= 0)
		return translate(connection->tls, rc);
	if (++connection->records % RECORDS_OF_KEY == 0 &&
		SSL_key_update(connection->tls, SSL_KEY_UPDATE_NOT_REQUESTED) <= 0)
		return -EIO;
	return (ssize_t)done;
}

bool link_tls_has_more(const struct connection *connection) {
	return connection->tls != NULL && SSL_has_pending(connection->tls) > 0;
}
