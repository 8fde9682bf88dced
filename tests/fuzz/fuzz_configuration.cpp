// Input: a configuration file. What it means can be written as a configuration file that means the same.

#include "app/configuration.hpp"
#include "fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  const std::string text(data, data + size);
  TrainSettings settings;
  if (!fuzz::accepted([&] { settings = parse_configuration("input.ini", text); })) return 0;
  const std::string effective = effective_configuration(settings);
  std::string again;
  fuzz::promise(
      fuzz::accepted([&] { again = effective_configuration(parse_configuration("effective.ini", effective)); }),
      fmt::format("the effective configuration is one that is accepted:\n{}", effective));
  fuzz::promise(again == effective,
                fmt::format("the effective configuration means itself, but\n{}\nbecame\n{}", effective, again));
  return 0;
}
