# `./dev package`: what is installed, as three Debian packages.
#
#   symbiont                the command: a few megabytes
#   symbiont-trainer-torch  the trainer, which brings libtorch: half a gigabyte
#   libsymbiont-dev         headers, libraries, and what find_package needs. The libraries are static: there is no
#                           promise about their binary interface yet, and the two programs share none of them at run time.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME symbiont)
set(CPACK_PACKAGE_VENDOR "the Symbiont project")
set(CPACK_PACKAGE_CONTACT "Symbiont maintainers <maintainers@symbiont.example>" CACHE STRING "Maintainer of the packages")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL symbiont development)
if(SYMBIONT_TRAIN)
  list(APPEND CPACK_COMPONENTS_ALL trainer)
endif()
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(SYMBIONT_DEBIAN_VERSION ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})

set(CPACK_DEBIAN_SYMBIONT_PACKAGE_NAME symbiont)
set(CPACK_DEBIAN_SYMBIONT_PACKAGE_SECTION science)
set(CPACK_DEBIAN_SYMBIONT_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SYMBIONT_PACKAGE_SUGGESTS "symbiont-trainer-torch (= ${SYMBIONT_DEBIAN_VERSION})")
set(CPACK_COMPONENT_SYMBIONT_DESCRIPTION "recurring training jobs that use less energy
Runs a training job again and again, learns which batch size reaches its
target at the least cost, accounts for every joule and gram, and shows what
that saved against the measured default. One command, and one ledger that
survives a kill.")

set(CPACK_DEBIAN_TRAINER_PACKAGE_NAME symbiont-trainer-torch)
set(CPACK_DEBIAN_TRAINER_PACKAGE_SECTION science)
set(CPACK_DEBIAN_TRAINER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TRAINER_PACKAGE_DEPENDS "symbiont (= ${SYMBIONT_DEBIAN_VERSION}), libopenblas0-pthread")
set(CPACK_DEBIAN_TRAINER_PACKAGE_RECOMMENDS dataset-fashion-mnist)
set(CPACK_COMPONENT_TRAINER_DESCRIPTION "trainer of Symbiont on libtorch
Trains image and table classifiers on the processor, under leases of steps
that `symbiont run` grants.")

list(REMOVE_DUPLICATES SYMBIONT_DEBIAN_NEEDS)
list(JOIN SYMBIONT_DEBIAN_NEEDS ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsymbiont-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "libraries of Symbiont, for programs in C++20
Each module is a component of the CMake package: after
find_package(symbiont COMPONENTS energy), symbiont::energy brings what it
uses and nothing else. The libraries are static.")

configure_file(${CMAKE_CURRENT_LIST_DIR}/FinishDebianPackages.cmake.in
  ${PROJECT_BINARY_DIR}/FinishDebianPackages.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/FinishDebianPackages.cmake)
include(CPack)
