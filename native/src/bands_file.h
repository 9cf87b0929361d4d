// The file of an index of bands: sections (section_file.h) of
//
//   keys u32, bands x rows | numbers of rows u32, bands x rows
//
// Always true: what is read was checked, and every number that will be an address too.
#pragma once
#include "bands.h"
#include "section_file.h"

namespace elanus {

extern const SectionNames bands_file_names;

std::unique_ptr<IndexFileReader> open_bands_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);
uint64_t bands_section_bytes(const BandsShape& shape);   // of either section

}  // namespace elanus
