// The file of inverted lists: sections (section_file.h) of
//
//   mean of the rows f32 | centres i8, lists x dims | terms of centres, 12 bytes each | starts u32, lists + 1 | numbers u32, rows
//   | codes | terms of rows f32 | book f32
//
// What stands in codes and terms hangs on the kind of codes (lists.h, lists_code.h); those that it does not have are empty.
//
// Always true: what is read was checked, and every number that will be an address too.
#pragma once
#include "lists.h"
#include "section_file.h"

namespace elanus {

extern const SectionNames lists_file_names;

std::unique_ptr<IndexFileReader> open_lists_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);

// What `shape` says a section has.
uint64_t lists_section_bytes(const ListsShape& shape, uint32_t section, uint64_t block_count);

}  // namespace elanus
