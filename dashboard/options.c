// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_IN_BUILD "dashboard/web/page" // beside the program

enum { EXIT_USAGE = 64 };

static const char usage[] =
	"usage: weir-dashboard [--redis ENDPOINT] [--listen ADDRESS:PORT] [--token-file FILE]\n"
	"\n"
	"  --redis ENDPOINT            unix://[USER@]/PATH, tcp://[USER@]ADDRESS:PORT or\n"
	"                              sentinel://[USER@]ADDRESS:PORT,.../NAME (default unix:///run/weir/redis.sock)\n"
	"  --redis-password-file FILE  password of Redis, the first line\n"
	"  --listen ADDRESS:PORT       where to serve (default 127.0.0.1:8080); beyond loopback a token is needed\n"
	"  --token-file FILE           the token that requests have to carry, the first line, at least 16 characters\n"
	"  --host NAME                 a name that a proxy asks for; may be repeated. Loopback's are always served "
	"there\n"
	"  --page DIR                  the built page, instead of the one that was installed\n"
	"  --help                      this text\n"
	"  --version                   the version\n";

enum option_code {
	OPTION_REDIS = 256,
	OPTION_REDIS_PASSWORD,
	OPTION_LISTEN,
	OPTION_TOKEN,
	OPTION_HOST,
	OPTION_PAGE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"redis", required_argument, NULL, OPTION_REDIS},
	{"redis-password-file", required_argument, NULL, OPTION_REDIS_PASSWORD},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"token-file", required_argument, NULL, OPTION_TOKEN},
	{"host", required_argument, NULL, OPTION_HOST},
	{"page", required_argument, NULL, OPTION_PAGE},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static int usage_error(const char *word, const char *what) {
	fprintf(stderr, "weir-dashboard: \"%s\": %s; --help tells what is allowed\n", word, what);
	return EXIT_USAGE;
}

static int take_password(const char *path, char *out) {
	char error[REDIS_ERROR_SIZE];
	if (redis_password_read(path, out, error) == 0)
		return -1;
	fprintf(stderr, "weir-dashboard: --redis-password-file: \"%s\": %s\n", path, error);
	return EXIT_FAILURE;
}

static int take_token(const char *path, char *out) {
	char error[AUTH_ERROR_SIZE];
	if (auth_read_token(path, out, error) == 0)
		return -1;
	fprintf(stderr, "weir-dashboard: %s\n", error);
	return EXIT_FAILURE;
}

static int parse_endpoint(struct options *out) {
	char error[REDIS_ERROR_SIZE];
	int err = redis_endpoint_parse(out->redis, &out->endpoint, error);
	if (err == 0 && out->endpoint.kind != REDIS_NONE)
		return -1;
	fprintf(stderr, "weir-dashboard: --redis: %s\n",
		err != 0 ? error : "\"none\": there is nothing to show without it");
	return EXIT_FAILURE;
}

static int take_text(const char *what, char *out, size_t size) {
	if (strlen(optarg) >= size)
		return usage_error(what, "too long");
	strcpy(out, optarg);
	return -1;
}

static int take_option(int code, struct options *out) {
	switch (code) {
	case OPTION_REDIS:
		out->redis = optarg;
		return -1;
	case OPTION_LISTEN:
		out->listen = optarg;
		return -1;
	case OPTION_REDIS_PASSWORD:
		return take_password(optarg, out->password);
	case OPTION_TOKEN:
		return take_token(optarg, out->token);
	case OPTION_HOST:
		if (out->hosts_length == OPTIONS_HOSTS_MAX)
			return usage_error(optarg, "too many --host");
		out->hosts[out->hosts_length++] = optarg;
		return -1;
	case OPTION_PAGE:
		out->pages_length = 1;
		return take_text("--page", out->pages[0], sizeof(out->pages[0]));
	case OPTION_HELP:
		return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	default:
		return puts("weir-dashboard " WEIR_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
}

// Beside the program in a build tree, else where it was installed.
static void find_pages(struct options *out) {
	char path[OPTIONS_PATH_SIZE / 2];
	if (out->pages_length > 0)
		return;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash = size > 0 ? memrchr(path, '/', (size_t)size) : NULL;
	if (slash != NULL)
		snprintf(out->pages[out->pages_length++], OPTIONS_PATH_SIZE, "%.*s/" PAGE_IN_BUILD, (int)(slash - path),
			path);
	snprintf(out->pages[out->pages_length++], OPTIONS_PATH_SIZE, "%s", WEIR_PAGE);
}

int options_parse(int argc, char **argv, struct options *out) {
	int code, result = -1;
	out->redis = "unix:///run/weir/redis.sock";
	out->listen = "127.0.0.1:8080";
	while (result < 0 && (code = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (code == ':')
			result = usage_error(argv[optind - 1], "expected a value");
		else if (code == '?')
			result = usage_error(argv[optind - 1], "unknown option");
		else
			result = take_option(code, out);
	}
	if (result < 0 && optind < argc)
		result = usage_error(argv[optind], "no arguments expected");
	if (result < 0)
		result = parse_endpoint(out);
	if (result < 0)
		find_pages(out);
	return result;
}

int options_check_access(const struct options *options, bool is_loopback, char *error) {
	if (is_loopback || options->token[0] != '\0')
		return 0;
	snprintf(error, AUTH_ERROR_SIZE,
		"--listen: %.80s: beyond loopback everybody could read along: expected --token-file as well",
		options->listen);
	return -EACCES;
}
