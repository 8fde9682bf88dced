#pragma once

#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>  // where newer versions keep what drivers need
#endif

namespace rbmpi {

/// HDF5 cannot close a file that it could not write (a full disk, a quota): H5Fclose frees the file but keeps its
/// identifier, and the process crashes when the library or MPI ends. So files are written through a driver of our own.
/// It remembers the first failure, tells HDF5 that all is well and drops what else is written; HDF5 closes in good
/// order, and whoever made the file looks at `problem` to find that it is worthless.
///
/// Makes files of the access list use that driver. `problem` is set to errno at the first failure. It has to live as
/// long as the file is open. Gives HDF5's status.
herr_t use_write_driver(hid_t access_list, int* problem);

}  // namespace rbmpi
