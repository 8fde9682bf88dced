# `cmake --install`: the program, the layers as libraries with their headers, the configurations and the small dataset.
include(CMakePackageConfigHelpers)

set(rbmpi_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rbmpi)
set(rbmpi_layers rbmpi_core rbmpi_parallel rbmpi_storage rbmpi_data rbmpi_import rbmpi_model rbmpi_gibbs rbmpi_evaluate rbmpi_train rbmpi_report)

# rbmpi::rbmpi: the whole library, for those who do not want to choose layers.
add_library(rbmpi_all INTERFACE)
add_library(rbmpi::rbmpi ALIAS rbmpi_all)
set_target_properties(rbmpi_all PROPERTIES EXPORT_NAME rbmpi)
target_link_libraries(rbmpi_all INTERFACE ${rbmpi_layers})

# The installed program finds the same libraries as the built one, not another variant of the same name.
set_target_properties(rbmpi PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)

install(TARGETS rbmpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${rbmpi_layers} rbmpi_all EXPORT rbmpi ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/rbmpi DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/rbmpi)
install(FILES data/digits.h5 DESTINATION ${CMAKE_INSTALL_DATADIR}/rbmpi/data)

install(EXPORT rbmpi FILE rbmpiTargets.cmake NAMESPACE rbmpi:: DESTINATION ${rbmpi_package_dir})
configure_package_config_file(cmake/rbmpiConfig.cmake.in ${PROJECT_BINARY_DIR}/rbmpiConfig.cmake
                              INSTALL_DESTINATION ${rbmpi_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rbmpiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rbmpiConfig.cmake ${PROJECT_BINARY_DIR}/rbmpiConfigVersion.cmake
              cmake/dependencies.cmake
        DESTINATION ${rbmpi_package_dir})
