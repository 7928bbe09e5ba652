// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MADE_BY "expected a key file as made by: weirctl keygen NAME"

static int __attribute__((format(printf, 3, 4))) refuse(char *error, int code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, KEY_FILE_ERROR_SIZE, format, arguments);
	va_end(arguments);
	return code;
}

bool key_name_is_valid(const char *text) {
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t size = strlen(text);
	return size > 0 && size < KEY_NAME_SIZE && strspn(text, allowed) == size;
}

// Each five characters are a number in base 85 that has to fit into 32 bits.
static bool key_text_is_valid(const char *text) {
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
	if (strlen(text) != KEY_TEXT_SIZE - 1)
		return false;
	uint64_t number = 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		const char *digit = strchr(digits, text[i]);
		if (digit == NULL)
			return false;
		number = (i % 5 == 0 ? 0 : number * 85) + (uint64_t)(digit - digits);
		if (number > UINT32_MAX)
			return false;
	}
	return true;
}

static char *skip_blanks(char *text) {
	return text + strspn(text, " \t");
}

// Cut a line into field and value.
//   return  the value, or NULL: no such line
static char *split_line(char *line) {
	char *colon = strchr(line, ':');
	if (colon == NULL)
		return NULL;
	*colon = '\0';
	char *value = skip_blanks(colon + 1);
	size_t size = strlen(value);
	while (size > 0 && strchr(" \t\r", value[size - 1]) != NULL)
		value[--size] = '\0';
	return value;
}

struct reading {
	const char *name; // of the file
	struct key key;
	bool has_public, has_any;
	int (*take)(void *context, const struct key *key);
	void *context;
	char *error;
};

// The key that is complete goes out.
static int reading_deliver(struct reading *reading) {
	if (!reading->has_public)
		return 0;
	int ret = reading->take(reading->context, &reading->key);
	explicit_bzero(&reading->key, sizeof(reading->key));
	reading->has_public = false;
	reading->has_any = true;
	return ret;
}

static int reading_take(struct reading *reading, const char *field, const char *value, unsigned line) {
	struct key *key = &reading->key;
	bool is_public = strcmp(field, "public") == 0;
	if (strcmp(field, "name") == 0) {
		int ret = reading_deliver(reading);
		if (ret != 0)
			return ret;
		if (key->name[0] != '\0')
			return refuse(reading->error, -EINVAL, "%s:%u: %s has no public key; " KEY_MADE_BY,
				reading->name, line, key->name);
		if (!key_name_is_valid(value))
			return refuse(reading->error, -EINVAL, "%s:%u: name: expected 1..63 of A-Z a-z 0-9 . _ -",
				reading->name, line);
		strcpy(key->name, value);
		return 0;
	}
	if (!is_public && strcmp(field, "secret") != 0)
		return refuse(reading->error, -EINVAL, "%s:%u: expected name, public or secret; " KEY_MADE_BY,
			reading->name, line);
	if (!key_text_is_valid(value))
		return refuse(reading->error, -EINVAL, "%s:%u: %s: expected 40 characters of Z85", reading->name, line,
			field);
	if (key->name[0] == '\0' || is_public == reading->has_public)
		return refuse(reading->error, -EINVAL, "%s:%u: %s: expected name, public and secret in this order",
			reading->name, line, field);
	strcpy(is_public ? key->public : key->secret, value);
	reading->has_public = true;
	return 0;
}

int key_file_parse(
	char *text, const char *name, int (*take)(void *context, const struct key *key), void *context, char *error) {
	struct reading reading = {.name = name, .take = take, .context = context, .error = error};
	int ret = 0;
	unsigned number = 0;
	error[0] = '\0';
	for (char *line; ret == 0 && (line = strsep(&text, "\n")) != NULL;) {
		number++;
		line = skip_blanks(line);
		if (*line == '\0' || *line == '\r' || *line == '#')
			continue;
		char *value = split_line(line);
		ret = value != NULL ? reading_take(&reading, line, value, number)
				    : refuse(error, -EINVAL, "%s:%u: " KEY_MADE_BY, name, number);
	}
	if (ret == 0 && reading.key.name[0] != '\0' && !reading.has_public)
		ret = refuse(error, -EINVAL, "%s: %s has no public key; " KEY_MADE_BY, name, reading.key.name);
	if (ret == 0)
		ret = reading_deliver(&reading);
	explicit_bzero(&reading.key, sizeof(reading.key));
	if (ret == 0 && !reading.has_any)
		ret = refuse(error, -EINVAL, "%s: no key in it; " KEY_MADE_BY, name);
	if (ret != 0 && error[0] == '\0')
		refuse(error, ret, "%s: %s", name, strerror(-ret));
	return ret;
}

