// Hosts that were started by MPI (mpirun, or srun with PMIx).
#pragma once

#include <memory>

#include "collective/transport.h"

namespace clary::collective {

// Whether the library is there.
bool HasMpi();

// Every process of MPI's world. The library (Open MPI 4 or 5, libmpi.so.40) is loaded here and
// nowhere else: kUnimplemented "NoMpi" where it is not installed. Once in a process, for whose
// whole life MPI then is there. kUnavailable "HostLost" if MPI cannot start.
// A process that dies takes the others with it, by its launcher.
Result<std::unique_ptr<Transport>> MeetOverMpi();

}  // namespace clary::collective
