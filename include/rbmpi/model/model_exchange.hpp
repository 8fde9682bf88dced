#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/model/chain_states.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

// Models in the files of other programs (docs/formats.md). Every function is Local and throws Error(Failure::file).

/// An .npz file with `weights` [V x H], `visible_bias` [V] and `hidden_bias` [H].
void export_npz(const std::filesystem::path& path, RbmView<const Real> rbm);

/// An .npz file with the attributes of scikit-learn's BernoulliRBM: `components_` [H x V], `intercept_hidden_` [H] and
/// `intercept_visible_` [V].
void export_sklearn(const std::filesystem::path& path, RbmView<const Real> rbm);

/// An HDF5 file of the Python package rbms (https://github.com/DsysDML/rbms), of its model type BBRBM: the group
/// `update_<n>` with `params/weight_matrix` [V x H], `params/vbias` [V] and `params/hbias` [H]. `chains`: samples of
/// the model, n x V, from which rbms goes on; they become `parallel_chains`.
void export_rbms(const std::filesystem::path& path, RbmView<const Real> rbm, std::uint64_t update,
                 ConstBitMatrixView chains);

/// A model from another program's file.
struct ImportedModel {
  Rbm rbm;
  std::string origin;  ///< "scikit-learn", "npz", "rbms, update 100"
  ChainStates chains;  ///< of the newest update of an rbms file, whose `parallel_chains` are; else none
};

/// Reads a model from any of these files; which one it is follows from the content. `update`: which one of an rbms
/// file, the newest if not given. Throws Error(Failure::file), naming the file and what is wrong with it, also for
/// parameters that are not finite in single precision, and Error(Failure::usage) for an update where there is none. The
/// file is read twice, first in a child process, where a crash of a library is an error as well.
[[nodiscard]] ImportedModel import_model(const std::filesystem::path& path, std::optional<std::uint64_t> update);

}  // namespace rbmpi
