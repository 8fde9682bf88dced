#include "report/epoch_table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"

namespace rbmpi {

std::string table_of(const std::vector<EpochFigures>& epochs, const std::string& of) {
  constexpr std::size_t most_rows = 60;
  const std::size_t stride = (epochs.size() + most_rows - 1) / most_rows;
  std::vector<std::string> keys;
  for (const EpochFigures& epoch : epochs) {
    for (const auto& [key, value] : epoch) {
      const bool is_new = key != "epoch" && key != "layer" && std::ranges::find(keys, key) == keys.end();
      if (is_new) keys.push_back(key);
    }
  }
  HtmlTable content{.caption = "Figures of metrics.jsonl" + of, .columns = {{"epoch", true}}, .rows = {}};
  if (stride > 1) content.caption += fmt::format(", every {} epochs", stride);
  for (const std::string& key : keys) content.columns.push_back({key, true});
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (i % stride != 0 && i + 1 < epochs.size()) continue;
    std::vector<std::string> row = {number_text(epochs[i].at("epoch"), 9)};
    for (const std::string& key : keys) {
      const auto found = epochs[i].find(key);
      row.push_back(found == epochs[i].end()                     ? ""
                    : found->second == std::round(found->second) ? number_text(found->second, 12)
                                                                 : number_text(found->second, 5));
    }
    content.rows.push_back(std::move(row));
  }
  return table(content);
}

}  // namespace rbmpi
