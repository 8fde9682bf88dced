#include "app/command_start.hpp"

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

std::string see_help(const std::string& usage) {
  return fmt::format(" (rbmpi {} --help shows the usage)", usage.substr(0, usage.find(' ')));
}

std::filesystem::path file_argument(const boost::program_options::variables_map& values, const char* name,
                                    const char* what, const std::string& usage) {
  if (values.count(name) != 0) return values[name].as<std::string>();
  throw Error(Failure::usage, fmt::format("no {} given: rbmpi {}{}", what, usage, see_help(usage)));
}

void want_output(const std::filesystem::path& output, const char* what, const std::string& usage) {
  if (!output.empty()) return;
  throw Error(Failure::usage, fmt::format("--output FILE is missing: the {} to make{}", what, see_help(usage)));
}

}  // namespace rbmpi
