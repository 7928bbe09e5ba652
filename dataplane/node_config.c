// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Everything one node is told: reads the files, applies the settings, has the whole checked. Also the node's own
// options, and the shape of messages.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/schema_build.h"
#include "dataplane/pipeline_read.h"

static const char *const idle_names[] = {"adaptive", "busy", NULL};
static const char *const channel_names[] = {"auto", "ring", NULL};
static const char *const placement_names[] = {
	[PLACEMENT_AUTO] = "auto", [PLACEMENT_CHAINED] = "chained", [PLACEMENT_PIPELINE] = "pipeline", NULL};

const struct option node_options[] = {
	{"node", OPTION_STRING, offsetof(struct node_config, node), .min = 1, .max = 63,
		.help = "name of this node; default: the host's"},
	{"controller", OPTION_STRING, offsetof(struct node_config, controller), .min = 1, .max = 255,
		.help = "the controller's command socket, tcp://HOST:PORT or ipc://PATH"},
	{"key", OPTION_STRING, offsetof(struct node_config, key), .min = 1, .max = 4095,
		.help = "file of the node's secret key, for a controller and other nodes beyond loopback (weirctl "
			"keygen)"},
	{"controller_key", OPTION_STRING, offsetof(struct node_config, controller_key), .min = 1, .max = 4095,
		.help = "file of the controller's public key"},
	{"allowed_nodes", OPTION_STRING, offsetof(struct node_config, allowed_nodes), .min = 1, .max = 4095,
		.help = "public keys of the nodes that links join this one to, a folder of *.public files or a file of "
			"several: beyond loopback they are demanded, and where they are given all links are encrypted"},
	{"eal", OPTION_LIST, offsetof(struct node_config, eal), .help = "arguments of DPDK's EAL"},
	{"idle", OPTION_ENUM, offsetof(struct node_config, idle), "adaptive", .choices = idle_names,
		.help = "what a worker without work does: back off to sleep, or poll on"},
	{"hash_secret", OPTION_STRING, offsetof(struct node_config, hash_secret), .min = 1, .max = 255,
		.help = "fixes the hash of keys, for repeatable runs; default: drawn at start"},
	{"restore", OPTION_STRING, offsetof(struct node_config, restore), .min = 1, .max = 4000,
		.help = "directory of a snapshot to go on from (--restore); its pipelines are configured as they were"},
	{"ring_size", OPTION_UINT, offsetof(struct node_config, ring_size), "1024", 64, 65536,
		.help = "entries of each ring between workers, a power of two"},
	{"channels", OPTION_ENUM, offsetof(struct node_config, channels), "auto", .choices = channel_names,
		.help = "auto: a direct call where both ends share a worker, else a ring; ring: always a ring"},
	{"placement", OPTION_ENUM, offsetof(struct node_config, placement), "auto", .choices = placement_names,
		.help = "chained: every worker does everything; pipeline: the first workers are for sources alone; "
			"auto: "
			"pipeline where a source can't use every worker"},
	{"source_workers", OPTION_UINT, offsetof(struct node_config, source_workers), "1", 1, WORKER_INDEX_MAX,
		.help = "workers for sources in a pipeline placement"},
	{"change_limit", OPTION_DURATION, offsetof(struct node_config, change_limit_ns), "2s", 100000000,
		UINT64_C(3600000000000),
		.help = "for what is on its way to be handled when a plan changes, and again for what goes to end"},
	{"nodes", OPTION_LIST, offsetof(struct node_config, nodes), .min = 1, .max = PIPELINE_NODES_MAX,
		.help = "nodes of pipelines that run on several, and where each listens for the others: {a: "
			"tcp://127.0.0.1:5580, ...}; of two nodes the first one opens the connections"},
	{"connections", OPTION_STRING, offsetof(struct node_config, connections), "1", .min = 1, .max = 15,
		.help = "TCP connections between two nodes: a number (1..256), or per-channel"},
	{"link_queue", OPTION_SIZE, offsetof(struct node_config, link_queue), "4MiB", 65536, 1 << 30,
		.help = "what each end of a channel between nodes keeps at most, more where a batch needs it"},
	{"plugins", OPTION_LIST, offsetof(struct node_config, plugins), .min = 1, .max = 32,
		.help = "shared objects with operator types of your own: paths, relative to the file that names them, "
			"or names of those in the folder of plug-ins"},
	{0},
};

