// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Crypto-PAn: addresses to other addresses, one to one, such that two that agree in their first k bits, and no more,
// still do. Who has the key can undo it; who has not learns prefixes only.
//
//   source  Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization: measurement-based security evaluation
//           and a new cryptography-based scheme, ICNP 2002; with AES-128 as the pseudo-random function, as in the
//           authors' own program, whose figures these are. IPv6 is the same over 128 bits
#pragma once

#include <nettle/aes.h>
#include <stdint.h>

enum { CRYPTO_PAN_KEY_SIZE = 32 };

// Constant after crypto_pan_init; any number of threads may read it.
struct crypto_pan {
	struct aes128_ctx cipher;
	uint8_t pad[16];
	uint8_t mac_pad[16];
};

//   key  16 bytes of AES key, then 16 bytes that the padding is made of
void crypto_pan_init(struct crypto_pan *pan, const uint8_t key[CRYPTO_PAN_KEY_SIZE]);

// The address that stands for `address`; of a v4-mapped one, a v4-mapped one.
//   anonymous  [16], may be `address` itself
void crypto_pan_address(const struct crypto_pan *pan, const uint8_t address[16], uint8_t anonymous[16]);

// A pseudonym of a MAC address: locally administered, a group address where `mac` is one. Neither vendor nor prefix
// is preserved; two addresses share a pseudonym with probability 2^-46.
//   anonymous  [6], may be `mac` itself
void crypto_pan_mac(const struct crypto_pan *pan, const uint8_t mac[6], uint8_t anonymous[6]);
