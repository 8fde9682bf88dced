#pragma once

#include <span>
#include <string>

namespace rbmpi {

/// A part of a page with a heading of its own.
struct Section {
  std::string id;     ///< of its anchor: letters and dashes
  std::string title;  ///< text
  std::string html;
};

/// Local. A whole HTML page that stands alone: no script, nothing from elsewhere (its own policy forbids both), light
/// and dark as the reader prefers, for screens from a phone's on and for paper. Sections without content are left out.
[[nodiscard]] std::string page(const std::string& title, const std::string& lead, std::span<const Section> sections);

}  // namespace rbmpi
