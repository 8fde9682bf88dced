#include "rbmpi/train/named_model.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/job_log.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

NamedModel read_named(const fs::path& file) {
  const Hdf5File hdf5 = Hdf5File::open(file);
  if (!is_checkpoint(hdf5)) return {.model = read_model(hdf5), .file = file, .progress = {}};
  if (!has_seal(file)) check_seal(file);  // which says what is wrong with it
  Checkpoint checkpoint = read_checkpoint(hdf5);
  std::optional<SavedChains> chains = chains_of(checkpoint);
  return {
      .model = std::move(checkpoint.model), .file = file, .progress = checkpoint.progress, .chains = std::move(chains)};
}

/// Each file is read once, after a trial in a child; of sealed ones HDF5 gets no byte before the checksum was found
/// right.
NamedModel load_file(const fs::path& file) {
  NamedModel named;
  FileVersion(file).guard([&] {
    if (has_seal(file)) check_seal(file);
    named = read_after_trial(file, [&] { return read_named(file); });
  });
  return named;
}

/// Whether a file is a net, as its root says.
bool holds_net(const fs::path& file) {
  return read_in_child(file, [&] {
           return Hdf5File::open(file).text_attribute("/", "format").value_or(std::string());
         }) == "rbmpi-net";
}

/// Throws if the last job of a run that has no model ended because it diverged.
void refuse_divergence(const RunFolder& folder) {
  const std::vector<JobRecord> jobs = read_jobs(folder.jobs());
  if (jobs.empty() || jobs.back().end != "diverged") return;
  throw Error(Failure::file,
              fmt::format("the run in '{}' diverged before its first checkpoint, so it has no model: {}; "
                          "with --fresh it starts over",
                          folder.path().string(), jobs.back().message));
}

}  // namespace

std::optional<NamedModel> newest_model(const RunFolder& folder) {
  std::string problem;
  for (const std::uint64_t steps : folder.checkpoints()) {
    throw_if_stopped("reading the checkpoint");
    try {
      return load_file(folder.checkpoint(steps));
    } catch (const Error& error) {
      // It may be damaged, or have made room for a newer one just now: the one before it will do.
      if (error.failure() != Failure::file) throw;
      if (problem.empty()) problem = error.what();
    }
  }
  std::error_code ignored;
  if (fs::exists(folder.model(), ignored)) return load_file(folder.model());
  if (!problem.empty()) throw Error(Failure::file, problem);
  return std::nullopt;
}

NamedModel load_best_model(const fs::path& path) {
  std::error_code ignored;
  const fs::path best = RunFolder(path).best();
  const bool use_best = fs::is_directory(path, ignored) && fs::exists(best, ignored) && holds_net(best);
  return use_best ? load_file(best) : load_named_model(path);
}

NamedModel load_named_model(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return load_file(path);
  const RunFolder folder(path);
  if (std::optional<NamedModel> newest = newest_model(folder)) return std::move(*newest);
  if (fs::exists(folder.configuration(), ignored)) {
    refuse_divergence(folder);
    throw Error(Failure::file, fmt::format("the run in '{}' has no checkpoint yet: the first one comes after "
                                           "checkpoint-seconds or checkpoint-epochs, or at its end",
                                           folder.path().string()));
  }
  throw Error(Failure::file, fmt::format("'{}' is a folder, but not that of a run: it has neither a checkpoint nor a "
                                         "model.h5",
                                         folder.path().string()));
}

}  // namespace rbmpi
