#include "cli/arguments/version.h"

#include "cli/command/command.h"
#include "io/base/text.h"

namespace og::cli {

Command VersionCommand() {
  return {.spec = {.path = "version",
                   .summary = "Print the version and that of the storage layout",
                   .examples = "  omnigraph version",
                   .capability = Capability::kLocal,
                   .takes_store = false},
          .run = [](Invocation& invocation) {
            return invocation.Print(io::StrCat("omnigraph ", kVersion, "\ninternal-schema ",
                                               engine::graph::kInternalSchemaVersion, "\n"));
          }};
}

}  // namespace og::cli
