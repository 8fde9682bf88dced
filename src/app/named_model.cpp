#include "app/named_model.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/run_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

bool holds_checkpoint(const fs::path& file) {
  return read_in_child(file, [&] { return std::string(is_checkpoint(Hdf5File::open(file)) ? "yes" : "no"); }) == "yes";
}

NamedModel load_file(const fs::path& file) {
  if (!holds_checkpoint(file)) return {.model = load_model(file), .file = file, .progress = {}};
  Checkpoint checkpoint = load_checkpoint(file);
  return {.model = std::move(checkpoint.model), .file = file, .progress = checkpoint.progress};
}

NamedModel load_newest(const RunFolder& folder) {
  std::string problem;
  for (const std::uint64_t steps : folder.checkpoints()) {
    try {
      return load_file(folder.checkpoint(steps));
    } catch (const Error& error) {
      // It may be damaged, or have made room for a newer one just now: the one before it will do.
      if (error.failure() != Failure::file) throw;
      if (problem.empty()) problem = error.what();
    }
  }
  if (fs::exists(folder.model())) return load_file(folder.model());
  if (!problem.empty()) throw Error(Failure::file, problem);
  if (fs::exists(folder.configuration())) {
    throw Error(Failure::file, fmt::format("the run in '{}' has no checkpoint yet: the first one comes after "
                                           "checkpoint-seconds or checkpoint-epochs, or at its end",
                                           folder.path().string()));
  }
  throw Error(Failure::file, fmt::format("'{}' is a folder, but not that of a run: it has neither a checkpoint nor a "
                                         "model.h5",
                                         folder.path().string()));
}

}  // namespace

NamedModel load_named_model(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? load_newest(RunFolder(path)) : load_file(path);
}

Rbm only_layer(const NamedModel& named, const Communicator& world) {
  world.agree_on_root([&] {
    const std::size_t layers = named.model.layers.size();
    if (layers == 1) return;
    throw Error(Failure::file,
                fmt::format("'{}' has {} layers; a model of one is wanted", named.file.string(), layers));
  });
  std::array<std::uint64_t, 2> sizes{};
  if (world.is_root()) sizes = {named.model.layers.front().shape().visible, named.model.layers.front().shape().hidden};
  world.broadcast(std::as_writable_bytes(std::span(sizes)));
  Rbm rbm;
  world.agree([&] { rbm = Rbm({sizes[0], sizes[1]}); });
  if (world.is_root()) std::ranges::copy(named.model.layers.front().parameters(), rbm.parameters().begin());
  world.broadcast(std::as_writable_bytes(rbm.parameters()));
  return rbm;
}

}  // namespace rbmpi
