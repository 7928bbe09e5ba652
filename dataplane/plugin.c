// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/operator.h"
#include "dataplane/text.h"

enum { PLUGINS_MAX = 32 };

static void *loaded[PLUGINS_MAX];
static unsigned loaded_count;

__attribute__((format(printf, 3, 4))) static int fail(char *error, size_t size, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

const char *plugin_folder(void) {
	const char *folder = getenv("WEIR_PLUGIN_DIR");
	return folder != NULL && folder[0] != '\0' ? folder : WEIR_PLUGIN_DIR;
}

// A path with a slash, or dlopen would look for it in the folders of libraries.
//   path  [PATH_MAX]
static int find(const char *name, const char *folder, char *path, char *error, size_t size) {
	int length;
	if (strchr(name, '/') == NULL) {
		size_t name_length = strlen(name);
		bool has_suffix = name_length > 3 && strcmp(name + name_length - 3, ".so") == 0;
		length = snprintf(path, PATH_MAX, "%s/%s%s", plugin_folder(), name, has_suffix ? "" : ".so");
	} else if (folder == NULL) {
		return fail(error, size, "a path; expected the name of a plug-in in %s", plugin_folder());
	} else {
		bool is_whole = name[0] == '/' || strcmp(folder, ".") == 0;
		length = snprintf(path, PATH_MAX, "%s%s%s", is_whole ? "" : folder, is_whole ? "" : "/", name);
	}
	if (length >= PATH_MAX)
		return fail(error, size, "longer than %d bytes", PATH_MAX - 1);
	struct stat status;
	if (stat(path, &status) < 0)
		return fail(error, size, "%s: %s%s", path, strerror(errno),
			strchr(name, '/') == NULL ? "; for a file elsewhere give a path, such as ./NAME.so" : "");
	if (!S_ISREG(status.st_mode)) // dlopen would wait for the writer of a pipe
		return fail(error, size, "%s: no regular file; expected a shared object", path);
	return 0;
}

static unsigned length_of(const char *const *names) {
	unsigned length = 0;
	while (names != NULL && names[length] != NULL)
		length++;
	return length;
}

// What the engine relies on. The code of a plug-in is trusted; this is for its author.
static int check_type(const struct operator_type *type, char *error, size_t size) {
	if (type->name == NULL || !text_is_name(type->name))
		return fail(error, size, "a type without a name of 1..63 letters, digits, _ and -");
	if (type->summary == NULL)
		return fail(error, size, "type %s: no summary; expected one line of text", type->name);
	if ((type->poll == NULL) == (type->process == NULL))
		return fail(error, size, "type %s: expected poll (a source) or process (all others)", type->name);
	unsigned outputs = 0;
	while (type->outputs != NULL && type->outputs[outputs].name != NULL)
		outputs++;
	if (operator_type_input_count(type) > OPERATOR_INPUTS_MAX || outputs > OPERATOR_OUTPUTS_MAX ||
		length_of(type->drops) > OPERATOR_DROPS_MAX || length_of(type->gauges) > OPERATOR_GAUGES_MAX)
		return fail(error, size, "type %s: expected at most %d inputs, %d outputs, %d drops and %d gauges",
			type->name, OPERATOR_INPUTS_MAX, OPERATOR_OUTPUTS_MAX, OPERATOR_DROPS_MAX, OPERATOR_GAUGES_MAX);
	return 0;
}

static bool is_named_before(const struct operator_type_list *list, unsigned index) {
	for (unsigned i = 0; i < index; i++)
		if (strcmp(list->types[i]->name, list->types[index]->name) == 0)
			return true;
	return operator_type_lookup(list->types[index]->name) != NULL;
}

static int check_list(const struct operator_type_list *list, char *error, size_t size) {
	if (list->count == 0)
		return fail(error, size, "it has no operator type; expected OPERATOR_REGISTER(TYPE) in it");
	if (list->count > OPERATOR_TYPES_PER_PLUGIN)
		return fail(
			error, size, "%u operator types; expected at most %d", list->count, OPERATOR_TYPES_PER_PLUGIN);
	for (unsigned i = 0; i < list->count; i++) {
		const struct operator_type *type = list->types[i];
		if (type->abi != OPERATOR_ABI)
			return fail(error, size,
				"built against other headers (ABI %u.%04x, here it is %u.%04x); "
				"build it again with those of weir %s",
				type->abi >> 16, type->abi & 0xffff, OPERATOR_ABI >> 16, OPERATOR_ABI & 0xffff,
				WEIR_VERSION);
		int ret = check_type(type, error, size);
		if (ret != 0)
			return ret;
		if (is_named_before(list, i))
			return fail(error, size, "type %s: there is an operator type of that name already", type->name);
	}
	return 0;
}

static bool is_loaded(const void *handle) {
	for (unsigned i = 0; i < loaded_count; i++)
		if (loaded[i] == handle)
			return true;
	return false;
}

int plugin_load(const char *name, const char *folder, char *error, size_t size) {
	char path[PATH_MAX];
	int ret = find(name, folder, path, error, size);
	if (ret != 0)
		return ret;
	if (loaded_count == PLUGINS_MAX)
		return fail(error, size, "one too many; expected at most %d plug-ins", PLUGINS_MAX);
	struct operator_type_list list = {0};
	operator_type_divert(&list);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	operator_type_divert(NULL);
	if (handle == NULL)
		return fail(error, size, "%s", dlerror());
	if (is_loaded(handle)) {
		dlclose(handle); // counted twice
		return 0;
	}
	ret = check_list(&list, error, size);
	if (ret != 0) {
		dlclose(handle);
		return ret;
	}
	for (unsigned i = 0; i < list.count; i++)
		operator_type_register(list.types[i]);
	loaded[loaded_count++] = handle;
	return 0;
}