static int check_file(int file, const char *path, bool is_secret, char *error) {
	struct stat status;
	if (fstat(file, &status) != 0)
		return refuse(error, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(error, -EINVAL, "%s: not a regular file; " KEY_MADE_BY, path);
	mode_t forbidden = S_IWGRP | S_IWOTH | (is_secret ? S_IROTH : 0);
	if (status.st_mode & forbidden)
		return refuse(error, -EACCES, "%s: others may %s it (mode %04o): expected %s", path,
			is_secret ? "read or write" : "write", status.st_mode & 07777,
			is_secret ? "0600, or 0640" : "0600, or 0644");
	if (status.st_size > KEY_FILE_SIZE_MAX)
		return refuse(error, -EINVAL, "%s: larger than 1 MiB; " KEY_MADE_BY, path);
	return 0;
}

static int read_file(
	const char *path, bool is_secret, int (*take)(void *, const struct key *), void *context, char *error) {
	// O_NONBLOCK: a pipe is refused, not waited for.
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 && errno == EACCES)
		return refuse(error, -EACCES, "%s: %s: expected a file that user %u may read, in folders it may enter",
			path, strerror(EACCES), (unsigned)geteuid());
	if (file < 0)
		return refuse(error, -errno, "%s: %s; " KEY_MADE_BY, path, strerror(errno));
	char *text = NULL;
	int ret = check_file(file, path, is_secret, error);
	if (ret != 0)
		goto out;
	text = malloc(KEY_FILE_SIZE_MAX + 1);
	ssize_t size = text != NULL ? read(file, text, KEY_FILE_SIZE_MAX) : -1;
	if (size < 0) {
		ret = refuse(error, -errno, "%s: %s", path, strerror(errno));
		goto out;
	}
	text[size] = '\0';
	ret = strlen(text) == (size_t)size ? key_file_parse(text, path, take, context, error)
					   : refuse(error, -EINVAL, "%s: not a text; " KEY_MADE_BY, path);
	explicit_bzero(text, (size_t)size);
out:
	free(text);
	close(file);
	return ret;
}

// A file of public keys being read.
struct public_file {
	const char *path;
	int (*take)(void *context, const struct key *key);
	void *context;
	char *error;
};

// Where a public key is to be, others read along: what is secret has no place there.
static int take_public(void *context, const struct key *key) {
	const struct public_file *file = context;
	if (key->secret[0] != '\0')
		return refuse(file->error, -EINVAL,
			"%s: has the secret key of %s; expected NAME.public, as made by: weirctl keygen NAME",
			file->path, key->name);
	return file->take(file->context, key);
}

int key_file_read_all(const char *path, int (*take)(void *context, const struct key *key), void *context, char *error) {
	struct public_file file = {.path = path, .take = take, .context = context, .error = error};
	return read_file(path, false, take_public, &file, error);
}

static int take_first(void *context, const struct key *key) {
	struct key *out = context;
	if (out->name[0] == '\0')
		*out = *key;
	return 0;
}

int key_file_read_public(const char *path, struct key *out, char *error) {
	*out = (struct key){.name = ""};
	return key_file_read_all(path, take_first, out, error);
}

int key_file_read_secret(const char *path, struct key *out, char *error) {
	*out = (struct key){.name = ""};
	int ret = read_file(path, true, take_first, out, error);
	if (ret == 0 && out->secret[0] == '\0')
		ret = refuse(error, -EINVAL, "%s: has no secret; expected NAME.secret, as made by: weirctl keygen NAME",
			path);
	return ret;
}