enum { SHOWN_FILE_MAX = 160 }; // bytes of a file's name in a message, so that the rest of it fits

static void append_where(struct config_error *error, const struct location *where) {
	char *text = error->text;
	if (where == NULL)
		return;
	const char *file = where->file;
	size_t length = strlen(file);
	if (length > SHOWN_FILE_MAX) {
		text_append(text, sizeof(error->text), "...");
		file += length - SHOWN_FILE_MAX;
	}
	for (; *file != '\0'; file++)
		text_append(text, sizeof(error->text), "%c", (unsigned char)*file < 0x20 ? '?' : *file);
	if (where->line != 0)
		text_append(text, sizeof(error->text), ":%u", where->line);
	text_append(text, sizeof(error->text), ": ");
}

static void append_va(struct config_error *error, const char *format, va_list arguments) {
	size_t used = strlen(error->text);
	vsnprintf(error->text + used, sizeof(error->text) - used, format, arguments);
}

void config_error_format(struct config_error *error, const struct location *where, const char *format, ...) {
	error->text[0] = '\0';
	append_where(error, where);
	va_list arguments;
	va_start(arguments, format);
	append_va(error, format, arguments);
	va_end(arguments);
}

static void begin_text(struct config_error *error, const struct location *where, const char *who, const char *text) {
	error->text[0] = '\0';
	append_where(error, where);
	if (who != NULL)
		text_append(error->text, sizeof(error->text), "%s: ", who);
	text_append_quoted(error->text, sizeof(error->text), text);
	text_append(error->text, sizeof(error->text), ": ");
}

void config_error_format_text(struct config_error *error, const struct location *where, const char *who,
	const char *text, const char *format, ...) {
	begin_text(error, where, who, text);
	va_list arguments;
	va_start(arguments, format);
	append_va(error, format, arguments);
	va_end(arguments);
}

void config_error_format_unknown(struct config_error *error, const struct location *where, const char *who,
	const char *text, const char *kind, const struct text_names *names) {
	begin_text(error, where, who, text);
	text_append(error->text, sizeof(error->text), "unknown %s", kind);
	const char *nearest = text_nearest(text, names);
	if (nearest != NULL)
		text_append(error->text, sizeof(error->text), ", did you mean \"%s\"?", nearest);
	text_append(error->text, sizeof(error->text), "%s expected ", nearest == NULL ? ";" : "");
	text_append_names(error->text, sizeof(error->text), names);
}

const char *config_keep_name(struct config_reader *reader, const char *name) {
	struct option_list *files = &reader->config->files;
	char **items = reallocarray(files->items, files->count + 1, sizeof(*items));
	if (items == NULL)
		return NULL;
	files->items = items;
	items[files->count] = strdup(name);
	return items[files->count] == NULL ? NULL : items[files->count++];
}

