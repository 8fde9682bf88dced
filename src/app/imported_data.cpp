#include "app/imported_data.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/train/run_folder.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

/// How the `source` of all that is made here begins. By these words it is known again: no other file is replaced.
constexpr std::string_view made_here = "imported for a training from ";

/// How it begins for one file.
std::string made_of(const fs::path& file) {
  return fmt::format("{}'{}'", made_here, fs::absolute(file).lexically_normal().string());
}

/// The whole of it: what else a second import would depend on.
std::string source_of(const fs::path& file, std::optional<double> scale) {
  const FileVersion at_rest(file);
  const auto modified = std::chrono::file_clock::to_sys(fs::last_write_time(file)).time_since_epoch();
  return fmt::format("{} ({} bytes, modified {} ns after 1970{})", made_of(file), fs::file_size(file), modified.count(),
                     scale ? fmt::format(", scale {}", *scale) : "");
}

/// What a dataset says of where it came from; nothing if it is none.
std::string source_in(const fs::path& dataset) {
  try {
    return read_in_child(dataset, [&] { return DatasetReader(dataset, Values::any).info().source; });
  } catch (const Error& error) {
    if (error.failure() == Failure::file) return {};
    throw;
  }
}

/// Whether a dataset is not newer than the last job of a run. One that a later run made anew may be other data.
bool was_there_for(const fs::path& run, const fs::path& dataset) {
  std::error_code unknown;
  const auto made = fs::last_write_time(dataset, unknown);
  const auto used = fs::last_write_time(RunFolder(run).configuration(), unknown);
  return !unknown && made <= used;
}

/// Makes the dataset.
void import_data(const char* key, const ImportOptions& options) {
  try {
    if (options.output.has_parent_path()) fs::create_directories(options.output.parent_path());
    const ImportResult result = import_in_child(options);
    for (const std::string& note : result.notes) warn(fmt::format("{}: {}", options.file.string(), note));
    say("  {:<11} {} is {}, converted to {}\n", key, options.file.string(), result.kind, options.output.string());
    for (const std::string& columns : result.columns) say("              {}\n", columns);
  } catch (const fs::filesystem_error& error) {
    throw Error(Failure::file,
                fmt::format("cannot make the folder of '{}': {}", options.output.string(), error.code().message()));
  } catch (const Error& error) {
    // Where an option can settle it, the message names it.
    const std::string what = error.what();
    if (what.find(" --") == std::string::npos) throw;
    throw Error(error.failure(),
                fmt::format("{}; rbmpi import {} ... --output NEW.h5 makes a dataset as you say, for {} = NEW.h5", what,
                            shell_word(options.file.string()), key));
  }
}

}  // namespace

fs::path imported_path(const fs::path& output, const char* key) {
  const fs::path folder = output.has_filename() ? output : output.parent_path();
  return fmt::format("{}.{}.h5", folder.string(), key);
}

fs::path dataset_of(const char* key, const fs::path& file, const fs::path& output, std::optional<double> scale,
                    const Communicator& world) {
  const fs::path dataset = imported_path(output, key);
  bool imported = false;
  world.agree_on_root([&] {
    now_doing("importing the data");
    imported = wants_import(file);
    if (!imported) return;
    ImportOptions options;
    options.file = file;
    options.output = dataset;
    options.source = source_of(file, scale);
    options.scale = scale;
    const std::string there = is_there(dataset) ? source_in(dataset) : std::string(made_here);
    if (there == options.source) {
      return say("  {:<11} {} was converted before, to {}\n", key, file.string(), dataset.string());
    }
    if (!there.starts_with(made_here)) {
      throw Error(Failure::usage, fmt::format("{} = {}: a dataset has to be made of it, but '{}' is there and was not "
                                              "made so; remove it, or give the run another output",
                                              key, file.string(), dataset.string()));
    }
    import_data(key, options);
  });
  return from_root(imported, world) ? dataset : file;
}

fs::path dataset_in_use(const char* key, const fs::path& file, const fs::path& output) {
  const auto is_made_of_it = [&](const fs::path& dataset) {
    return is_there(dataset) && source_in(dataset).starts_with(made_of(file));
  };
  fs::path dataset = imported_path(output, key);
  if (is_made_of_it(dataset)) return dataset;
  dataset = imported_path(RunFolder::before_move(output), key);
  return is_made_of_it(dataset) && was_there_for(output, dataset) ? dataset : file;
}

}  // namespace rbmpi
