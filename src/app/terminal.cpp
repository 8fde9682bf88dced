#include "app/terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/utf8.hpp"

namespace rbmpi {

bool output_is_terminal() {
  const char* const kind = std::getenv("TERM");
  if (isatty(STDOUT_FILENO) == 0 || (kind != nullptr && std::string_view(kind) == "dumb")) return false;
  if (std::getenv("OMPI_COMM_WORLD_RANK") == nullptr) return true;
  std::error_code error;
  const std::string target =
      std::filesystem::read_symlink(fmt::format("/proc/{}/fd/1", static_cast<long>(getppid())), error).string();
  return !error && (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty"));
}

void put(std::FILE* stream, const std::string& text) noexcept {
  if (std::fwrite(text.data(), 1, text.size(), stream) < text.size() || std::fflush(stream) != 0) std::clearerr(stream);
}

void print_text(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size() || std::fflush(stdout) != 0)
    throw Error(Failure::other, "cannot write to the standard output");
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const auto [length, code] = first_character(text);
    if (length == 0 || is_control(code)) {
      shown += '?';
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return shown;
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', true, nlohmann::json::error_handler_t::replace);
}

void warn(const std::string& message) {
  put(stderr, fmt::format("rbmpi: warning: {}\n", printable(message)));
}

int terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace rbmpi
