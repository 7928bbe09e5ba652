// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Plug-ins: shared objects with operator types that were built outside the tree, against the installed headers
// (docs/write-an-operator.md). Their types are taken as a whole or not at all, and stay until the program ends:
// instances, options and schemas of a running pipeline point into the object.
#pragma once

#include <stddef.h>

// Load a plug-in; one that was loaded before is fine.
//   name    a path (it has a slash), or the name of one in the folder of plug-ins, with or without .so: the folder that
//           WEIR_PLUGIN_DIR names in the environment, else the one weir was built for
//   folder  where a relative path counts from; NULL: no paths, for what comes from outside of this host
//   error   [size] filled on -EINVAL: what is wrong, and what is expected
//   return  0, -EINVAL, -ENOMEM
//   thread  the one that reads configurations
int plugin_load(const char *name, const char *folder, char *error, size_t size);

//   return  the folder that plug-ins are looked for in by name
const char *plugin_folder(void);
