#include "rbmpi/train/run_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view checkpoint_prefix = "checkpoint-";
constexpr std::string_view suffix = ".h5";
constexpr std::string_view old_infix = ".old-";

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot write the output folder '{}': {}", path.string(), why));
}

/// The steps in "checkpoint-<steps>.h5", if it is such a name.
std::optional<std::uint64_t> steps_in(std::string_view name) {
  if (!name.starts_with(checkpoint_prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(checkpoint_prefix.size());
  name.remove_suffix(std::min(name.size(), suffix.size()));
  std::uint64_t steps = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), steps);
  if (error != std::errc() || end != name.data() + name.size() || name != std::to_string(steps)) return std::nullopt;
  return steps;
}

/// A link that leads nowhere is there, too.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// The names of all that is in the folder; none if it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

}  // namespace

bool RunFolder::has_file(const fs::path& file) {
  const RunFolder folder(file.parent_path());
  const std::string name = file.filename().string();
  for (const fs::path& own :
       {folder.configuration(), folder.metrics(), folder.jobs(), folder.model(), folder.best(), folder.lock()}) {
    if (name == own.filename()) return is_there(folder.configuration());
  }
  const bool numbered = name.starts_with(checkpoint_prefix) || name.starts_with("snapshot-");
  return numbered && name.ends_with(suffix) && is_there(folder.configuration());
}

void RunFolder::check() const {
  std::error_code ignored;
  // The nearest folder that exists has to take the others.
  fs::path nearest = fs::absolute(path_).lexically_normal();
  while (!fs::exists(nearest, ignored) && nearest.has_relative_path()) nearest = nearest.parent_path();
  if (!fs::is_directory(nearest, ignored)) refuse(path_, fmt::format("'{}' is no folder", nearest.string()));
  if (access(nearest.c_str(), W_OK | X_OK) != 0) {
    refuse(path_, fmt::format("'{}': {}", nearest.string(), error_text(errno)));
  }
}

void RunFolder::create() const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) refuse(path_, error.message());
}

void RunFolder::write_configuration(const std::string& text) const {
  write_text_file(configuration(), text);
}

void RunFolder::restore_configuration(const std::string& text) const {
  if (!text.empty() && !is_there(configuration())) write_configuration(text);
}

void RunFolder::remove_partial_files() const {
  rbmpi::remove_partial_files(path_, {}, /*sole_writer=*/true);
}

fs::path RunFolder::move_aside() const {
  std::error_code error;
  const fs::path folder = fs::canonical(path_, error);  // behind a link, which goes on to lead there
  for (int number = 1; !error; ++number) {
    fs::path target = fmt::format("{}{}{}", folder.string(), old_infix, number);
    if (is_there(target)) continue;
    fs::rename(folder, target, error);
    if (!error) fs::create_directory(folder, target, error);
    if (!error) return target;
  }
  throw Error(Failure::file, fmt::format("cannot move the folder '{}' aside to '{}.old-...': {}", path_.string(),
                                         folder.string(), error.message()));
}

fs::path RunFolder::before_move(const fs::path& folder) {
  const std::string path = (folder.has_filename() ? folder : folder.parent_path()).string();
  const std::size_t end = path.find_last_not_of("0123456789") + 1;
  const bool moved = end < path.size() && std::string_view(path).substr(0, end).ends_with(old_infix);
  return moved ? fs::path(path.substr(0, end - old_infix.size())) : folder;
}

std::vector<std::uint64_t> RunFolder::checkpoints() const {
  std::vector<std::uint64_t> all;
  for (const std::string& name : names_in(path_)) {
    if (const auto steps = steps_in(name)) all.push_back(*steps);
  }
  std::ranges::sort(all, std::greater());
  return all;
}

fs::path RunFolder::set_aside(std::uint64_t steps, const std::string& why) const {
  const fs::path file = checkpoint(steps);
  fs::path target = fmt::format("{}.{}", file.string(), why);
  for (int number = 2; is_there(target); ++number) target = fmt::format("{}.{}-{}", file.string(), why, number);
  std::error_code error;
  fs::rename(file, target, error);
  if (error) throw Error(Failure::file, fmt::format("cannot rename '{}': {}", file.string(), error.message()));
  return target;
}

void RunFolder::remove_old_checkpoints(std::uint64_t steps, std::uint64_t keep) const {
  std::uint64_t kept = 0;
  for (const std::uint64_t other : checkpoints()) {
    std::error_code ignored;  // what cannot be removed now is removed after the next checkpoint
    if (other <= steps && ++kept > keep) fs::remove(checkpoint(other), ignored);
  }
}

fs::path RunFolder::checkpoint(std::uint64_t steps) const {
  return path_ / fmt::format("{}{}{}", checkpoint_prefix, steps, suffix);
}

fs::path RunFolder::snapshot(std::uint64_t steps) const {
  return path_ / fmt::format("snapshot-{}{}", steps, suffix);
}

}  // namespace rbmpi
