// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TLS 1.3 over a connection, where the node has keys: each end proves to the other that it has the secret of that link
// (a pre-shared key, RFC 8446 section 2.2, with an exchange of fresh keys, so that who learns the secret later reads
// nothing of before). No certificates, no other versions. All of it is the switch's thread's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct connection;
struct ssl_ctx_st;

//   return  0 or -EINVAL, after a message
int link_tls_new(struct ssl_ctx_st **out);
void link_tls_free(struct ssl_ctx_st *tls); // NULL is fine

// Begin the handshake on a connection that is there; of the end that opened it its link is set.
//   return  0 or -ENOMEM
int link_tls_begin(struct connection *connection);
// Go on with it. At the end of one that was accepted, `peer` is the link of who proved to be its node.
//   return  0: done; -EAGAIN; -EACCES: refused, said and counted; others: the connection is lost
int link_tls_shake(struct connection *connection);
void link_tls_end(struct connection *connection); // also where it was never begun

//   return  bytes, 0: the other end closed, -EAGAIN or another negative errno
ssize_t link_tls_read(struct connection *connection, void *data, size_t size);
// Where it is -EAGAIN the same bytes are to be given again, with more behind them if there are.
ssize_t link_tls_write(struct connection *connection, const void *data, size_t size);
// Whether something was received that was not read, of which the socket tells nothing.
bool link_tls_has_more(const struct connection *connection);
