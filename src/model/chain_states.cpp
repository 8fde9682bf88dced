#include "rbmpi/model/chain_states.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {
namespace {

/// Rows that are in memory as numbers at a time, and in a file in a chunk: half a million numbers.
std::uint64_t rows_of_piece(std::uint64_t rows, std::size_t columns) {
  return std::clamp<std::uint64_t>((std::uint64_t{1} << 19U) / columns, 1, rows);
}

/// Calls body(first, count) for pieces of the rows of an array, one or more.
template <typename Body>
void for_pieces_of_chains(std::uint64_t rows, std::size_t columns, const Body& body) {
  const std::uint64_t at_once = rows_of_piece(rows, columns);
  for (std::uint64_t first = 0; first < rows; first += at_once) body(first, std::min(at_once, rows - first));
}

template <typename Value>
void write_chains_as(Hdf5File& file, const std::string& name, ElementType type, ConstBitMatrixView states) {
  std::vector<Value> values;
  for_pieces_of_chains(states.rows, states.columns, [&](std::uint64_t first, std::uint64_t count) {
    values.assign(count * states.columns, Value{0});
    for (std::uint64_t row = 0; row < count; ++row) {
      for_each_unit_on(states, first + row, [&](std::size_t unit) { values[row * states.columns + unit] = Value{1}; });
    }
    file.write_rows(name, type, first, count, values.data());
  });
}

/// States of some chains, which are zeros, from numbers.
template <typename Value>
void take_numbers(const Hdf5File& file, const std::string& name, std::uint64_t first, std::span<const Value> values,
                  BitMatrixView states) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == Value{0}) continue;
    const std::size_t row = i / states.columns;
    const std::size_t unit = i % states.columns;
    if (values[i] != Value{1}) {
      refuse(file, fmt::format("has the value {} in row {}, column {} of '{}'; zeros and ones would be right",
                               values[i], first + row, unit, name));
    }
    states.turn_on(row, unit);
  }
}

/// Calls body(first, states) for the chains of an array that was checked, a piece at a time.
template <typename Body>
void for_chains_read(const Hdf5File& file, const std::string& name, std::size_t visible, const Body& body) {
  const ArrayInfo info = file.array_info(name);
  std::vector<std::uint8_t> bytes;
  std::vector<std::int64_t> integers;
  std::vector<double> reals;
  for_pieces_of_chains(info.dimensions[0], visible, [&](std::uint64_t first, std::uint64_t count) {
    ChainStates piece(count, visible);
    if (info.type == ElementType::uint8) {
      bytes.resize(count * visible);
      file.read_rows(name, ElementType::uint8, first, count, bytes.data());
      take_numbers<std::uint8_t>(file, name, first, bytes, piece.view());
    } else if (info.integers) {
      integers.resize(count * visible);
      file.read_integers(name, first, count, integers.data());
      take_numbers<std::int64_t>(file, name, first, integers, piece.view());
    } else {
      reals.resize(count * visible);
      file.read_rows(name, ElementType::float64, first, count, reals.data());
      take_numbers<double>(file, name, first, reals, piece.view());
    }
    body(first, piece);
  });
}

}  // namespace

void write_chains(Hdf5File& file, const std::string& name, ElementType type, ConstBitMatrixView states, int deflate) {
  const std::uint64_t chunk_rows = deflate > 0 ? rows_of_piece(states.rows, states.columns) : 0;
  file.create_array(name, type, {states.rows, states.columns}, {.chunk_rows = chunk_rows, .deflate = deflate});
  if (type == ElementType::uint8) {
    write_chains_as<std::uint8_t>(file, name, type, states);
  } else {
    write_chains_as<float>(file, name, type, states);
  }
}

std::uint64_t check_chains(const Hdf5File& file, const std::string& name, std::size_t visible) {
  const ArrayInfo info = file.array_info(name);
  const bool numbers = info.integers || info.type == ElementType::float32 || info.type == ElementType::float64;
  const std::vector<std::uint64_t>& shape = info.dimensions;
  if (!numbers || shape.size() != 2 || shape[0] == 0 || shape[1] != visible) {
    refuse(file, fmt::format("has '{}' as {} [{}]; zeros and ones [chains x {}] would be right", name, info.type_name,
                             fmt::join(shape, " x "), visible));
  }
  const std::uint64_t row_bytes = words_for(visible) * sizeof(std::uint64_t);
  if (shape[0] > available_memory() / row_bytes) {
    throw Error(Failure::other, fmt::format("not enough memory for the {} chains in '{}' of '{}'", shape[0], name,
                                            file.path().string()));
  }
  return shape[0];
}

ChainStates read_chains(const Hdf5File& file, const std::string& name, std::size_t visible) {
  ChainStates states(check_chains(file, name, visible), visible);
  for_chains_read(file, name, visible, [&](std::uint64_t first, const ChainStates& piece) {
    std::ranges::copy(piece.words, states.view().row(first));
  });
  return states;
}

bool holds_chains(const Hdf5File& file, const std::string& name, const ChainStates& states) {
  if (check_chains(file, name, states.columns) != states.rows) return false;
  bool equal = true;
  for_chains_read(file, name, states.columns, [&](std::uint64_t first, const ChainStates& piece) {
    equal = equal && std::ranges::equal(piece.words, std::span(states.view().row(first), piece.words.size()));
  });
  return equal;
}

}  // namespace rbmpi
