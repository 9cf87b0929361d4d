// The file of packed lists: sections (section_file.h) of terms | blocks | bytes (postings.h).
//
// Always true: what is read was checked, every posting of it too.
#pragma once
#include "postings.h"
#include "section_file.h"

namespace elanus {

extern const SectionNames postings_file_names;

std::unique_ptr<IndexFileReader> open_postings_file(const std::string& path, std::shared_ptr<Sparse> sparse, bool mapped);

}  // namespace elanus
