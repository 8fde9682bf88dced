#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Collective, though nobody waits. Throws an AgreedError(Failure::file), which names the file, if its rows would be
/// misread.
void refuse_misreading(const NodeSamples& data, const std::filesystem::path& file);

/// Local. Of rows that count differently ", weighted: as good as 630.2 of equal weight"; of others nothing.
[[nodiscard]] std::string weights_in_words(const Rows& rows);

/// Local. Throws Error(Failure::file) if there are rows and none has a weight above 0. The message says `which` rows of
/// which file and key they are, and what would be `right`.
void refuse_weightless(const Rows& rows, const std::string& which, const std::string& right);

/// Local. What is to be said to those who train or use a net on rows with weights; nothing on others.
[[nodiscard]] std::string note_on_unused_weights(const NodeSamples& data);

/// Local. What is worth a line about rows that are trained on, without the name of their file.
[[nodiscard]] std::vector<std::string> notes_on(const NodeSamples& data);

/// Collective. The rows of `file`, as they were loaded for a command that uses a model on them: refused if they would
/// be misread; notes go to the standard error.
[[nodiscard]] NodeSamples heeded(NodeSamples data, const std::filesystem::path& file, const Communicator& world);

}  // namespace rbmpi
