// The file of a slim graph: sections (section_file.h) of
//
//   mean of the rows f32 | codes, rows x bytes (slim_encode.h) | terms f32, rows x a few | lists u32, rows x degree | next twin u32, rows or none
//   | books f32, of every stage
//
// Always true: what is read was checked, and every number that will be an address too.
#pragma once
#include "section_file.h"
#include "slim.h"

namespace elanus {

extern const SectionNames slim_file_names;

std::unique_ptr<IndexFileReader> open_slim_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);
uint64_t slim_section_bytes(const SlimShape& shape, uint32_t section, bool twins);

}  // namespace elanus
