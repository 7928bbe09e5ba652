// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// YAML to a tree, by libyaml's events: each is looked at once, and depth and width are bounded before memory is taken.
#include "dataplane/config_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "dataplane/pipeline_read.h"

struct tree_parser {
	yaml_parser_t yaml;
	yaml_event_t event; // the current one
	bool has_event;
	const char *file;
	const char *text;
	size_t size;
	struct config_error *error;
};

static int fail(struct tree_parser *parser, size_t line, const char *message) {
	struct location where = {.file = parser->file, .line = (unsigned)line + 1};
	return config_fail(parser->error, &where, "%s", message);
}

static size_t line_of_offset(const struct tree_parser *parser, size_t offset) {
	size_t line = 0;
	for (size_t i = 0; i < offset && i < parser->size; i++)
		line += parser->text[i] == '\n';
	return line;
}

// What libyaml found wrong, in one line.
static int fail_syntax(struct tree_parser *parser) {
	const yaml_parser_t *yaml = &parser->yaml;
	if (yaml->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	size_t line = yaml->error == YAML_READER_ERROR ? line_of_offset(parser, yaml->problem_offset)
						       : yaml->problem_mark.line;
	struct location where = {.file = parser->file, .line = (unsigned)line + 1};
	const char *problem = yaml->problem == NULL ? "unreadable" : yaml->problem;
	if (yaml->error == YAML_READER_ERROR)
		return config_fail(parser->error, &where, "byte %zu: %s; expected YAML, which is UTF-8 text",
			yaml->problem_offset, problem);
	return config_fail(parser->error, &where, "column %zu: YAML syntax: %s%s%s", yaml->problem_mark.column + 1,
		yaml->context == NULL ? "" : yaml->context, yaml->context == NULL ? "" : ", ", problem);
}

static int next_event(struct tree_parser *parser) {
	if (parser->has_event)
		yaml_event_delete(&parser->event);
	parser->has_event = yaml_parser_parse(&parser->yaml, &parser->event) != 0;
	return parser->has_event ? 0 : fail_syntax(parser);
}

// Move the current event's scalar into *text.
static int take_text(struct tree_parser *parser, char **text) {
	const char *value = (const char *)parser->event.data.scalar.value;
	size_t length = parser->event.data.scalar.length;
	if (memchr(value, '\0', length) != NULL)
		return fail(parser, parser->event.start_mark.line, "text with a zero byte; expected none");
	*text = strndup(value, length);
	return *text == NULL ? -ENOMEM : 0;
}

static int read_key(struct tree_parser *parser, const struct config_value *map, struct config_value *item) {
	size_t line = parser->event.start_mark.line;
	if (parser->event.type != YAML_SCALAR_EVENT)
		return fail(parser, line, "a list or map as key; expected a name");
	int ret = take_text(parser, &item->key);
	if (ret != 0)
		return ret;
	item->key_line = (unsigned)line + 1;
	const struct config_value *before = config_tree_lookup(map, item->key);
	if (before != NULL && before != item) {
		struct location where = {.file = parser->file, .line = item->key_line};
		return config_fail_text(
			parser->error, &where, NULL, item->key, "given twice, first on line %u", before->key_line);
	}
	return 0;
}

static int check_properties(struct tree_parser *parser) {
	const yaml_event_t *event = &parser->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		anchor = event->data.alias.anchor;
	}
	if (anchor != NULL || event->type == YAML_ALIAS_EVENT)
		return fail(parser, event->start_mark.line, "anchors (&) and aliases (*) are not supported");
	if (tag != NULL)
		return fail(parser, event->start_mark.line, "tags (!) are not supported");
	return 0;
}

static int read_value(struct tree_parser *parser, struct config_value *value, unsigned depth);

