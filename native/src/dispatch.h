// Which instruction set to use. Chosen at the first question, by the processor or by ELANUS_ISA; changed by `use_table`.
#pragma once
#include "../simd/table.h"

namespace elanus {

const Table& table();                // throws Failure if ELANUS_ISA names what is not to be had
void use_table(const char* name);    // throws Failure

}  // namespace elanus
