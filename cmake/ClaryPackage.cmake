# What is installed: the program as a Debian package, and the engine as a library.
#
# cpack -G DEB --config build/release/CPackConfig.cmake -B DIR writes DIR/clary_<version>_<arch>.deb
# with the component "program". Its dependencies are those of the libraries it is linked with, and
# what it starts.
#
# The engine as an installed library: find_package(clary) gives clary::gbdt, one static archive of
# the engine and the few general functions it uses. Nothing of the service is in it, and nothing
# but threads has to be linked with it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

function(clary_install_package)
  add_library(clary_gbdt_package STATIC $<TARGET_OBJECTS:clary_gbdt>
    $<TARGET_OBJECTS:clary_base_packaged> $<TARGET_OBJECTS:clary_data_packaged>
    $<TARGET_OBJECTS:clary_collective_packaged>)
  set_target_properties(clary_gbdt_package PROPERTIES
    EXPORT_NAME gbdt OUTPUT_NAME clary_gbdt LINKER_LANGUAGE CXX ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/package)
  target_link_libraries(clary_gbdt_package PUBLIC Threads::Threads)
  target_compile_features(clary_gbdt_package PUBLIC cxx_std_23)
  target_include_directories(clary_gbdt_package INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

  set(dir ${CMAKE_INSTALL_LIBDIR}/cmake/clary)
  install(TARGETS clary_gbdt_package EXPORT clary
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT gbdt)
  install(FILES ${CMAKE_SOURCE_DIR}/include/clary/gbdt.h ${CMAKE_SOURCE_DIR}/include/clary/error.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/clary COMPONENT gbdt)
  install(EXPORT clary NAMESPACE clary:: FILE claryTargets.cmake DESTINATION ${dir} COMPONENT gbdt)
  file(WRITE ${CMAKE_BINARY_DIR}/package/claryConfig.cmake
"include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(\${CMAKE_CURRENT_LIST_DIR}/claryTargets.cmake)
")
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/claryConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/package/claryConfig.cmake
    ${CMAKE_BINARY_DIR}/package/claryConfigVersion.cmake DESTINATION ${dir} COMPONENT gbdt)
endfunction()

set(CPACK_PACKAGE_NAME clary)
set(CPACK_PACKAGE_CONTACT "The Clary authors <clary@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Self-hosted machine learning behind SageMaker's wire protocols")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME clary)
set(CPACK_DEBIAN_PROGRAM_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "bubblewrap, ca-certificates, tzdata")
include(CPack)
