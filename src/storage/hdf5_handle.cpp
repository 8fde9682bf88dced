#include "storage/hdf5_handle.hpp"

#include <algorithm>
#include <vector>

#include <fmt/ranges.h>

namespace rbmpi::hdf5 {

void keep_quiet() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string error_stack() {
  std::vector<std::string> causes;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* data) -> herr_t {
    auto& list = *static_cast<std::vector<std::string>*>(data);
    std::string text = error->desc != nullptr ? error->desc : "";
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &causes);
  H5Eclear2(H5E_DEFAULT);
  return causes.empty() ? "no reason given" : fmt::format("{}", fmt::join(causes, "; "));
}

}  // namespace rbmpi::hdf5
