# How a module, a test and a benchmark are declared. One call each; the functions are short enough to read.

include(GNUInstallDirs)

# Flags that every target of ours is compiled with. Kept off the public interface: users choose their own.
add_library(symbiont_warnings INTERFACE)
target_compile_options(symbiont_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  # An error where the build is ours; clang, which builds the fuzz targets, warns of more and of other things.
  $<$<CXX_COMPILER_ID:GNU>:-Werror>
  # The same seed must give the same decisions on every machine: no fused multiply-add behind our back.
  -ffp-contract=off)

# symbiont_module(<name> SOURCES ... [DEPS <modules>] [LINK <private libraries>])
# Declares symbiont::<name>. Its DEPS must already exist, so an upward or circular arrow fails to configure.
function(symbiont_module name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPS;LINK")
  add_library(symbiont_${name} ${ARG_SOURCES})
  add_library(symbiont::${name} ALIAS symbiont_${name})
  set_target_properties(symbiont_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(symbiont_${name} PUBLIC cxx_std_20)
  target_include_directories(symbiont_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  foreach(dep IN LISTS ARG_DEPS)
    if(NOT TARGET symbiont::${dep})
      message(FATAL_ERROR "${name} depends on ${dep}, which is not below it in src/CMakeLists.txt")
    endif()
    target_link_libraries(symbiont_${name} PUBLIC symbiont::${dep})
  endforeach()
  # Header-only and used inside: an outside project need not find it.
  list(TRANSFORM ARG_LINK REPLACE "^nlohmann_json::nlohmann_json$" "$<BUILD_INTERFACE:nlohmann_json::nlohmann_json>")
  target_link_libraries(symbiont_${name} PRIVATE $<BUILD_INTERFACE:symbiont_warnings> ${ARG_LINK})
  symbiont_install_module(${name})
endfunction()

# Installs a module, which find_package(symbiont COMPONENTS <name>) then finds: library, headers, and the targets that
# Package.cmake leads to.
function(symbiont_install_module name)
  set_property(GLOBAL APPEND PROPERTY SYMBIONT_COMPONENTS ${name})
  install(TARGETS symbiont_${name} EXPORT symbiont-${name}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(EXPORT symbiont-${name}-targets NAMESPACE symbiont::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/symbiont COMPONENT development)
  if(EXISTS ${PROJECT_SOURCE_DIR}/include/symbiont/${name})
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/symbiont/${name}
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/symbiont COMPONENT development FILES_MATCHING PATTERN "*.h")
  endif()
endfunction()

# symbiont_test(<module> <sources>... [LINK <libraries>] [ARGS <ctest properties>])
# One test program per module, one ctest case per TEST, labelled with the module.
function(symbiont_test module)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "LINK;PROPERTIES")
  add_executable(${module}_test ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${module}_test PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests/support)
  target_link_libraries(${module}_test PRIVATE
    symbiont::${module} symbiont_warnings GTest::gmock GTest::gtest_main ${ARG_LINK})
  gtest_discover_tests(${module}_test
    TEST_PREFIX "${module}." DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${module} TIMEOUT 300 ${ARG_PROPERTIES})
endfunction()

# symbiont_benchmark(<module> <sources>... [LINK <libraries>])
# One program per source, bin/<x>_benchmark for x_benchmark.cpp; `./dev bench` runs them all.
function(symbiont_benchmark module)
  if(NOT SYMBIONT_BENCH)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "LINK")
  foreach(source IN LISTS ARG_UNPARSED_ARGUMENTS)
    cmake_path(GET source STEM benchmark)
    add_executable(${benchmark} ${source})
    target_include_directories(${benchmark} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${benchmark} PRIVATE
      symbiont::${module} symbiont_warnings benchmark::benchmark_main ${ARG_LINK})
  endforeach()
endfunction()
