// What a node of places says of one value of a document: a class and a word, as a place column has them.
//
// Always true: a word is looked at before it is followed into the documents' bytes; depth costs as much stack as the program is deep.
#pragma once
#include <cstdint>
#include <string>
#include "filter_code.h"

namespace elanus {

// 0 FALSE, 1 TRUE, 2 UNKNOWN. `c` has the documents' bytes; `text` is room for a text without its escapes.
int judge(const Node& node, const elanus_column& c, uint8_t kind, int64_t word, std::string* text);

}  // namespace elanus
