#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "rbmpi/core/real.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

// The named arrays of a layout in a file: float32 [rows x columns], or [rows] of a vector. `values` is the flat buffer.
// All are Local, and throw Error(Failure::file) that names the file and the array.

/// Throws what `read_parameters` throws before it reads: if an array is missing or of another type or shape.
void check_parameters(const Hdf5File& file, const ParameterLayout& layout);
/// Throws also if a value is not finite.
void read_parameters(const Hdf5File& file, const ParameterLayout& layout, std::span<Real> values);
/// Groups are made where they are missing.
void write_parameters(Hdf5File& file, const ParameterLayout& layout, std::span<const Real> values);
/// Whether the file holds the arrays of the layout with just these values; it is read in pieces.
[[nodiscard]] bool holds_parameters(const Hdf5File& file, const ParameterLayout& layout, std::span<const Real> values);

/// Whether an array is [rows x columns] of this type, with just these bytes, which are read in pieces.
[[nodiscard]] bool holds_rows(const Hdf5File& file, const std::string& name, ElementType type, std::uint64_t rows,
                              std::uint64_t columns, const void* values);

}  // namespace rbmpi
