#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "app/configuration.hpp"

namespace rbmpi {

/// What `rbmpi report` is told.
struct ReportSettings {
  std::filesystem::path run;
  std::filesystem::path output;
  std::filesystem::path data;        ///< empty: where the configuration says that it is
  std::filesystem::path evaluation;  ///< empty: none
  std::uint64_t rows = 10'000;
  std::optional<std::size_t> layer;  ///< of a stack, from 0; nothing: all of them
  TrainSettings train;               ///< of it the shared keys
};

}  // namespace rbmpi