// Read a whole file of at most CONFIG_FILE_MAX bytes.
static int read_file(const char *path, char **text, size_t *size, struct config_error *error) {
	struct location where = {.file = path};
	*text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return config_fail(error, &where, "%s", strerror(errno));
	int ret = -ENOMEM;
	char *buffer = malloc(CONFIG_FILE_MAX + 1);
	if (buffer == NULL)
		goto out;
	size_t used = 0;
	ssize_t got = 1;
	while (got > 0 && used <= CONFIG_FILE_MAX) {
		got = read(fd, buffer + used, CONFIG_FILE_MAX + 1 - used);
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		ret = config_fail(error, &where, "%s", strerror(errno));
	else
		ret = 0;
	*text = buffer;
	*size = used;
	buffer = NULL;
out:
	free(buffer);
	close(fd);
	return ret;
}

static int parse_text(struct config_reader *reader, const char *name, const char *text, size_t size) {
	const char *file = config_keep_name(reader, name);
	unsigned count = reader->document_list_count;
	struct config_value *lists = reallocarray(reader->document_lists, count + 1, sizeof(*lists));
	if (lists != NULL)
		reader->document_lists = lists;
	if (file == NULL || lists == NULL)
		return -ENOMEM;
	struct location where = {.file = file};
	if (size > CONFIG_FILE_MAX)
		return config_fail(reader->error, &where, "larger than 1 MiB; expected a configuration in YAML");
	struct config_value *documents = &lists[count];
	reader->document_list_count++;
	int ret = config_tree_parse(file, text, size, documents, reader->error);
	if (ret == 0 && documents->count == 0)
		return config_fail(reader->error, &where,
			"empty; expected a configuration such as pipeline: NAME, "
			"operators: [...]");
	for (unsigned i = 0; ret == 0 && i < documents->count; i++)
		ret = pipeline_read_document(reader, &documents->items[i]);
	return ret;
}

static int check_node(struct config_reader *reader) {
	struct node_config *config = reader->config;
	if (config->node == NULL) {
		char host[HOST_NAME_MAX + 1] = "";
		gethostname(host, sizeof(host) - 1);
		config->node = strdup(host[0] == '\0' ? "node" : host);
		if (config->node == NULL)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		config->pipelines[i].config = config;
		int ret = pipeline_make_streams(reader, i);
		if (ret == 0)
			ret = pipeline_check(reader, i);
		if (ret != 0)
			return ret;
	}
	return pipeline_cut(reader);
}

static void reader_fini(struct config_reader *reader) {
	for (unsigned i = 0; i < reader->document_list_count; i++)
		config_tree_free(&reader->document_lists[i]);
	free(reader->document_lists);
	for (unsigned i = 0; reader->drafts != NULL && i < reader->config->pipeline_count; i++)
		free(reader->drafts[i].given);
	free(reader->drafts);
}

static int reader_init(struct config_reader *reader, struct node_config *out, struct config_error *error) {
	*out = (struct node_config){0};
	error->text[0] = '\0';
	*reader = (struct config_reader){.config = out, .error = error};
	return option_set_defaults(node_options, out);
}

// Apply the settings, check, and release what only reading needed.
static int reader_finish(struct config_reader *reader, int ret, const char *const *settings, unsigned setting_count) {
	for (unsigned i = 0; ret == 0 && i < setting_count; i++)
		ret = pipeline_apply_setting(reader, settings[i]);
	if (ret == 0)
		ret = check_node(reader);
	reader_fini(reader);
	if (ret == -ENOMEM)
		config_error_format(reader->error, NULL, "out of memory");
	if (ret != 0)
		node_config_free(reader->config);
	return ret;
}

int node_config_read(const char *const *files, unsigned file_count, const char *const *settings, unsigned setting_count,
	struct node_config *out, struct config_error *error) {
	struct config_reader reader;
	int ret = reader_init(&reader, out, error);
	reader.reads_files = true;
	for (unsigned i = 0; ret == 0 && i < file_count; i++) {
		char *text;
		size_t size = 0;
		ret = read_file(files[i], &text, &size, error);
		if (ret == 0)
			ret = parse_text(&reader, files[i], text, size);
		free(text);
	}
	return reader_finish(&reader, ret, settings, setting_count);
}

int node_config_parse(const char *name, const char *text, size_t size, const char *const *settings,
	unsigned setting_count, struct node_config *out, struct config_error *error) {
	struct config_reader reader;
	int ret = reader_init(&reader, out, error);
	if (ret == 0)
		ret = parse_text(&reader, name, text, size);
	return reader_finish(&reader, ret, settings, setting_count);
}

static void operators_fini(struct pipeline_operator *operators, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		struct pipeline_operator *op = &operators[i];
		if (op->options != NULL)
			option_free(op->type->options, op->options);
		for (unsigned output = 0; output < OPERATOR_OUTPUTS_MAX; output++)
			schema_free(op->derived[output]);
		free(op->options);
		free(op->workers);
		free(op->node);
		free(op->name);
	}
	free(operators);
}

static void pipeline_fini(struct pipeline *pipeline) {
	operators_fini(pipeline->operators, pipeline->operator_count);
	operators_fini(pipeline->elsewhere, pipeline->elsewhere_count);
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		free(pipeline->streams[i].weights);
	free(pipeline->streams);
	free(pipeline->name);
}

void node_config_free(struct node_config *config) {
	for (unsigned i = 0; i < config->pipeline_count; i++)
		pipeline_fini(&config->pipelines[i]);
	free(config->pipelines);
	option_free(node_options, config);
	for (unsigned i = 0; i < config->files.count; i++)
		free(config->files.items[i]);
	free(config->files.items);
	*config = (struct node_config){0};
}
