# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 the weir authors
#
# The functions and variables that headers declare, as a list for the linker (--dynamic-list). A declaration begins in
# the first column with its whole name on that line, as clang-format leaves it.
BEGIN { print "{" }
/^extern / { name = $0; sub(/[[;].*/, "", name) }
/^[a-z].*\(/ && !/^(extern|static|enum \{)/ { name = $0; sub(/\(.*/, "", name) }
name != "" { sub(/.*[ *]/, "", name); print "\t" name ";"; name = "" }
END { print "};" }
