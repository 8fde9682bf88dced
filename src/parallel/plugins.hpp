#pragma once

namespace rbmpi {

/// Local. Keeps the code of all libraries that are loaded now, MPI's plugins above all, until the process ends. Open
/// MPI 4.1 unmaps the plugin for PMIx in MPI_Finalize while another thread of its may still have an event for it to
/// handle: about one end in a thousand crashed there (issue 10117 of Open MPI).
void keep_plugins() noexcept;

}  // namespace rbmpi
