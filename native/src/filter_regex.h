// Regular expressions over UTF-8 as a test of texts. The words are drawn in elanus_filter.h.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>
#include "filter_text.h"

namespace elanus {

// Throws Failure where the words are no program.
std::unique_ptr<TextTest> text_regex(std::vector<uint32_t> words);

}  // namespace elanus
