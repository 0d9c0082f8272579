# Makes `find_package(symbiont COMPONENTS energy)` work from an installed tree: symbiont::energy comes with the modules
# and libraries it links, and with nothing else. Included last, when every module has been declared.

include(CMakePackageConfigHelpers)

# How an outside project finds a library that one of our modules links: TARGET "|" the words of its find_dependency "|"
# the Debian package that it then needs.
set(SYMBIONT_FINDABLE
  "Threads::Threads|Threads|libc6-dev"
  "ZLIB::ZLIB|ZLIB|zlib1g-dev"
  "SQLite::SQLite3|SQLite3 3.40|libsqlite3-dev"
  "fmt::fmt|fmt 9.1|libfmt-dev"
  "spdlog::spdlog|spdlog 1.10|libspdlog-dev"
  "tl::expected|tl-expected 1.0|libexpected-dev"
  "tomlplusplus::tomlplusplus|tomlplusplus 3.3|libtomlplusplus-dev")

# Libraries that an outside project links by name, as they have no CMake package: NAME "|" the Debian package.
set(SYMBIONT_PLAIN_LIBRARIES "cpp-httplib|libcpp-httplib-dev" "re2|libre2-dev")

# Sets in the caller: the modules, the find_dependency calls and the Debian packages that linking symbiont_<module>
# implies. Read off the target, so there is no second list to forget.
function(symbiont_module_needs module out_modules out_packages out_debian)
  get_target_property(links symbiont_${module} INTERFACE_LINK_LIBRARIES)
  set(modules "")
  set(packages "")
  set(debian "")
  foreach(link IN LISTS links)
    if(link MATCHES "INSTALL_INTERFACE:([a-z0-9-]+)>")
      set(known ${SYMBIONT_PLAIN_LIBRARIES})
      list(FILTER known INCLUDE REGEX "^${CMAKE_MATCH_1}\\|")
      if(NOT known)
        message(FATAL_ERROR "${module} links ${CMAKE_MATCH_1}: say in cmake/Package.cmake which package has it")
      endif()
      string(REGEX REPLACE "^.*\\|" "" known "${known}")
      list(APPEND debian ${known})
      continue()
    endif()
    if(link MATCHES "BUILD_INTERFACE" OR NOT link MATCHES "([A-Za-z0-9_]+)::([A-Za-z0-9_]+)")
      continue()
    endif()
    set(target ${CMAKE_MATCH_0})
    if(CMAKE_MATCH_1 STREQUAL "symbiont")
      list(APPEND modules ${CMAKE_MATCH_2})
      continue()
    endif()
    set(known ${SYMBIONT_FINDABLE})
    list(FILTER known INCLUDE REGEX "^${target}\\|")
    if(NOT known)
      message(FATAL_ERROR "${module} links ${target}: say in cmake/Package.cmake how an outside project finds it")
    endif()
    string(REPLACE "|" ";" known "${known}")
    list(GET known 1 package)
    list(APPEND packages "${package}")
    list(GET known 2 package)
    list(APPEND debian ${package})
  endforeach()
  set(${out_modules} ${modules} PARENT_SCOPE)
  set(${out_packages} ${packages} PARENT_SCOPE)
  set(${out_debian} ${debian} PARENT_SCOPE)
endfunction()

get_property(SYMBIONT_COMPONENTS GLOBAL PROPERTY SYMBIONT_COMPONENTS)
set(SYMBIONT_COMPONENT_NEEDS "")
set(SYMBIONT_DEBIAN_NEEDS "")
foreach(module IN LISTS SYMBIONT_COMPONENTS)
  symbiont_module_needs(${module} modules packages debian)
  list(APPEND SYMBIONT_DEBIAN_NEEDS ${debian})
  string(APPEND SYMBIONT_COMPONENT_NEEDS
    "set(_symbiont_${module}_modules \"${modules}\")\n"
    "set(_symbiont_${module}_packages \"${packages}\")\n")
endforeach()

set(SYMBIONT_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/symbiont)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/symbiontConfig.cmake.in
  ${PROJECT_BINARY_DIR}/symbiontConfig.cmake INSTALL_DESTINATION ${SYMBIONT_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/symbiontConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/symbiontConfig.cmake ${PROJECT_BINARY_DIR}/symbiontConfigVersion.cmake
  DESTINATION ${SYMBIONT_PACKAGE_DIR} COMPONENT development)
