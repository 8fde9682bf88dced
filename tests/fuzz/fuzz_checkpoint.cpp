// Input: a checkpoint. Whatever its bytes, it is sealed anew, so that HDF5 sees them.

#include "fuzz/contained.hpp"
#include "fuzz/model_promises.hpp"
#include "fuzz/support.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/checkpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rbmpi;
  static const fuzz::Containment containment;
  const std::filesystem::path path = fuzz::input_file("checkpoint-1.h5", {data, size});
  (void)fuzz::accepted([&] { check_seal(path); });
  seal_file(path, path);
  fuzz::promise(fuzz::accepted([&] { check_seal(path); }), "a file that was sealed is accepted");
  (void)containment.accepted([&] {
    const Checkpoint checkpoint = read_checkpoint(Hdf5File::open(path));
    fuzz::check_model(checkpoint.model);
    const Model& model = checkpoint.model;
    const std::uint32_t layer = checkpoint.progress.layer;
    fuzz::promise(model.net ? layer == 0 : layer < model.layers.size(), "a training is in one of its layers");
    const std::size_t parameters =
        model.net ? model.net->shape().parameters() : model.layers[layer].shape().parameters();
    for (const SavedState::Memory& memory : checkpoint.optimizer) {
      const std::size_t wanted = memory.rows == 0 ? parameters : memory.rows * memory.columns;
      fuzz::promise(memory.values.span().size() == wanted, "an optimizer's memory fits the parameters or its shape");
    }
  });
  return 0;
}
