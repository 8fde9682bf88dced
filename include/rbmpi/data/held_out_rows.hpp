#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace rbmpi {

/// Local. `count` of `rows` rows, in ascending order, to be held out for validation: drawn without replacement, a
/// function of the arguments alone. With labels (of each row) each class has its share, to within one row: of a class
/// of n rows, count * n / rows, rounded down, and one more for the classes with the largest remainders. `count` is at
/// most `rows`.
[[nodiscard]] std::vector<std::uint64_t> draw_held_out_rows(std::uint64_t rows, std::span<const std::int32_t> labels,
                                                            std::uint64_t count, std::uint64_t seed);

}  // namespace rbmpi
