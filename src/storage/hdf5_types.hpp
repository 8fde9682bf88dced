#pragma once

#include <hdf5.h>

#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi::hdf5 {

// The types of the library that stand for those of rbmpi. All of it is Local.

/// In memory. Throws Error(Failure::other) for `other`.
[[nodiscard]] hid_t native_type(ElementType type);
/// In a file: little-endian on every machine.
[[nodiscard]] hid_t stored_type(ElementType type);
/// Whether values of the type `stored` can be read as `wanted` without a loss.
[[nodiscard]] bool same_or_wider(ElementType stored, ElementType wanted);
/// Whether these are integers, or numbers, that every processor has: others would go through conversions of the library
/// that are not needed here.
[[nodiscard]] bool is_standard_integer(hid_t type);
[[nodiscard]] bool is_standard_number(hid_t type);
/// What `type` is. Of the result name and dimensions are empty.
[[nodiscard]] ArrayOutline describe_type(hid_t type);

}  // namespace rbmpi::hdf5