static int read_items(struct tree_parser *parser, struct config_value *value, unsigned depth) {
	bool is_map = value->kind == CONFIG_MAP;
	unsigned max = is_map ? CONFIG_KEYS_MAX : CONFIG_ITEMS_MAX;
	unsigned capacity = 0;
	for (;;) {
		int ret = next_event(parser);
		if (ret != 0)
			return ret;
		if (parser->event.type == YAML_SEQUENCE_END_EVENT || parser->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (value->count == max)
			return fail(parser, parser->event.start_mark.line,
				is_map ? "more than 64 keys in one map" : "more than 4096 items in one list");
		if (value->count == capacity) {
			capacity = capacity == 0 ? 8 : 2 * capacity;
			struct config_value *items = reallocarray(value->items, capacity, sizeof(*items));
			if (items == NULL)
				return -ENOMEM;
			value->items = items;
		}
		struct config_value *item = &value->items[value->count++];
		*item = (struct config_value){0};
		if (is_map) {
			ret = read_key(parser, value, item);
			if (ret == 0)
				ret = next_event(parser);
		}
		if (ret == 0)
			ret = read_value(parser, item, depth + 1);
		if (ret != 0)
			return ret;
	}
}

// Read the value that the current event starts.
static int read_value(struct tree_parser *parser, struct config_value *value, unsigned depth) {
	value->file = parser->file;
	value->line = (unsigned)parser->event.start_mark.line + 1;
	int ret = check_properties(parser);
	if (ret != 0)
		return ret;
	if (parser->event.type == YAML_SCALAR_EVENT) {
		value->kind = CONFIG_TEXT;
		return take_text(parser, &value->text);
	}
	if (depth == CONFIG_DEPTH_MAX)
		return fail(parser, parser->event.start_mark.line, "lists and maps are nested more than 8 deep");
	value->kind = parser->event.type == YAML_SEQUENCE_START_EVENT ? CONFIG_LIST : CONFIG_MAP;
	return read_items(parser, value, depth);
}

static int read_document(struct tree_parser *parser, struct config_value *documents) {
	int ret = next_event(parser);
	if (ret != 0)
		return ret;
	struct config_value *items = reallocarray(documents->items, documents->count + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	documents->items = items;
	struct config_value *document = &items[documents->count++];
	*document = (struct config_value){0};
	ret = read_value(parser, document, 0);
	if (ret != 0)
		return ret;
	if (document->kind == CONFIG_TEXT && document->text[0] == '\0') {
		free(document->text);
		documents->count--;
	} else if (documents->count > CONFIG_KEYS_MAX) {
		return fail(parser, document->line - 1, "more than 64 documents in one file");
	}
	return next_event(parser); // the document's end
}

int config_tree_parse(
	const char *file, const char *text, size_t size, struct config_value *documents, struct config_error *error) {
	*documents = (struct config_value){.kind = CONFIG_LIST, .file = file};
	struct tree_parser parser = {.file = file, .text = text, .size = size, .error = error};
	if (size == 0)
		return 0;
	if (!yaml_parser_initialize(&parser.yaml))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, size);
	yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
	int ret = next_event(&parser);
	while (ret == 0 && parser.event.type != YAML_STREAM_END_EVENT) {
		ret = parser.event.type == YAML_DOCUMENT_START_EVENT ? read_document(&parser, documents) : 0;
		if (ret == 0)
			ret = next_event(&parser);
	}
	if (parser.has_event)
		yaml_event_delete(&parser.event);
	yaml_parser_delete(&parser.yaml);
	return ret;
}

void config_tree_free(struct config_value *value) {
	for (unsigned i = 0; i < value->count; i++)
		config_tree_free(&value->items[i]);
	free(value->items);
	free(value->key);
	free(value->text);
	*value = (struct config_value){0};
}

const struct config_value *config_tree_lookup(const struct config_value *map, const char *key) {
	for (unsigned i = 0; i < map->count; i++)
		if (map->items[i].key != NULL && strcmp(map->items[i].key, key) == 0)
			return &map->items[i];
	return NULL;
}
