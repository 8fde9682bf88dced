# What rbmpi needs from the system. The build and the installed package (rbmpiConfig.cmake) read this same list.
set(MPI_CXX_SKIP_MPICXX TRUE)
set(THREADS_PREFER_PTHREAD_FLAG TRUE)

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(fmt REQUIRED)
find_package(hwy REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
if(NOT TARGET PkgConfig::xxhash)
  pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
endif()
# Debian's CMake file of libzip wants tools of another package.
if(NOT TARGET PkgConfig::libzip)
  pkg_check_modules(libzip REQUIRED IMPORTED_TARGET GLOBAL libzip)
endif()
if(NOT TARGET PkgConfig::libarchive)
  pkg_check_modules(libarchive REQUIRED IMPORTED_TARGET GLOBAL libarchive)
endif()

if(NOT TARGET hdf5::hdf5)
  # Where pkg-config knows HDF5 for Open MPI (Debian), it is asked: CMake's own search fails in folders with a blank.
  pkg_check_modules(hdf5_openmpi IMPORTED_TARGET GLOBAL hdf5-openmpi)
  if(hdf5_openmpi_FOUND)
    add_library(hdf5::hdf5 INTERFACE IMPORTED GLOBAL)
    target_link_libraries(hdf5::hdf5 INTERFACE PkgConfig::hdf5_openmpi)
  else()
    set(HDF5_PREFER_PARALLEL TRUE)
    find_package(HDF5 REQUIRED COMPONENTS C)
    # The headers of a parallel HDF5 include <mpi.h>, which its target does not say.
    target_link_libraries(hdf5::hdf5 INTERFACE MPI::MPI_CXX)
  endif()
endif()

# Debian has several variants of OpenBLAS, and its alternatives prefer the one with threads of its own. Ours is the one
# that shares OpenMP's threads; where a system has just one, that one is found.
set(ENV{PKG_CONFIG_PATH} "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/pkgconfig:$ENV{PKG_CONFIG_PATH}")
if(NOT TARGET PkgConfig::openblas)
  pkg_check_modules(openblas REQUIRED IMPORTED_TARGET GLOBAL openblas)
endif()

if(NOT TARGET rbmpi_libcsv)
  # libcsv ships neither a CMake nor a pkg-config file.
  find_path(LIBCSV_INCLUDE_DIR csv.h REQUIRED)
  find_library(LIBCSV_LIBRARY csv REQUIRED)
  add_library(rbmpi_libcsv INTERFACE IMPORTED GLOBAL)
  target_include_directories(rbmpi_libcsv SYSTEM INTERFACE ${LIBCSV_INCLUDE_DIR})
  target_link_libraries(rbmpi_libcsv INTERFACE ${LIBCSV_LIBRARY})
endif()
